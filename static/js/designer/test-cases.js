// An API's test cases: listed with what became of them, tried or truly sent, kept, changed and deleted.

import { make } from "./elements.js";

const MARKS = {
  passed: ["good", "✓", "passed"],
  partly: ["good", "✓", "passed as far as a dry run shows"],
  failed: ["bad", "✗", "failed"],
  open: ["quiet", "·", "not tried"],
};

export class TestCases {
  #designer;
  #tester;
  #root;
  #dialog;
  #row;
  #cases = [];
  #results = new Map();
  #seen = null;
  #edited = null;

  constructor(designer, tester, root) {
    this.#designer = designer;
    this.#tester = tester;
    this.#root = root;
    this.#row = designer.querySelector("[data-case-view]");
    this.#dialog = designer.querySelector("[data-case-dialog]");
    this.#list.addEventListener("click", (event) => this.#click(event));
    if (this.#dialog) this.#listenToDialog();
  }

  get #list() { return this.#root.querySelector("[data-cases]"); }

  /** List them; those of a draft that was not tried yet are tried on it. */
  async show() {
    const { version } = this.#designer.store.graph;
    if (this.#seen === version) return;
    this.#seen = version;
    await this.#load();
    await this.run({ quietly: true });
  }

  /** Try all, or one, where the tab says; nobody is called. */
  async run({ only = null, quietly = false } = {}) {
    if (!this.#cases.length) return undefined;
    try {
      const { stage, served } = this.#tester.against;
      const deployment = served ? this.#designer.store.graph.stages.find((each) => each.stageName === stage).deploymentId : "draft";
      const body = { deployment, ...(stage && { stageName: stage }), ...(only && { testCaseIds: [only] }) };
      const { items } = await this.#designer.store.post("/test-cases/run", body);
      for (const item of items) this.#results.set(item.testCaseId, item);
    } catch (error) {
      return this.#tell(error.message);
    }
    this.#draw();
    if (!quietly) this.#designer.say(this.#summary(only));
    return undefined;
  }

  /** Send all truly, one after the other. */
  async sendAll() {
    for (const { testCaseId } of this.#cases) {
      if (!(await this.#send(testCaseId))) return;
    }
    this.#designer.say(this.#summary());
  }

  async #send(id) {
    const { stage, served } = this.#tester.against;
    const deployment = served ? this.#designer.store.graph.stages.find((each) => each.stageName === stage).deploymentId : "draft";
    this.#designer.say(`Sending ${this.#case(id).name}…`);
    try {
      const result = await this.#designer.store.post(`/test-cases/${id}/send`, { deployment, ...(stage && { stageName: stage }) });
      this.#results.set(id, { ...result, isSent: true });
    } catch (error) {
      this.#tell(error.message);
      return false;
    }
    this.#draw();
    return true;
  }

  /** Ask for a name for a message, and for what is expected of it: that it takes the route that it took. */
  keep(message, routeKey = "") {
    this.#open({ name: "", message, expectations: routeKey ? { routeKey } : {} }, "Save as test case");
  }

  // the list

  async #load() {
    try {
      const { items } = await this.#designer.store.get("/test-cases?pageSize=100");
      this.#cases = items.sort((a, b) => a.createdDate.localeCompare(b.createdDate));
    } catch (error) {
      return this.#tell(error.message);
    }
    this.#draw();
    return undefined;
  }

  #draw() {
    this.#root.querySelector("[data-cases-buttons]").hidden = !this.#cases.length;
    this.#tell(this.#cases.length ? this.#summary() : "None yet: keep a message here with what is expected of it, and it is tried before each deployment.");
    this.#list.replaceChildren(...this.#cases.map((each) => this.#drawn(each)));
  }

  #drawn({ testCaseId, name, expectations }) {
    const row = this.#row.content.firstElementChild.cloneNode(true);
    const part = (what) => row.querySelector(`[data-case-${what}]`);
    const result = this.#results.get(testCaseId);
    const [tone, sign, words] = MARKS[stateOf(result)];
    const mark = part("mark");
    row.dataset.id = testCaseId;
    mark.dataset.tone = tone;
    mark.textContent = sign;
    mark.setAttribute("aria-label", words);
    mark.title = words;
    part("name").textContent = name;
    part("name").title = "Put it into the editor";
    part("route").textContent = result?.routeKey ? `route ${result.routeKey}` : expectations.routeKey ? `route ${expectations.routeKey}` : "";
    part("failures").replaceChildren(...(result?.failures ?? []).map((failure) => make("li", failure)));
    part("note").textContent = result?.isSent ? "Truly sent." : result && !result.complete && result.passed ? "The rest shows when it is truly sent." : "";
    for (const button of row.querySelectorAll("button[data-case-do]:not([data-case-name])")) {
      const what = { run: `Dry run of ${name}`, send: `Truly send ${name}`, edit: `Change ${name}`, delete: `Delete ${name}` }[button.dataset.caseDo];
      button.setAttribute("aria-label", what);
      button.title = what;
    }
    return row;
  }

  #summary(only = null) {
    const results = this.#cases.filter((each) => !only || each.testCaseId === only).map((each) => this.#results.get(each.testCaseId)).filter(Boolean);
    const failed = results.filter((result) => !result.passed);
    if (only) return `${this.#case(only).name} ${failed.length ? `failed. ${failed[0].failures.join(" ")}` : "passed."}`;
    if (!results.length) return `${this.#cases.length} not tried yet.`;
    return failed.length ? `${failed.length} of ${results.length} failed.` : results.length === 1 ? "It passed." : `All ${results.length} passed.`;
  }

  #tell(text) { this.#root.querySelector("[data-cases-state]").textContent = text; }

  #case(id) { return this.#cases.find((each) => each.testCaseId === id); }

  #click(event) {
    const button = event.target.closest("[data-case-do]");
    if (!button) return;
    const id = button.closest("[data-id]").dataset.id;
    const actions = {
      load: () => { this.#tester.write(this.#case(id).message); this.#tester.run(); },
      run: () => this.#again(id, () => this.run({ only: id })),
      send: () => this.#again(id, async () => { if (await this.#send(id)) this.#designer.say(this.#summary(id)); }),
      edit: () => this.#open(this.#case(id), "Change test case"),
      delete: () => this.#delete(id),
    };
    actions[button.dataset.caseDo]();
  }

  /** Do something that draws the list anew, and leave the focus on the same button of the same test case. */
  async #again(id, action) {
    const what = document.activeElement?.dataset.caseDo;
    await action();
    this.#list.querySelector(`[data-id="${id}"] [data-case-do="${what}"]`)?.focus();
  }

  async #delete(id) {
    const { name, message, expectations } = this.#case(id);
    try {
      await this.#designer.store.call("DELETE", `/test-cases/${id}`);
    } catch (error) {
      return this.#tell(error.message);
    }
    await this.#load();
    const words = `Deleted test case ${name}.`;
    this.#designer.say(words);
    this.#designer.toast(words, { tone: "info", action: { label: "Undo", run: () => this.#restore({ name, message, expectations }) } });
    (this.#list.querySelector("[data-case-name]") ?? this.#root.querySelector("textarea")).focus();
    return undefined;
  }

  async #restore(members) {
    try {
      await this.#designer.store.post("/test-cases", members);
    } catch (error) {
      return this.#designer.toast(error.message);
    }
    await this.#load();
    return this.run();
  }

  // the dialog

  #open(testCase, title) {
    this.#edited = testCase.testCaseId ?? null;
    this.#dialog.querySelector("[data-case-title]").textContent = title;
    const form = this.#dialog.querySelector("form");
    const { routeKey = "", status = "", request = [], response = [] } = testCase.expectations;
    const keys = this.#designer.picture.ofKind("route").map((route) => route.label).filter((key) => key !== "$connect" && key !== "$disconnect");
    if (routeKey && !keys.includes(routeKey)) keys.push(routeKey);
    form.elements.routeKey.replaceChildren(new Option("any", ""), ...keys.map((key) => new Option(key)));
    form.elements.name.value = testCase.name;
    form.elements.message.value = testCase.message;
    form.elements.routeKey.value = routeKey;
    form.elements.status.value = status;
    this.#checks.replaceChildren();
    for (const check of request) this.#addCheck("request", check);
    for (const check of response) this.#addCheck("response", check);
    this.#refuse("");
    this.#dialog.showModal();
    form.elements.name.focus();
  }

  get #checks() { return this.#dialog.querySelector("[data-checks]"); }

  #listenToDialog() {
    this.#dialog.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      event.stopPropagation();
      this.#save();
    });
    this.#dialog.querySelector("[data-check-add]").addEventListener("click", () => this.#addCheck("request", { contains: "" }).querySelector("[name=value]").focus());
    this.#dialog.addEventListener("click", (event) => {
      if (!event.target.closest("[data-check-remove]")) return;
      event.target.closest("[data-check-remove]").parentElement.remove();
      this.#dialog.querySelector("[data-check-add]").focus();
    });
    this.#checks.addEventListener("change", (event) => {
      if (event.target.name === "how") showPath(event.target.closest(".tester-check"));
    });
  }

  #addCheck(of, check) {
    const row = this.#designer.querySelector("[data-check-view]").content.firstElementChild.cloneNode(true);
    const control = (name) => row.querySelector(`[name=${name}]`);
    control("of").value = of;
    control("how").value = check.path ? "path" : check.contains !== undefined ? "contains" : "equals";
    control("path").value = check.path ?? "";
    control("value").value = check.path ? writtenValue(check.equals) : check.contains ?? check.equals;
    showPath(row);
    this.#checks.append(row);
    return row;
  }

  async #save() {
    const { name, message } = this.#dialog.querySelector("form").elements;
    const members = { name: name.value.trim(), message: message.value, expectations: this.#expectations() };
    if (this.#cases.some((each) => each.name === members.name && each.testCaseId !== this.#edited)) return this.#refuse(`There is a test case ${members.name} already: choose another name.`);
    const { store } = this.#designer;
    let saved;
    try {
      saved = this.#edited ? await store.call("PATCH", `/test-cases/${this.#edited}`, members) : await store.post("/test-cases", members);
    } catch (error) {
      return this.#refuse(wordsOf(error));
    }
    this.#dialog.close();
    this.#results.delete(saved.testCaseId);
    await this.#load();
    await this.run({ only: saved.testCaseId, quietly: true });
    this.#designer.say(`Saved test case ${saved.name}. ${this.#summary(saved.testCaseId)}`);
    this.#list.querySelector(`[data-id="${saved.testCaseId}"] [data-case-name]`)?.focus();
    return undefined;
  }

  #expectations() {
    const { routeKey, status } = this.#dialog.querySelector("form").elements;
    const made = { ...(routeKey.value && { routeKey: routeKey.value }), ...(status.value && { status: Number(status.value) }) };
    for (const row of this.#checks.children) {
      const value = (part) => row.querySelector(`[name=${part}]`).value;
      const check = { contains: { contains: value("value") }, equals: { equals: value("value") }, path: { path: value("path"), equals: readValue(value("value")) } }[value("how")];
      (made[value("of")] ??= []).push(check);
    }
    return made;
  }

  #refuse(text) {
    const place = this.#dialog.querySelector("[data-case-error]");
    place.textContent = text;
    place.hidden = !text;
  }
}

function stateOf(result) {
  if (!result) return "open";
  if (!result.passed) return "failed";
  return result.complete ? "passed" : "partly";
}

function showPath(row) {
  const path = row.querySelector("[name=path]");
  path.hidden = row.querySelector("[name=how]").value !== "path";
  path.required = !path.hidden;
}

/** What stands at a path: a JSON value, or a text without its quotes where nothing else could be meant. */
function readValue(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function writtenValue(value) { return typeof value === "string" && readValue(value) === value ? value : JSON.stringify(value); }

/** The problems of single members, where the answer lists them, instead of the sentence that there are some. */
function wordsOf(error) {
  const problems = error.answer?.problems ?? [];
  return problems.length ? problems.map(({ place, message }) => `${place}: ${message}`).join(" ") : error.message;
}
