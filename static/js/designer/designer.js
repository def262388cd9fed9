// <route-designer>: puts the picture, the table, the side panel and the server together.
// Other modules may call `highlight(path)` and `inspector.addTab(…)` of the element once it has sent "designer:ready".

import { Canvas } from "./canvas.js";
import { Deploying, StageHistory } from "./deploying.js";
import { button, make } from "./elements.js";
import { GROUP, Picture, customRoutes, folded, search } from "./graph.js";
import { History } from "./history.js";
import { Inspector, membersOf, takeDown } from "./inspector.js";
import { keyOf } from "./keys.js";
import { Overlay } from "./overlay.js";
import { Picker } from "./picker.js";
import { Refused, Store } from "./store.js";
import { Strip } from "./strip.js";
import { Table, hostOf } from "./table.js";
import { Tester } from "./tester.js";

const MANY_ROUTES = 40;
const STEP = 20;
const VERBS = { Create: "added", Delete: "deleted", Duplicate: "added", Restore: "restored" };
const RESERVED = {
  $connect: "a client connects",
  $disconnect: "a connection ends",
  $default: "messages that choose no other route",
};

class RouteDesigner extends HTMLElement {
  #history = new History();
  #queue = Promise.resolve();
  #isFolded = null;
  #toastTimer = 0;
  #expected = "";

  connectedCallback() {
    const { apiId, gestureUrl, panelUrl, liveUrl, mayWrite } = this.dataset;
    this.mayWrite = mayWrite === "true";
    this.store = new Store({ apiId, gestureUrl });
    this.canvas = new Canvas(this.#part("canvas"), { icons: this.#part("icons"), mayWrite: this.mayWrite });
    this.inspector = new Inspector(this.#part("panel"), { panelUrl });
    this.picker = new Picker(this.#part("canvas"), this.#part("picker"));
    const rows = { route: this.querySelector("[data-row=route]"), integration: this.querySelector("[data-row=integration]") };
    this.table = new Table(this.#part("table"), { view: this.#part("table-view"), rows, mayWrite: this.mayWrite });
    this.strip = new Strip(this);
    this.overlay = new Overlay(this, { liveUrl });
    this.tester = new Tester(this);
    this.deploying = this.mayWrite ? new Deploying(this) : null;
    this.stageHistory = new StageHistory(this);
    this.#listen();
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
    this.#showView(query.get("view") === "table" ? "table" : "graph");
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

  #showHistory() {
    if (!this.mayWrite) return;
    this.querySelector("[data-do=undo]").disabled = !this.#history.canUndo;
    this.querySelector("[data-do=redo]").disabled = !this.#history.canRedo;
  }

  get isTable() { return !this.#part("table").hidden; }

  #showView(view) {
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
    if (refocus) this.#focusNode(key && this.picture.node(key) ? key : this.canvas.focused);
  }

  /** Show a node and its panel, wherever it is. */
  goTo(key) {
    if (!this.picture.node(key)) return this.say("This is not in the draft any more.");
    if (!this.canvas.picture.node(key)) this.fold(false);
    this.#focusNode(key);
    return this.open(key);
  }

  #focusNode(key) {
    if (this.isTable) this.table.focus(key);
    else this.canvas.focus(key);
  }

  // doing things

  /**
   * Carry out a gesture, or several that make one step: each may be a function of what the one before has done.
   * Refusals are told at `spot`, or to the caller who `handles` them. Gives what was done last, or nothing.
   */
  perform(gestures, { spot = null, handles = false } = {}) {
    const steps = [gestures].flat();
    const again = () => this.perform(gestures, { spot });
    return this.#next(async () => {
      const undo = [];
      let done = null;
      try {
        for (const step of steps) {
          done = await this.store.carryOut(typeof step === "function" ? step(done) : step);
          undo.unshift(...done.undo);
        }
      } finally {
        this.#history.did(undo);
        if (undo.length) this.refresh();
      }
      this.say(done.sentence);
      if (!undo.length) this.refresh();
      return done;
    }, { spot, handles, again });
  }

  undo() { return this.#step("undo", "Undone"); }

  redo() { return this.#step("redo", "Done again"); }

  #step(direction, words) {
    const able = direction === "undo" ? this.#history.canUndo : this.#history.canRedo;
    if (!able) return this.say(`There is nothing to ${direction}.`);
    return this.#next(async () => {
      let done = null;
      try {
        await this.#history[direction](async (gesture) => (done = await this.store.carryOut(gesture)));
      } finally {
        this.refresh();
      }
      this.say(`${words}: ${done.sentence}`);
      this.toast(`${words}: ${done.sentence}`, { tone: "info" });
      if (done.node && this.canvas.picture.node(done.node)) this.#focusNode(done.node);
      return done;
    }, { again: () => this[direction]() });
  }

  /** One thing after the other, so that each is about the draft that the one before left. */
  #next(action, { spot = null, handles = false, again = null } = {}) {
    const result = this.#queue.then(async () => {
      try {
        return await action();
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        if (error.isConflict) {
          await this.#tellConflict(error.answer, again);
          if (!handles) this.inspector.refuse("Not saved: somebody else changed the draft. Look at it, then save again.");
        } else if (!handles) {
          this.toast(error.message, { spot });
          this.inspector.refuse(error.message);
        }
        if (handles) throw error;
        return null;
      }
    });
    this.#queue = result.catch(() => {});
    return result;
  }

  async #tellConflict(answer, again) {
    const before = this.picture;
    await this.reload();
    this.notice(`${this.#whoDidWhat(answer, before)} Nothing of yours was done; the picture shows the draft as it is now.`, again && { label: "Do it all the same", run: again });
  }

  /** The gateway says that the draft has this version now; who made it is in `change`. */
  heardOf(version, change) {
    if (version === this.store.graph.version || this.#expected === version) return;
    this.#expected = version;
    this.#next(async () => {
      const [known, before] = [this.store.graph.version, this.picture];
      await this.store.load();
      if (this.store.graph.version === known) return; // it was one's own change, told before its answer came
      this.refresh();
      this.notice(this.#whoDidWhat(change ?? {}, before));
    });
  }

  /** `Bob changed route send 5 s ago.` */
  #whoDidWhat({ actor, action, path, at }, before = this.picture) {
    if (!actor) return "Somebody else changed the draft.";
    const [, , , collection, id, part] = path.split("/");
    const key = `${collection?.replace(/s$/, "")}/${id}`;
    const node = this.picture.node(key) ?? before.node(key);
    const what = node ? `${node.kind} ${node.label}` : collection ? `a ${collection.replace(/s$/, "")}` : "the API";
    const verb = part ? "changed" : (VERBS[action.match(/^[A-Z][a-z]+/)?.[0]] ?? "changed");
    const seconds = Math.max(0, Math.round((Date.now() - Date.parse(at)) / 1000));
    return `${actor} ${verb} ${what} ${seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`} ago.`;
  }

  // what one can do to a node

  newRoute(spot = this.canvas.spotOf("selector")) {
    if (!this.mayWrite) return;
    this.#showView("graph");
    const there = new Set(this.picture.ofKind("route").map((node) => node.label));
    this.picker.ask({
      spot,
      label: "Key of the new route",
      placeholder: "send",
      hint: `Messages for which ${this.picture.node("selector").label} gives this key take the route.`,
      free: true,
      choices: Object.entries(RESERVED).filter(([key]) => !there.has(key)).map(([value, detail]) => ({ value, label: value, detail })),
      onPick: async (routeKey) => {
        const done = await this.perform({ gesture: "create-route", route: { routeKey } }, { handles: true });
        this.#lookAt(done.node);
      },
    });
  }

  connect(key, spot = this.canvas.spotOf(key)) {
    const node = this.picture.node(key);
    if (!this.mayWrite || node?.kind !== "route") return this.say("Only routes are connected, to integrations.");
    const current = this.picture.integrationOf(key);
    const choices = this.picture.ofKind("integration").map((each) => ({
      value: each.id,
      label: each.label,
      detail: each === current ? `${hostOf(this.picture, each)} · connected now` : hostOf(this.picture, each),
    }));
    choices.push({ value: "new", label: "New integration…", always: true });
    if (current) choices.push({ value: "", label: "No integration", always: true });
    this.picker.ask({
      spot,
      label: `Connect route ${node.label} to`,
      placeholder: "type to narrow",
      choices,
      onPick: async (id) => {
        if (id === "new") return this.newIntegration(key);
        const target = id && `integrations/${id}`;
        await this.perform({ gesture: "update-route", routeId: node.id, members: { target } }, { handles: true });
        this.#focusNode(key);
      },
    });
  }

  /** The panel for an integration that is made, for a route if there is one. */
  newIntegration(routeKey = "") {
    const route = this.picture.node(routeKey);
    this.picker.close({ refocus: false });
    const label = route ? `for route ${route.label}` : "that routes may lead to";
    this.canvas.select(routeKey);
    this.inspector.show({ key: `new_integration/${route?.id ?? ""}`, kind: "new_integration", id: "", label, problems: [] }, { focus: true });
  }

  link(source, target, spot) {
    const [from, to] = [this.picture.node(source), this.picture.node(target)];
    if (from?.kind !== "route" || to?.kind !== "integration") {
      const words = from?.kind === "selector" ? "The selector leads to routes by their keys. Let go over empty space for a new one." : `A route leads to an integration, not to a ${to?.kind ?? "group"}.`;
      return this.toast(words, { spot });
    }
    return this.perform({ gesture: "update-route", routeId: from.id, members: { target: `integrations/${to.id}` } }, { spot });
  }

  disconnect(key) {
    const node = this.picture.node(key);
    if (node?.kind !== "route" || !this.picture.integrationOf(key)) return this.say("There is nothing to disconnect here.");
    return this.perform({ gesture: "update-route", routeId: node.id, members: { target: "" } }, { spot: this.canvas.spotOf(key) });
  }

  toggleTwoWay(key) {
    const node = this.picture.node(key);
    if (node?.kind !== "route") return this.say("Only routes are two-way.");
    return this.perform({ gesture: node.twoWay ? "silence-route" : "answer-route", routeId: node.id }, { spot: this.canvas.spotOf(key) });
  }

  async duplicate(key) {
    const node = this.picture.node(key);
    if (node?.kind === "integration") {
      const done = await this.perform({ gesture: "duplicate-integration", integrationId: node.id }, { spot: this.canvas.spotOf(key) });
      if (done) this.#lookAt(done.node);
      return;
    }
    if (node?.kind !== "route") return this.say("Only routes and integrations are duplicated.");
    this.#showView("graph");
    this.picker.ask({
      spot: this.canvas.spotOf(key, "left"),
      label: `Key of the copy of ${node.label}`,
      value: this.#freeKey(node.label.replace("$", "")),
      free: true,
      onPick: async (routeKey) => {
        const done = await this.perform({ gesture: "duplicate-route", routeId: node.id, routeKey }, { handles: true });
        this.#lookAt(done.node);
      },
    });
  }

  async remove(key) {
    const node = this.picture.node(key);
    if (!["route", "integration"].includes(node?.kind)) return this.say("Only routes and integrations are deleted here.");
    const next = this.canvas.picture.beside(key, "down") ?? this.canvas.picture.beside(key, "up");
    const spot = this.canvas.spotOf(key);
    const done = await this.perform({ gesture: `delete-${node.kind}`, [`${node.kind}Id`]: node.id }, { spot });
    if (!done) return;
    this.#focusNode(next && this.picture.node(next.key) ? next.key : "selector");
    this.toast(done.sentence, { tone: "info", action: { label: "Undo", run: () => this.undo() } });
  }

  rename(key) {
    const node = this.picture.node(key);
    if (!["route", "integration"].includes(node?.kind)) return;
    const field = node.kind === "route" ? "routeKey" : "integrationUri";
    this.open(key).then(() => this.inspector.focusField(field));
  }

  fold(isFolded = !this.#isFolded) {
    this.#isFolded = isFolded;
    this.closePanel();
    this.refresh();
    this.canvas.fit();
    this.say(isFolded ? "Custom routes are folded to one node." : "All routes are shown.");
  }

  move(key, x, y) { return this.perform({ gesture: "move", positions: { [key]: { x, y } } }); }

  #nudge(key, dx, dy) {
    const node = this.picture.node(key);
    if (node && this.mayWrite) this.move(key, node.x + dx, node.y + dy);
  }

  #freeKey(base) {
    const there = new Set(this.picture.ofKind("route").map((node) => node.label));
    let key = `${base}-copy`;
    for (let number = 2; there.has(key); number += 1) key = `${base}-copy-${number}`;
    return key;
  }

  #lookAt(key) {
    if (this.isTable) return this.table.focus(key);
    if (!this.canvas.picture.node(key)) this.fold(false);
    this.canvas.focus(key);
    return this.inspector.isOpen ? this.open(key) : undefined;
  }

  // telling

  /** For screen readers, and for whoever looks at the bottom of the picture. */
  say(text) { this.#part("status").textContent = text; }

  /** Near the spot where something happened; in the middle at the bottom where it happened nowhere. */
  toast(text, { spot = null, tone = "bad", action = null } = {}) {
    const toast = this.#part("toast");
    toast.replaceChildren(make("span", text));
    if (action) toast.append(button(action.label, () => { toast.hidden = true; action.run(); }));
    toast.dataset.tone = tone;
    toast.hidden = false;
    toast.classList.toggle("is-at-spot", spot !== null && !this.isTable);
    toast.style.left = spot ? `${Math.max(8, Math.min(spot.x + 14, this.canvas.size.width - 300))}px` : "";
    toast.style.top = spot ? `${Math.max(8, Math.min(spot.y + 14, this.canvas.size.height - 90))}px` : "";
    clearTimeout(this.#toastTimer);
    this.#toastTimer = setTimeout(() => { toast.hidden = true; }, 8000);
  }

  /** Above the picture until it is closed. */
  notice(text, action = null) {
    const notice = this.#part("notice");
    notice.replaceChildren(make("span", text));
    if (action) notice.append(button(action.label, () => { notice.hidden = true; action.run(); }));
    notice.append(button("Close", () => { notice.hidden = true; }));
    notice.hidden = false;
  }

  // what people do

  #listen() {
    this.addEventListener("click", (event) => this.#click(event));
    this.addEventListener("submit", (event) => this.#submit(event));
    this.addEventListener("change", (event) => {
      if (event.target.matches("[data-toggle-two-way]")) this.toggleTwoWay(this.inspector.node.key);
    });
    document.addEventListener("keydown", (event) => this.#key(event));
    document.addEventListener("keyup", (event) => {
      if (event.key === " " && event.target.closest?.(".node") && !this.canvas.panning.hasMoved) this.open(this.canvas.focused, { focus: true });
    });
    addEventListener("beforeunload", (event) => { if (this.inspector.isDirty) event.preventDefault(); });
    const search = this.#part("search");
    search.addEventListener("input", () => this.#find(search.value));
    search.addEventListener("keydown", (event) => this.#keyOfSearch(event));
    const on = (target, handlers) => Object.entries(handlers).forEach(([type, handle]) => target.addEventListener(type, (event) => handle(event.detail)));
    on(this.canvas, {
      open: ({ key }) => this.open(key),
      edge: ({ key }) => this.#openEdge(key),
      move: ({ key, x, y }) => this.move(key, x, y),
      connect: ({ source, target, spot }) => this.link(source, target, spot),
      drop: ({ source, spot }) => this.#dropped(source, spot),
      port: ({ key, spot }) => this.#dropped(key, spot),
      view: ({ k }) => { this.#part("zoom").textContent = `${Math.round(k * 100)} %`; },
    });
    on(this.table, {
      open: ({ key }) => this.open(key, { focus: true }),
      connect: ({ source, target }) => this.#connectInTable(source, target),
      "two-way": ({ key }) => this.toggleTwoWay(key),
      duplicate: ({ key }) => this.duplicate(key),
      delete: ({ key }) => this.remove(key),
    });
  }

  #click(event) {
    const button = event.target.closest("button");
    if (!button) return;
    const key = this.inspector.node?.key;
    const actions = {
      "new-route": () => this.newRoute(),
      "new-integration": () => this.newIntegration(),
      undo: () => this.undo(),
      redo: () => this.redo(),
      fold: () => this.fold(),
      fit: () => this.canvas.fit(),
      tidy: () => this.perform({ gesture: "tidy" }).then(() => this.canvas.fit()),
      "zoom-in": () => this.canvas.zoom(1.25),
      "zoom-out": () => this.canvas.zoom(0.8),
      "zoom-reset": () => this.canvas.zoomTo(1),
      "close-panel": () => this.closePanel({ refocus: true }),
      test: () => this.tester.open(),
      deploy: () => this.deploying.open(),
      history: () => this.stageHistory.open(),
      connect: () => { this.#showView("graph"); this.connect(key); },
      duplicate: () => this.duplicate(key),
      delete: () => this.remove(key),
    };
    actions[button.dataset.do ?? button.dataset.panelDo]?.();
    if (button.dataset.view) this.#showView(button.dataset.view);
    if (button.dataset.goto) this.goTo(button.dataset.goto);
  }

  #submit(event) {
    const form = event.target.closest("form");
    if (form.matches("[data-gesture]")) {
      event.preventDefault();
      this.#save(form);
    } else if (form.matches("[data-create-integration]")) {
      event.preventDefault();
      this.#create(form);
    }
  }

  async #save(form) {
    const { gesture, subject, id } = form.dataset;
    const members = membersOf(form);
    const key = this.inspector.node.key;
    const settle = takeDown(form);
    const done = await this.perform(subject ? { gesture, [subject]: id, members } : { gesture, ...members }, { spot: this.canvas.spotOf(key) });
    if (!done || this.inspector.node?.key !== key) return;
    settle();
    await this.inspector.show(this.picture.node(key));
    this.toast(done.sentence, { tone: "good" });
  }

  async #create(form) {
    const route = this.picture.node(`route/${this.inspector.node.key.split("/")[1]}`);
    const steps = [{ gesture: "create-integration", integration: membersOf(form) }];
    if (route) steps.push((made) => ({ gesture: "update-route", routeId: route.id, members: { target: `integrations/${made.node.split("/")[1]}` } }));
    const done = await this.perform(steps);
    if (!done) return;
    this.closePanel();
    this.#lookAt(done.node);
  }

  #dropped(source, spot) {
    if (this.picture.node(source)?.kind === "selector") this.newRoute(spot);
    else this.connect(source, spot);
  }

  #connectInTable(source, target) {
    const node = this.picture.node(source);
    const to = target && `integrations/${this.picture.node(target).id}`;
    this.perform({ gesture: "update-route", routeId: node.id, members: { target: to } }).then((done) => { if (!done) this.table.draw(this.picture); });
  }

  #openEdge(key) {
    const edge = this.canvas.picture.edges.find((each) => each.key === key);
    if (edge) this.open(edge.kind === "target" || edge.kind === "connection" ? edge.source : edge.kind === "call" ? edge.source : edge.target);
  }

  #find(text) {
    const found = search(this.canvas.picture, text);
    this.canvas.find(found.map((node) => node.key));
    this.#part("found").textContent = text.trim() ? `${found.length} found` : "";
    if (found.length && !this.isTable) this.canvas.centre(found[0].key);
    this.found = found.map((node) => node.key);
    return found;
  }

  #keyOfSearch(event) {
    if (event.key === "Escape") {
      event.stopPropagation();
      event.target.value = "";
      this.#find("");
      this.#focusNode(this.canvas.focused);
    }
    if (event.key === "Enter" && this.found?.length) {
      event.preventDefault();
      this.#focusNode(this.found[0]);
      if (!this.isTable) this.canvas.centre(this.found[0]);
    }
  }

  #key(event) {
    const what = keyOf(event, { onNode: event.target.closest?.(".node") !== null && this.contains(event.target) });
    if (!what || document.querySelector("dialog[open]")) return;
    const key = this.canvas.focused;
    const beside = (direction) => () => {
      const next = this.canvas.picture.beside(key, direction);
      if (next) this.canvas.focus(next.key);
    };
    const reading = {
      up: beside("up"), down: beside("down"), left: beside("left"), right: beside("right"),
      first: () => this.canvas.focus(this.canvas.picture.endOfColumn(key, false).key),
      last: () => this.canvas.focus(this.canvas.picture.endOfColumn(key, true).key),
      open: () => this.open(key, { focus: true }),
      hold: () => {},
      close: () => { this.highlight([]); this.closePanel({ refocus: this.inspector.isOpen }); },
      find: () => this.#part("search").focus(),
      test: () => this.tester.open(event.target.closest?.(".node") ? key : ""),
      sheet: () => document.getElementById("designer-shortcuts").showModal(),
      fit: () => this.canvas.fit(),
      "zoom-in": () => this.canvas.zoom(1.25),
      "zoom-out": () => this.canvas.zoom(0.8),
      "zoom-reset": () => this.canvas.zoomTo(1),
    };
    const editing = {
      "new-route": () => this.newRoute(),
      connect: () => this.connect(key),
      disconnect: () => this.disconnect(key),
      "two-way": () => this.toggleTwoWay(key),
      duplicate: () => this.duplicate(key),
      rename: () => this.rename(key),
      delete: () => this.remove(key),
      undo: () => this.undo(),
      redo: () => this.redo(),
      "move-up": () => this.#nudge(key, 0, -STEP), "move-down": () => this.#nudge(key, 0, STEP),
      "move-left": () => this.#nudge(key, -STEP, 0), "move-right": () => this.#nudge(key, STEP, 0),
    };
    const action = reading[what] ?? (this.mayWrite ? editing[what] : undefined);
    if (!action) return;
    event.preventDefault();
    action();
  }

  #part(name) { return this.querySelector(`[data-${name}]`); }
}

customElements.define("route-designer", RouteDesigner);
