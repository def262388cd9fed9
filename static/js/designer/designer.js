// <route-designer>: puts the picture, the table, the side panel and the server together.
// Other modules may call `highlight(path)` and `inspector.addTab(…)` of the element once it has sent "designer:ready".

import { Canvas } from "./canvas.js";
import { Commands } from "./commands.js";
import { Deploying, StageHistory } from "./deploying.js";
import { Draft } from "./draft.js";
import { Editing } from "./editing.js";
import { Finder } from "./finder.js";
import { GROUP, Picture, customRoutes, folded } from "./graph.js";
import { Inspector } from "./inspector.js";
import { Notices } from "./notices.js";
import { Overlay } from "./overlay.js";
import { Picker } from "./picker.js";
import { Store } from "./store.js";
import { Strip } from "./strip.js";
import { Table } from "./table.js";
import { Tester } from "./tester.js";

const MANY_ROUTES = 40;

class RouteDesigner extends HTMLElement {
  #isFolded = null;
  #notices;

  connectedCallback() {
    const { apiId, gestureUrl, panelUrl, liveUrl, mayWrite } = this.dataset;
    this.mayWrite = mayWrite === "true";
    this.store = new Store({ apiId, gestureUrl });
    this.canvas = new Canvas(this.#part("canvas"), { icons: this.#part("icons"), mayWrite: this.mayWrite });
    this.inspector = new Inspector(this.#part("panel"), { panelUrl });
    this.picker = new Picker(this.#part("canvas"), this.#part("picker"));
    const rows = { route: this.querySelector("[data-row=route]"), integration: this.querySelector("[data-row=integration]") };
    this.table = new Table(this.#part("table"), { view: this.#part("table-view"), rows, mayWrite: this.mayWrite });
    this.#notices = new Notices(this);
    this.draft = new Draft(this);
    this.editing = new Editing(this);
    this.strip = new Strip(this);
    this.overlay = new Overlay(this, { liveUrl });
    this.tester = new Tester(this);
    this.deploying = this.mayWrite ? new Deploying(this) : null;
    this.stageHistory = new StageHistory(this);
    this.finder = new Finder(this);
    this.#listen();
    new Commands(this);
    this.#start();
  }

  /** Light a way through the picture: keys of nodes and edges, in the order of the graph; none puts it out. */
  highlight(path) { this.canvas.highlight(path); }

  async #start() {
    try {
      await this.store.load();
    } catch (error) {
      this.#part("loading").textContent = error.message;
      this.#part("loading").classList.add("has-failed");
      return;
    }
    this.#part("loading").remove();
    const query = new URLSearchParams(location.search);
    this.showView(query.get("view") === "table" ? "table" : "graph");
    this.refresh();
    if (this.picture.node(query.get("node"))) this.open(query.get("node"));
    this.overlay.start();
    this.dispatchEvent(new CustomEvent("designer:ready", { bubbles: true }));
  }

  // what is shown

  /** Show the store's graph everywhere. */
  refresh() {
    const graph = this.store.graph;
    const routes = customRoutes(graph).length;
    this.#isFolded ??= routes > MANY_ROUTES;
    const shown = this.strip.marked(graph);
    this.picture = new Picture(graph);
    this.canvas.draw(new Picture(this.#isFolded ? folded(shown) : shown));
    this.table.draw(this.picture);
    this.#part("empty").hidden = this.picture.ofKind("route").length > 0;
    this.strip.draw(graph);
    this.overlay.draw(graph.stages);
    this.#showFold(routes);
    this.#showHistory();
    const about = this.inspector.node;
    if (!about) return;
    const node = this.picture.node(about.key);
    if (node && !this.inspector.isDirty) this.inspector.show(node);
    else if (!node && about.id) this.closePanel();
    this.canvas.select(about.key);
  }

  /** Show the draft as it is now. */
  async reload() {
    await this.store.load();
    this.refresh();
  }

  #showFold(routes) {
    const button = this.querySelector("[data-do=fold]");
    button.hidden = routes < 12;
    button.setAttribute("aria-pressed", String(this.#isFolded));
    button.querySelector("[data-fold-label]").textContent = this.#isFolded ? `Unfold ${routes} routes` : "Fold routes";
  }

  fold(isFolded = !this.#isFolded) {
    this.#isFolded = isFolded;
    this.closePanel();
    this.refresh();
    this.canvas.fit();
    this.say(isFolded ? "Custom routes are folded to one node." : "All routes are shown.");
  }

  #showHistory() {
    if (!this.mayWrite) return;
    this.querySelector("[data-do=undo]").disabled = !this.draft.canUndo;
    this.querySelector("[data-do=redo]").disabled = !this.draft.canRedo;
  }

  get isTable() { return !this.#part("table").hidden; }

  showView(view) {
    this.#part("table").hidden = view !== "table";
    this.#part("canvas").hidden = view === "table";
    for (const button of this.querySelectorAll("[data-view]")) button.setAttribute("aria-pressed", String(button.dataset.view === view));
    this.picker.close({ refocus: false });
    this.#remember("view", view === "table" ? view : null);
  }

  #remember(name, value) {
    const url = new URL(location);
    if (value) url.searchParams.set(name, value);
    else url.searchParams.delete(name);
    window.history.replaceState(window.history.state, "", url);
  }

  // the panel

  async open(key, { focus = false } = {}) {
    const node = this.canvas.picture.node(key) ?? this.picture.node(key);
    if (!node || node.mark === "removed") return;
    if (node.kind === "group" && key === GROUP && !focus) return this.fold(false);
    this.canvas.select(key);
    this.#remember("node", node.kind === "group" ? null : key);
    await this.inspector.show(node, { focus, ...(this.overlay.isFailing(key) && { tab: "traffic" }) });
    if (!this.isTable) this.canvas.reveal(key);
  }

  closePanel({ refocus = false } = {}) {
    const key = this.inspector.node?.key;
    this.inspector.close();
    this.canvas.select("");
    this.#remember("node", null);
    if (refocus) this.focusNode(key && this.picture.node(key) ? key : this.canvas.focused);
  }

  /** Show a node and its panel, wherever it is. */
  goTo(key) {
    if (!this.picture.node(key)) return this.say("This is not in the draft any more.");
    if (!this.canvas.picture.node(key)) this.fold(false);
    this.focusNode(key);
    return this.open(key);
  }

  focusNode(key) {
    if (this.isTable) this.table.focus(key);
    else this.canvas.focus(key);
  }

  /** Go to a node that was made; the panel follows if it is open. */
  lookAt(key) {
    if (this.isTable) return this.table.focus(key);
    if (!this.canvas.picture.node(key)) this.fold(false);
    this.canvas.focus(key);
    return this.inspector.isOpen ? this.open(key) : undefined;
  }

  // what the parts ask of each other

  perform(gestures, options) { return this.draft.perform(gestures, options); }

  say(text) { this.#notices.say(text); }

  toast(text, options) { this.#notices.toast(text, options); }

  notice(text, action) { this.#notices.notice(text, action); }

  // what people do

  #listen() {
    addEventListener("beforeunload", (event) => { if (this.inspector.isDirty) event.preventDefault(); });
    const on = (target, handlers) => Object.entries(handlers).forEach(([type, handle]) => target.addEventListener(type, (event) => handle(event.detail)));
    on(this.canvas, {
      open: ({ key }) => this.open(key),
      edge: ({ key }) => this.#openEdge(key),
      move: ({ key, x, y }) => this.editing.move(key, x, y),
      connect: ({ source, target, spot }) => this.editing.link(source, target, spot),
      drop: ({ source, spot }) => this.#dropped(source, spot),
      port: ({ key, spot }) => this.#dropped(key, spot),
      view: ({ k }) => { this.#part("zoom").textContent = `${Math.round(k * 100)} %`; },
    });
    on(this.table, {
      open: ({ key }) => this.open(key, { focus: true }),
      connect: ({ source, target }) => this.editing.connectInTable(source, target),
      "two-way": ({ key }) => this.editing.toggleTwoWay(key),
      duplicate: ({ key }) => this.editing.duplicate(key),
      delete: ({ key }) => this.editing.remove(key),
    });
  }

  #dropped(source, spot) {
    if (this.picture.node(source)?.kind === "selector") this.editing.newRoute(spot);
    else this.editing.connect(source, spot);
  }

  #openEdge(key) {
    const edge = this.canvas.picture.edges.find((each) => each.key === key);
    if (edge) this.open(edge.kind === "target" || edge.kind === "connection" ? edge.source : edge.kind === "call" ? edge.source : edge.target);
  }

  #part(name) { return this.querySelector(`[data-${name}]`); }
}

customElements.define("route-designer", RouteDesigner);
