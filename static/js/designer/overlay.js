// What flows through a stage now, laid over the picture: rates, errors and times at nodes, their weight at edges.
// The same socket tells of others' changes, so it is open without a stage as well. htmx closes it in hidden tabs.

import { onLive } from "../live.js";
import { ago, make, tone } from "./elements.js";

export class Overlay {
  #designer;
  #url;
  #socket = null;
  #control;
  #stage;
  #switch;
  #last = null;

  constructor(designer, { liveUrl }) {
    this.#designer = designer;
    this.#url = liveUrl;
    this.#control = designer.querySelector("[data-live-control]");
    this.#stage = designer.querySelector("[data-live-stage]");
    this.#switch = designer.querySelector("[data-live-switch]");
    this.#switch.addEventListener("change", () => this.#watch());
    this.#stage.addEventListener("change", () => this.#watch());
    designer.inspector.addTab({
      id: "traffic",
      label: "Traffic",
      isFor: (node) => this.isOn && ["client", "route", "integration"].includes(node.kind),
      show: (node, body) => this.#showTraffic(node, body),
    });
  }

  get isOn() { return this.#switch.checked; }

  /** Whether what is shown of a node now are errors. */
  isFailing(key) { return this.#last !== null && laidOver(this.#designer.picture, this.#last).nodes[key]?.state === "failing"; }

  start() { this.#watch(); }

  /** Offer the stages that serve something. */
  draw(stages) {
    const served = stages.filter((stage) => stage.deploymentId).map((stage) => stage.stageName);
    this.#control.hidden = !served.length;
    if (served.join() === [...this.#stage.options].map((option) => option.value).join()) return;
    const before = this.#stage.value;
    this.#stage.replaceChildren(...served.map((name) => new Option(name)));
    if (served.includes(before)) this.#stage.value = before;
  }

  #watch() {
    this.#socket?.remove();
    this.#last = null;
    this.#show();
    const socket = make("div", "", { hidden: "", "hx-ws:connect": this.isOn ? `${this.#url}${encodeURIComponent(this.#stage.value)}/` : this.#url });
    this.#socket = socket;
    this.#designer.append(socket);
    onLive(socket, (data) => { if (socket === this.#socket) this.#take(data); });
    window.htmx.process(socket);
    this.#designer.say(this.isOn ? `Traffic of stage ${this.#stage.value} is shown.` : "");
    const { inspector } = this.#designer;
    if (inspector.node && !inspector.isDirty) inspector.show(inspector.node);
  }

  #take(data) {
    this.#designer.draft.heardOf(data.version, data.change);
    if (!this.isOn || data.routes === undefined) return;
    this.#last = data;
    this.#show();
    const { inspector } = this.#designer;
    if (inspector.node && inspector.tab === "traffic") this.#showTraffic(inspector.node, inspector.body);
  }

  #show() {
    const live = this.#last && laidOver(this.#designer.picture, this.#last);
    this.#designer.canvas.setLive(live);
    this.#designer.table.setLive(live?.nodes ?? null);
  }

  #showTraffic(node, body) {
    if (!this.#last) return body.replaceChildren(make("p", "Waiting for the gateway…", { class: "muted" }));
    const { facts, lastError } = told(node, this.#last);
    const list = make("dl", "", { class: "facts designer-traffic" });
    list.append(...facts.map(([name, value]) => {
      const row = make("div");
      row.append(make("dt", name), make("dd", value));
      return row;
    }));
    const parts = [make("p", `Stage ${this.#stage.value}, over the last ten seconds.`, { class: "muted" }), list];
    if (lastError) parts.push(errorOf(lastError));
    body.replaceChildren(...parts);
  }
}

/** Rates as they are laid over a picture: texts and states of nodes, widths and states of edges. */
export function laidOver(picture, data) {
  const nodes = { client: { text: `${data.connections} connected`, state: data.connections ? "busy" : "idle" } };
  const edges = {};
  const byKey = new Map(data.routes.map((route) => [route.routeKey, route]));
  let all = 0;
  for (const node of picture.ofKind("route")) {
    const route = byKey.get(node.label);
    if (!route) {
      nodes[node.key] = { text: "not deployed there", state: "idle" };
      continue;
    }
    all += route.rate;
    nodes[node.key] = toldOf(route);
    for (const edge of [...(picture.reaching.get(node.key) ?? []), ...(picture.leaving.get(node.key) ?? [])]) edges[edge.key] = weightOf(route);
  }
  for (const node of picture.ofKind("integration")) {
    const rates = data.integrations[node.id];
    nodes[node.key] = rates ? toldOf(rates) : { text: "not called", state: "idle" };
    if (rates) for (const edge of picture.leaving.get(node.key) ?? []) edges[edge.key] = weightOf(rates);
  }
  for (const edge of picture.leaving.get("client") ?? []) edges[edge.key] = weightOf({ rate: all, errorRate: 0 });
  return { nodes, edges };
}

function toldOf({ rate, errorRate, p95 }) {
  if (!rate) return { text: "idle", state: "idle" };
  const parts = [`${amount(rate)}/s`];
  if (errorRate) parts.push(`${amount(errorRate)} err/s`);
  if (p95 !== null && p95 !== undefined) parts.push(`p95 ${milliseconds(p95)}`);
  return { text: parts.join(" · "), state: stateOf({ rate, errorRate }) };
}

function weightOf(rates) { return { width: rates.rate ? 1.75 + Math.min(6, 1.6 * Math.log10(1 + rates.rate * 4)) : 1.5, state: stateOf(rates) }; }

function stateOf({ rate, errorRate }) { return errorRate ? "failing" : rate ? "busy" : "idle"; }

function told(node, data) {
  if (node.kind === "client") return { facts: [["Connected", String(data.connections)]] };
  const found = node.kind === "route" ? data.routes.find((route) => route.routeKey === node.label) : data.integrations[node.id];
  if (!found) return { facts: [["Messages", "none: this is not deployed to the stage"]] };
  const errors = node.kind === "route" ? [found.lastError] : data.routes.filter((route) => route.integrationId === node.id).map((route) => route.lastError);
  return {
    facts: [
      ["Messages", `${amount(found.rate)} a second`],
      ["Errors", `${amount(found.errorRate)} a second`],
      ["95 % within", found.p95 === null ? "–" : milliseconds(found.p95)],
    ],
    lastError: errors.filter(Boolean).sort((a, b) => b.at.localeCompare(a.at))[0],
  };
}

function errorOf({ at, text, traceUrl }) {
  const block = make("section", "", { class: "designer-block" });
  const head = make("p");
  head.append(tone("bad", "last error"), " ", ago(at));
  block.append(head, make("pre", text, { class: "snippet", tabindex: "0" }));
  if (traceUrl) block.append(make("a", "This message, step by step", { href: traceUrl }));
  return block;
}

function amount(number) { return number >= 100 ? String(Math.round(number)) : String(Math.round(number * 10) / 10); }

function milliseconds(number) { return number >= 1000 ? `${Math.round(number / 100) / 10} s` : `${Math.round(number)} ms`; }
