// The tab "Test": a message, tried on the draft or on what a stage serves; its way lights up in the picture.

import { format, jsonProblem } from "../json.js";
import { ago, make } from "./elements.js";
import { GROUP } from "./graph.js";
import { call, fragment } from "./store.js";
import { TestCases } from "./test-cases.js";

const ID = "test";
const DRAFT = "draft";
const KINDS = ["client", "selector", "route", "integration", "backend", "group"];
const UNCHOSEN = ["$connect", "$disconnect"]; // no message can choose them
const TRAFFIC_EVERY = 2500;
const TRAFFIC_ROWS = 8;

export class Tester {
  #designer;
  #root;
  #cases;
  #asked = 0;
  #sample = "";
  #way = [];
  #tried = null;
  #trafficTimer = 0;

  constructor(designer) {
    this.#designer = designer;
    this.#root = designer.querySelector("[data-tester-view]").content.firstElementChild.cloneNode(true);
    this.#cases = new TestCases(designer, this, this.#root);
    this.#listen();
    designer.inspector.addTab({
      id: ID,
      label: "Test",
      isFor: hasTests,
      show: (node, body) => this.#show(node, body),
      leave: () => this.#leave(),
    });
  }

  get message() { return this.#field.value; }

  get #field() { return this.#root.querySelector("textarea"); }

  /** Where it is tried: the stage whose settings count, if any, and whether what it serves is meant, not the draft. */
  get against() {
    const [kind, stage] = JSON.parse(this.#root.querySelector("select").value);
    return { stage, served: kind !== DRAFT };
  }

  /** Show the tab, of the node with this key or of the one that is selected if they have one, and go to the message. */
  async open(key = "") {
    const { canvas, inspector } = this.#designer;
    const node = [key, inspector.node?.key, "client"].map((each) => canvas.picture.node(each)).find((each) => each && hasTests(each));
    canvas.select(node.key);
    await inspector.show(node, { tab: ID });
    this.#field.focus();
  }

  /** Put a message into the editor. */
  write(message) {
    this.#field.value = message;
    this.#sample = "";
    this.#check();
  }

  /** Say what is tried: `{ message, stage, served }`, as forms send it. */
  asked() {
    const { stage, served } = this.against;
    return { message: this.message, stage, served: String(served) };
  }

  run() { return this.#try(this.#designer.dataset.testUrl); }

  send() { return this.#try(this.#designer.dataset.testSendUrl, { isDry: false }); }

  // what is shown

  #show(node, body) {
    if (this.#root.parentElement !== body) body.replaceChildren(this.#root);
    this.#offerStages();
    this.#suggest(node);
    this.#check();
    this.#light();
    this.#cases.show();
    if (this.#tried && this.#tried.version !== this.#designer.store.graph.version) this.#followDraft();
  }

  /** The draft has changed: what was tried on it is tried again, what was sent was sent to an earlier one. */
  #followDraft() {
    if (this.#tried.isDry && this.#isCurrent) this.#try(this.#designer.dataset.testUrl, { quietly: true });
    else this.#tellAge();
  }

  #leave() {
    clearTimeout(this.#trafficTimer);
    this.#designer.highlight([]);
  }

  #offerStages() {
    const select = this.#root.querySelector("select");
    const { stages } = this.#designer.store.graph;
    const option = (kind, stage, words) => new Option(words, JSON.stringify([kind, stage]));
    const options = [
      ...stages.map(({ stageName }) => option(DRAFT, stageName, `the draft, with the variables of stage ${stageName}`)),
      option(DRAFT, "", stages.length ? "the draft, without a stage" : "the draft"),
      ...stages.filter((stage) => stage.deploymentId).map(({ stageName }) => option("served", stageName, `what stage ${stageName} serves now`)),
    ];
    if ([...select.options].map((each) => each.value).join() === options.map((each) => each.value).join()) return;
    const before = select.value;
    select.replaceChildren(...options);
    if (options.some((each) => each.value === before)) select.value = before;
  }

  /** A message that takes the route that one looks at, while nothing else was written. */
  #suggest(node) {
    if (this.message && this.message !== this.#sample) return;
    const { picture } = this.#designer;
    const first = picture.ofKind("route").find((route) => !route.label.startsWith("$"));
    const route = node.kind === "route" && !node.label.startsWith("$") ? node : this.#sample ? null : first;
    const sample = route && sampleFor(picture.node("selector").label, route.label);
    if (sample) this.#field.value = this.#sample = sample;
  }

  #check() {
    const text = this.message;
    const problem = text.trim() && problemOf(text);
    const state = this.#root.querySelector(".tester-state");
    state.dataset.wrong = String(Boolean(problem));
    const told = problem ? `${problem} It can be tried all the same, as text.` : "Ctrl + Enter tries it.";
    if (state.textContent !== told) state.textContent = told;
    this.#tellAge();
  }

  /** Whether the message and where it is tried are still those of the result. */
  get #isCurrent() { return JSON.stringify(this.asked()) === this.#tried?.asked; }

  /** Say so where the result is of another message than the one that is in the editor now, or of an earlier draft. */
  #tellAge() {
    const place = this.#root.querySelector("[data-tester-stale]");
    const isOld = this.#tried && this.#tried.version !== this.#designer.store.graph.version;
    const what = !this.#tried ? "" : !this.#isCurrent ? "Below is what became of an earlier message." : isOld ? "Below is what became of it on an earlier draft." : "";
    place.hidden = !what;
    place.textContent = what;
    this.#root.querySelector("[data-tester-result]").classList.toggle("is-stale", Boolean(what));
  }

  // trying

  async #try(url, { isDry = true, quietly = false } = {}) {
    const asked = (this.#asked += 1);
    const tried = { asked: JSON.stringify(this.asked()), isDry, version: this.#designer.store.graph.version };
    const words = isDry ? "Trying…" : "Sending: the backend is being called…";
    const place = this.#root.querySelector("[data-tester-result]");
    const buttons = this.#root.querySelectorAll("[data-tester-do=run], [data-tester-do=send]");
    place.setAttribute("aria-busy", "true");
    if (!place.hasChildNodes()) place.replaceChildren(make("p", words, { class: "muted" }));
    if (!quietly) this.#designer.say(words);
    for (const each of buttons) each.setAttribute("aria-disabled", "true"); // they keep the focus
    try {
      const told = await fragment(url, this.asked());
      if (asked !== this.#asked) return;
      const result = told.querySelector("[data-tested]");
      place.replaceChildren(result);
      this.#way = result.dataset.nodes.split(" ");
      this.#tried = tried;
      this.#light({ reveal: !quietly });
      this.#tellAge();
      if (!quietly) this.#designer.say([...result.querySelectorAll("header > *")].map((each) => each.textContent.trim()).join(". "));
    } catch (error) {
      if (asked !== this.#asked) return;
      this.#way = [];
      this.#tried = tried;
      this.#light();
      this.#tellAge();
      place.replaceChildren(make("p", error.message, { class: "notice", role: "alert" }));
    } finally {
      if (asked === this.#asked) {
        place.removeAttribute("aria-busy");
        for (const each of buttons) each.removeAttribute("aria-disabled");
      }
    }
  }

  /** Keep the message as a test case, which is to take the route that it takes now. */
  async #keep() {
    if (!this.#isCurrent) await this.#try(this.#designer.dataset.testUrl, { quietly: true });
    this.#cases.keep(this.message, this.#root.querySelector("[data-tested]")?.dataset.route);
  }

  #light({ reveal = false } = {}) {
    const { canvas } = this.#designer;
    const nodes = [...new Set(this.#way.map((key) => shownAs(canvas.picture, key)))];
    const edges = nodes.slice(1).map((key, at) => `${nodes[at]}>${key}`);
    this.#designer.highlight([...nodes, ...edges]);
    if (reveal && nodes.length) canvas.revealAll(nodes);
  }

  // messages of the traffic

  async #listTraffic() {
    clearTimeout(this.#trafficTimer);
    const details = this.#root.querySelector("[data-traffic]");
    if (!details.open || !details.isConnected) return;
    const [state, list] = [details.querySelector("[data-traffic-state]"), details.querySelector("[data-traffic-list]")];
    try {
      const query = new URLSearchParams({ apiId: this.#designer.dataset.apiId, kind: "message", pageSize: TRAFFIC_ROWS });
      const { items } = await call("GET", `/api/v1/traces?${query}`);
      state.hidden = items.length > 0;
      state.textContent = "Nothing yet. What clients send from now on is listed here.";
      const shown = [...list.children].map((each) => each.dataset.trace).join();
      if (shown !== items.map((item) => item.traceId).join()) list.replaceChildren(...items.map((item) => this.#trafficRow(item)));
    } catch (error) {
      state.hidden = false;
      state.textContent = error.message;
    }
    this.#trafficTimer = setTimeout(() => this.#listTraffic(), TRAFFIC_EVERY);
  }

  #trafficRow({ traceId, received, routeKey, stage, startedAt }) {
    const row = make("li", "", { "data-trace": traceId });
    const chosen = make("button", "", { type: "button" });
    const head = make("small", "", { class: "muted" });
    head.append(`${routeKey ?? "no route"}, ${stage}, `, ago(startedAt));
    chosen.append(make("bdi", received.text.slice(0, 200), { class: "mono" }), head);
    chosen.addEventListener("click", () => this.#take(traceId));
    row.append(chosen);
    return row;
  }

  async #take(traceId) {
    const details = this.#root.querySelector("[data-traffic]");
    const state = details.querySelector("[data-traffic-state]");
    try {
      const { received } = await call("GET", `/api/v1/traces/${encodeURIComponent(traceId)}`);
      this.write(format(received.text));
      details.open = false;
      this.#field.focus();
      const told = ["Taken from the traffic. Secrets in it are masked."];
      if (received.truncated) told.push("It was too long to be kept whole: only its beginning is here.");
      this.#designer.toast(told.join(" "), { tone: received.truncated ? "wait" : "info" });
      this.#designer.say(told.join(" "));
    } catch (error) {
      state.hidden = false;
      state.textContent = error.message;
    }
  }

  // what people do

  #listen() {
    this.#root.addEventListener("click", (event) => {
      const actions = {
        format: () => this.write(format(this.message)),
        run: () => this.run(),
        send: () => this.send(),
        keep: () => this.#keep(),
        "run-all": () => this.#cases.run(),
        "send-all": () => this.#cases.sendAll(),
      };
      const button = event.target.closest("[data-tester-do]:not([aria-disabled])");
      actions[button?.dataset.testerDo]?.();
    });
    this.#root.querySelector("select").addEventListener("change", () => {
      this.#tellAge();
      this.#cases.run({ quietly: true });
    });
    this.#field.addEventListener("input", () => this.#check());
    this.#field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      this.run();
    });
    this.#root.querySelector("[data-traffic]")?.addEventListener("toggle", () => this.#listTraffic());
  }
}

function hasTests({ kind, label }) { return KINDS.includes(kind) && !UNCHOSEN.includes(label); }

/** A message for which the expression gives the key; empty where the expression is of another kind. */
export function sampleFor(expression, key) {
  const found = /^\$\{?request\.body\.([\w.-]+)\}?$/.exec(expression);
  if (!found) return "";
  return JSON.stringify(found[1].split(".").reduceRight((inner, name) => ({ [name]: inner }), key), null, 2);
}

/** The node that stands for another one in the picture: itself, or the group that it is folded to. */
function shownAs(picture, key) {
  if (picture.node(key)) return key;
  return picture.nodes.find((node) => node.members?.includes(key))?.key ?? (key.startsWith("route/") ? GROUP : key);
}

function problemOf(text) {
  try {
    return jsonProblem(text);
  } catch {
    return "This JSON is nested too deeply.";
  }
}
