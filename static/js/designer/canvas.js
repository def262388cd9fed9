// The picture as SVG: nodes and edges, drawn from data, enlarged by one transform on one group. It lies on a sheet larger
// than the window, which is scrolled: then the browser moves what it has painted, instead of painting each frame anew.
// What people do with it is told by events: open, connect, drop, move, view. Texts are set as text.

import { Minimap } from "./minimap.js";
import { Panning } from "./panning.js";
import { classes, element, set } from "./svg.js";
import { centredOn, fitting, isOn, opening, revealing, sheetOf, toPicture, toWindow, zoomed } from "./view.js";

const FAR = 0.5;
const FARTHEST = 0.26;
const DRAG_BEGINS = 5;
const DOTS = 24; // as in designer-graph.css
// Edges that reach farther up or down share a lane beside their hub, and bend into it.
const FAR_APART = 480;
const LANE = 38;
const BEND = 26;

export class Canvas extends EventTarget {
  #host;
  #window = document.createElement("div");
  #svg;
  #world;
  #edges;
  #nodes;
  #wire;
  #minimap;
  #trunks = element("path", { class: "edge-trunks" });
  #drawnNodes = new Map();
  #drawnEdges = new Map();
  #touching = new Map();
  #live = null;
  #sheet = null;
  #scrolled = { x: 0, y: 0 };
  #scheduled = false;
  #cancel = null;
  #measure = document.createElement("canvas").getContext("2d");
  view = { x: 0, y: 0, k: 1 };
  picture = null;
  focused = "";

  constructor(host, { icons, mayWrite }) {
    super();
    this.#host = host;
    this.mayWrite = mayWrite;
    this.#svg = element("svg", { class: "designer-svg", role: "application", "aria-label": "Picture of the API. Arrow keys move between nodes, Enter opens one, question mark tells all keys.", "aria-roledescription": "graph" });
    this.#svg.append(symbols(icons));
    this.#world = element("g", { class: "world" });
    this.#edges = element("g", { class: "edges", "aria-hidden": "true" });
    this.#edges.append(this.#trunks);
    this.#nodes = element("g", { class: "nodes" });
    this.#wire = element("path", { class: "designer-wire", visibility: "hidden" });
    this.#world.append(this.#edges, this.#wire, this.#nodes);
    this.#svg.append(this.#world);
    this.#window.className = "designer-window";
    this.#window.append(this.#svg);
    host.prepend(this.#window);
    this.#minimap = new Minimap(host, (point) => this.centreOn(point));
    this.panning = new Panning(this.#svg, this);
    this.#listen();
    new ResizeObserver(() => this.#schedule()).observe(host);
  }

  get size() { return { width: this.#window.clientWidth || 1, height: this.#window.clientHeight || 1 }; }

  // drawing

  /** Show a picture; what was drawn before of the same keys stays, with its focus. */
  draw(picture) {
    const isFirst = this.picture === null;
    this.picture = picture;
    this.#sheet = null;
    this.#touching = new Map();
    sync(this.#drawnNodes, picture.nodes, this.#nodes, (node) => this.#makeNode(node), (drawn, node) => this.#fillNode(drawn, node));
    sync(this.#drawnEdges, picture.edges, this.#edges, () => makeEdge(), (drawn, edge) => this.#fillEdge(drawn, edge));
    for (const drawn of this.#drawnEdges.values()) this.#route(drawn);
    this.#drawTrunks();
    if (!picture.node(this.focused)) this.focused = "";
    this.#rove(this.focused || (picture.node("selector") ?? picture.nodes[0])?.key);
    this.#minimap.draw(picture);
    if (isFirst) this.setView(opening(picture.box, picture.core, this.size));
    else this.#schedule();
    if (this.#live) this.setLive(this.#live);
  }

  #makeNode(node) {
    const root = element("g", { class: `node node-${node.kind}`, role: "button", tabindex: "-1", "data-key": node.key });
    const drawn = {
      root,
      box: element("rect", { class: "node-box", width: node.width, height: node.height, rx: 11 }),
      tile: element("rect", { class: "node-tile", x: 13, y: 15, width: 34, height: 34, rx: 9 }),
      icon: element("use", { class: "node-icon", x: 20, y: 22, width: 20, height: 20, href: `#designer-${node.kind}` }),
      label: element("text", { class: "node-label", x: 58, y: 28 }),
      detail: element("text", { class: "node-detail", x: 58, y: 46 }),
      title: element("title"),
    };
    root.append(drawn.title, drawn.box, drawn.tile, drawn.icon, drawn.label, drawn.detail);
    if (node.kind === "route") {
      drawn.way = element("use", { class: "node-way", x: node.width - 31, y: 12, width: 18, height: 18 });
      root.append(drawn.way);
    }
    if (hasOutPort(node)) root.append(port("out", node.width, node.height / 2));
    if (node.kind === "integration") root.append(port("in", 0, node.height / 2));
    drawn.badge = element("g", { class: "node-badge", transform: `translate(${node.width - 8} 4)` });
    drawn.badge.append(element("circle", { r: 10 }), element("text", { y: 4.5 }));
    drawn.mark = element("g", { class: "node-mark", transform: "translate(10 0)" });
    drawn.mark.append(element("rect", { x: -10, y: -10, width: 20, height: 20, rx: 6 }), element("text", { y: 5 }));
    root.append(drawn.badge, drawn.mark);
    return drawn;
  }

  #fillNode(drawn, node) {
    drawn.node = { ...node }; // which is moved while it is dragged
    place(drawn.root, node);
    const worst = node.problems.some((problem) => problem.severity === "error") ? "error" : node.problems.length ? "warning" : "";
    const said = [node.name, node.mark && `${node.mark} since the deployment`, ...node.problems.map((problem) => problem.message)];
    drawn.root.setAttribute("aria-label", said.filter(Boolean).join(". "));
    drawn.root.setAttribute("class", classes("node", `node-${node.kind}`, worst && `has-${worst}`, node.mark && `is-${node.mark}`, node.twoWay && "is-two-way"));
    this.#writeLabel(drawn.label, node);
    this.#write(drawn.detail, detailOf(node), node.width - 66, DETAIL);
    drawn.title.textContent = [`${node.label} · ${node.detail}`, ...node.problems.map((problem) => problem.message)].join("\n");
    drawn.way?.setAttribute("href", `#designer-${node.twoWay ? "two-way" : "one-way"}`);
    drawn.badge.lastChild.textContent = worst ? "!" : "";
    drawn.mark.lastChild.textContent = { added: "+", changed: "~", removed: "−" }[node.mark] ?? "";
  }

  #fillEdge(drawn, edge) {
    drawn.edge = edge;
    drawn.root.setAttribute("data-key", edge.key);
    drawn.root.setAttribute("class", classes("edge", `edge-${edge.kind}`, edge.twoWay && "two-way", edge.mark && `is-${edge.mark}`));
    for (const end of [edge.source, edge.target]) {
      if (!this.#touching.has(end)) this.#touching.set(end, []);
      this.#touching.get(end).push(drawn);
    }
  }

  #route(drawn) {
    const { edge } = drawn;
    const [from, to] = [edge.source, edge.target].map((key) => this.#drawnNodes.get(key)?.node);
    if (!from || !to) return;
    const [start, end] = endsOf(from, to);
    drawn.hub = isFar(start, end) && !drawn.root.classList.contains("is-lit") ? this.#hubOf(edge) : "";
    const line = drawn.hub ? stub(start, end, drawn.hub) : curve(start, end);
    const there = drawn.hub === "target" ? "" : `M${end.x - 7} ${end.y - 4.5}L${end.x} ${end.y}L${end.x - 7} ${end.y + 4.5}`;
    const back = drawn.hub === "source" ? "" : `M${start.x + 7} ${start.y - 4.5}L${start.x} ${start.y}L${start.x + 7} ${start.y + 4.5}`;
    drawn.hit.setAttribute("d", line);
    drawn.line.setAttribute("d", edge.twoWay ? line : line + there);
    drawn.inner.setAttribute("d", edge.twoWay ? line : "");
    drawn.arrows.setAttribute("d", edge.twoWay ? there + back : "");
  }

  /** Which end of a long edge shares its way with others. */
  #hubOf({ source, target }) {
    return (this.picture.leaving.get(source)?.length ?? 0) >= (this.picture.reaching.get(target)?.length ?? 0) ? "source" : "target";
  }

  /** The way that long edges share, as one line: hundreds beside each other could not be told apart, nor drawn in time. */
  #drawTrunks() {
    const reach = new Map();
    for (const { hub, edge } of this.#drawnEdges.values()) {
      if (!hub) continue;
      const [start, end] = endsOf(...[edge.source, edge.target].map((key) => this.#drawnNodes.get(key).node));
      const [near, far] = hub === "source" ? [start, end] : [end, start];
      const known = reach.get(edge[hub]) ?? { near, side: hub === "source" ? 1 : -1, top: near.y, bottom: near.y };
      reach.set(edge[hub], { ...known, top: Math.min(known.top, far.y), bottom: Math.max(known.bottom, far.y) });
    }
    this.#trunks.setAttribute("d", [...reach.values()].map(trunk).join(""));
  }

  #writeLabel(text, node) {
    const isFar = this.#svg.dataset.distance === "far";
    const room = node.kind === "route" && !isFar ? 92 : 66;
    this.#write(text, node.label, node.width - room, isFar ? FAR_LABEL : fontOfLabel(node));
  }

  #write(text, content, width, font) {
    this.#measure.font = fontOf(this.#host, font);
    text.textContent = shortened(content, width, (part) => this.#measure.measureText(part).width);
  }

  // the view

  setView(view) {
    this.view = view;
    this.#schedule();
  }

  zoom(factor, point = { x: this.size.width / 2, y: this.size.height / 2 }) { this.setView(zoomed(this.view, factor, point)); }

  zoomTo(k) { this.zoom(k / this.view.k); }

  fit() { this.setView(fitting(this.picture.box, this.size)); }

  /** Move just so far that a node is in the window, with those around it if there is room. */
  reveal(key) {
    const node = this.picture.node(key);
    if (!node) return;
    const around = this.picture.around(key);
    const fits = around.width * this.view.k < this.size.width - 96 && around.height * this.view.k < this.size.height - 96;
    this.setView(revealing(revealing(this.view, fits ? around : node, this.size), node, this.size));
  }

  /** Move, and zoom out if need be, so that all of these nodes are in the window. */
  revealAll(keys) {
    const box = this.picture.boxAround(keys);
    const whole = fitting(box, this.size);
    this.setView(whole.k < this.view.k ? whole : revealing(this.view, box, this.size, 28));
  }

  /** Bring a node into the middle, large enough to be read. */
  centre(key) {
    const node = this.picture.node(key);
    if (node) this.setView(centredOn({ ...this.view, k: Math.max(this.view.k, 0.75) }, node, this.size));
  }

  centreOn(point) { this.setView(centredOn(this.view, { ...point, width: 0, height: 0 }, this.size)); }

  /** Where a node's port is in the window, for what is opened beside it. */
  spotOf(key, side = "right") {
    const node = this.picture?.node(key);
    if (!node) return { x: this.size.width / 2, y: 80 };
    return toWindow(this.view, { x: node.x + (side === "right" ? node.width : 0), y: node.y + node.height / 2 });
  }

  #schedule() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    requestAnimationFrame(() => {
      this.#scheduled = false;
      if (!this.picture) return;
      this.#place();
      const { k } = this.view;
      const distance = k < FARTHEST ? "farthest" : k < FAR ? "far" : "near";
      if (this.#svg.dataset.distance !== distance) {
        this.#svg.dataset.distance = distance;
        for (const { label, node } of this.#drawnNodes.values()) this.#writeLabel(label, node);
      }
      this.#minimap.show(this.view, this.size);
      this.dispatchEvent(new CustomEvent("view", { detail: this.view }));
    });
  }

  /** Scroll, where that is enough; else lay the picture on another sheet, which is painted anew. */
  #place() {
    if (!this.#sheet || !isOn(this.#sheet, this.view, this.size)) this.#layOut(sheetOf(this.view, this.picture.box, this.size));
    this.#window.scrollTo(this.#sheet.x - this.view.x, this.#sheet.y - this.view.y);
    this.#scrolled = { x: this.#window.scrollLeft, y: this.#window.scrollTop };
  }

  #layOut(sheet) {
    this.#sheet = sheet;
    this.#svg.style.width = `${sheet.width}px`;
    this.#svg.style.height = `${sheet.height}px`;
    this.#svg.style.backgroundPosition = `${sheet.x % DOTS}px ${sheet.y % DOTS}px`;
    this.#world.setAttribute("transform", `translate(${sheet.x} ${sheet.y}) scale(${sheet.k})`);
  }

  /** The browser scrolled by itself, to show what has got the focus or what was found in the page. */
  #followScroll() {
    const { scrollLeft, scrollTop } = this.#window;
    const isOwn = Math.abs(scrollLeft - this.#scrolled.x) < 1 && Math.abs(scrollTop - this.#scrolled.y) < 1;
    if (isOwn || this.#scheduled || !this.#sheet || !this.#window.clientWidth) return;
    this.setView({ ...this.view, x: this.#sheet.x - scrollLeft, y: this.#sheet.y - scrollTop });
  }

  // focus, marks

  focus(key, { reveal = true } = {}) {
    const drawn = this.#drawnNodes.get(key);
    if (!drawn) return;
    this.#rove(key);
    drawn.root.focus({ preventScroll: true });
    if (reveal) this.reveal(key);
  }

  #rove(key) {
    this.#drawnNodes.get(this.focused)?.root.setAttribute("tabindex", "-1");
    this.focused = key ?? "";
    this.#drawnNodes.get(this.focused)?.root.setAttribute("tabindex", "0");
  }

  /** Which node the panel is about. */
  select(key) {
    for (const drawn of this.#drawnNodes.values()) {
      const selected = drawn.node.key === key;
      drawn.root.classList.toggle("is-selected", selected);
    }
  }

  /** Which nodes a search found; none of them: all look as ever. */
  find(keys) {
    const found = new Set(keys);
    this.#svg.classList.toggle("is-finding", found.size > 0);
    for (const [key, drawn] of this.#drawnNodes) drawn.root.classList.toggle("is-found", found.has(key));
  }

  /** Light a message's way: keys of nodes and edges; an empty list puts it out. */
  highlight(path) {
    const lit = new Set(path);
    this.#svg.classList.toggle("is-lighting", lit.size > 0);
    for (const [key, drawn] of [...this.#drawnNodes, ...this.#drawnEdges]) drawn.root.classList.toggle("is-lit", lit.has(key));
    for (const drawn of this.#drawnEdges.values()) if (drawn.hub || lit.has(drawn.edge.key)) this.#route(drawn);
  }

  /** Which nodes an edge that is being drawn may end at. */
  offer(keys) {
    this.#svg.classList.toggle("is-connecting", keys !== null);
    const offered = new Set(keys ?? []);
    for (const [key, drawn] of this.#drawnNodes) drawn.root.classList.toggle("is-offered", offered.has(key));
  }

  /** Rates on edges and nodes: `{ nodes: { key: { text, state } }, edges: { key: { width, state } } }`, or null. */
  setLive(live) {
    this.#live = live;
    this.#svg.classList.toggle("is-live", live !== null);
    for (const [key, { root, detail, node }] of this.#drawnNodes) {
      const told = live?.nodes[key];
      this.#write(detail, told?.text ?? detailOf(node), node.width - 66, DETAIL);
      set(root, "data-live", told?.state);
    }
    for (const [key, { root, line, inner, edge }] of this.#drawnEdges) {
      const told = live?.edges[key];
      set(root, "data-live", told?.state);
      line.style.strokeWidth = told?.width ? `${edge.twoWay ? told.width + 3.5 : told.width}px` : "";
      inner.style.strokeWidth = told?.width && edge.twoWay ? `${told.width}px` : "";
    }
  }

  // pointers and focus on nodes

  #listen() {
    this.#window.addEventListener("scroll", () => this.#followScroll());
    this.#svg.addEventListener("focusin", (event) => {
      const key = event.target.closest?.(".node")?.dataset.key;
      if (key) this.#rove(key);
    });
    this.#svg.addEventListener("pointerdown", (event) => {
      const node = event.target.closest(".node");
      if (event.button !== 0 || !node || event.defaultPrevented) return;
      event.preventDefault();
      this.focus(node.dataset.key, { reveal: false });
      const outPort = this.mayWrite && event.target.closest(".port-out");
      if (outPort) this.#drawWire(event, node.dataset.key);
      else this.#dragNode(event, node.dataset.key);
    });
    this.#svg.addEventListener("click", (event) => {
      // Assistive technology clicks without a pointer; pointers are told of where they are let go.
      const key = event.detail === 0 && event.target.closest(".node")?.dataset.key;
      if (key) this.#emit("open", { key });
    });
    this.#svg.addEventListener("click", (event) => {
      const edge = event.target.closest(".edge");
      if (edge) this.#emit("edge", { key: edge.dataset.key });
    });
  }

  #dragNode(down, key) {
    const drawn = this.#drawnNodes.get(key);
    const start = { x: drawn.node.x, y: drawn.node.y };
    let moved = false;
    this.#follow(down, (event) => {
      const [dx, dy] = [event.clientX - down.clientX, event.clientY - down.clientY];
      moved ||= Math.hypot(dx, dy) > DRAG_BEGINS;
      if (!moved || !this.mayWrite || drawn.node.kind === "group" || drawn.node.mark === "removed") return;
      drawn.root.classList.add("is-dragged");
      this.nudge(key, start.x + dx / this.view.k, start.y + dy / this.view.k);
    }, (event) => {
      drawn.root.classList.remove("is-dragged");
      if (event.type === "pointercancel") this.nudge(key, start.x, start.y);
      else if (!moved) this.#emit("open", { key });
      else if (drawn.node.x !== start.x || drawn.node.y !== start.y) this.#emit("move", { key, x: drawn.node.x, y: drawn.node.y });
    });
  }

  /** Put a node somewhere for now; its edges follow. */
  nudge(key, x, y) {
    const drawn = this.#drawnNodes.get(key);
    drawn.node.x = Math.round(x);
    drawn.node.y = Math.round(y);
    place(drawn.root, drawn.node);
    for (const edge of this.#touching.get(key) ?? []) this.#route(edge);
    this.#drawTrunks();
  }

  #drawWire(down, key) {
    const node = this.picture.node(key);
    const start = { x: node.x + node.width, y: node.y + node.height / 2 };
    this.offer(node.kind === "route" ? this.picture.ofKind("integration").map((each) => each.key) : []);
    let moved = false;
    this.#follow(down, (event) => {
      moved ||= Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) > DRAG_BEGINS;
      const end = toPicture(this.view, this.#pointOf(event));
      this.#wire.setAttribute("d", curve(start, end));
      this.#wire.setAttribute("visibility", "visible");
    }, (event) => {
      this.#wire.setAttribute("visibility", "hidden");
      this.offer(null);
      if (event.type === "pointercancel") return;
      const spot = this.#pointOf(event);
      const target = document.elementFromPoint(event.clientX, event.clientY)?.closest(".node")?.dataset.key;
      if (!moved || target === key) this.#emit("port", { key, spot: this.spotOf(key) });
      else if (target) this.#emit("connect", { source: key, target, spot });
      else this.#emit("drop", { source: key, spot });
    });
  }

  #follow(down, onMove, onEnd) {
    const pointer = down.pointerId;
    this.#svg.setPointerCapture(pointer);
    const stopped = new AbortController();
    this.#cancel = () => {
      stopped.abort();
      onEnd({ type: "pointercancel" });
    };
    stopped.signal.addEventListener("abort", () => { this.#cancel = null; });
    const listen = (type, handler) => this.#svg.addEventListener(type, (event) => event.pointerId === pointer && handler(event), { signal: stopped.signal });
    listen("pointermove", onMove);
    for (const type of ["pointerup", "pointercancel"]) {
      listen(type, (event) => {
        stopped.abort();
        onEnd(event);
      });
    }
  }

  /** Put back what is being dragged, if anything is. */
  cancelDrag() { this.#cancel?.(); }

  #pointOf(event) { return this.inside({ x: event.clientX, y: event.clientY }); }

  /** A point of the page as one of the window. */
  inside({ x, y }) {
    const box = this.#window.getBoundingClientRect();
    return { x: x - box.left, y: y - box.top };
  }

  #emit(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail })); }
}

// As in designer-graph.css, to measure what fits.
const DETAIL = "12px --sans";
const FAR_LABEL = "600 19px --mono";
const fonts = new Map();

function fontOf(host, name) {
  if (!fonts.has(name)) {
    const style = getComputedStyle(host);
    fonts.set(name, name.replace(/--\w+/, (family) => style.getPropertyValue(family)));
  }
  return fonts.get(name);
}

function fontOfLabel({ kind }) { return ["route", "client"].includes(kind) ? "600 14px --mono" : "600 12.5px --mono"; }

/** An arrow shows that a route is one-way; that it is two-way is said first. */
function detailOf(node) {
  const detail = node.detail.replace(/, (one|two)-way/, "");
  return node.twoWay && node.kind === "route" ? `two-way · ${detail}` : detail;
}

/** A text that fits, cut in the end. */
function shortened(text, width, measure) {
  if (measure(text) <= width) return text;
  let [fits, tooLong] = [0, text.length];
  while (tooLong - fits > 1) {
    const middle = (fits + tooLong) >> 1;
    if (measure(`${text.slice(0, middle)}…`) <= width) fits = middle;
    else tooLong = middle;
  }
  return `${text.slice(0, fits).trimEnd()}…`;
}

function curve(start, end) {
  const bend = Math.max(36, Math.abs(end.x - start.x) / 2);
  return `M${start.x} ${start.y}C${start.x + bend} ${start.y} ${end.x - bend} ${end.y} ${end.x} ${end.y}`;
}

/** Where an edge leaves and arrives: before the ports, which would hide its arrows. */
function endsOf(from, to) {
  return [
    { x: from.x + from.width + (hasOutPort(from) ? 9 : 2), y: from.y + from.height / 2 },
    { x: to.x - (to.kind === "integration" ? 9 : 2), y: to.y + to.height / 2 },
  ];
}

function isFar(start, end) { return Math.abs(end.y - start.y) > FAR_APART; }

/** The part of a long edge that is its own: from the shared way to the node at its other end. */
function stub(start, end, hub) {
  const down = Math.sign(end.y - start.y);
  if (hub === "source") {
    const x = start.x + LANE;
    return `M${x} ${end.y - down * BEND}Q${x} ${end.y} ${x + BEND} ${end.y}L${end.x} ${end.y}`;
  }
  const x = end.x - LANE;
  return `M${start.x} ${start.y}L${x - BEND} ${start.y}Q${x} ${start.y} ${x} ${start.y + down * BEND}`;
}

function trunk({ near, side, top, bottom }) {
  const x = near.x + side * LANE;
  const branch = (y) => {
    const down = Math.sign(y - near.y);
    return down ? `M${near.x} ${near.y}Q${x} ${near.y} ${x} ${near.y + down * BEND}V${y - down * BEND}` : "";
  };
  return branch(top) + branch(bottom);
}

function makeEdge() {
  const root = element("g");
  const [hit, line, inner, arrows] = ["hit", "line", "inner", "arrows"].map((part) => element("path", { class: `edge-${part}` }));
  root.append(hit, line, inner, arrows);
  return { root, hit, line, inner, arrows };
}

function hasOutPort({ kind }) { return kind === "selector" || kind === "route"; }

function port(side, x, y) {
  const root = element("g", { class: `port port-${side}`, transform: `translate(${x} ${y})` });
  root.append(element("circle", { class: "port-reach", r: 15 }), element("circle", { class: "port-dot", r: 6 }));
  return root;
}

/** Make what is new, fill everything, remove what is gone; in the order of the items. */
function sync(drawn, items, parent, make, fill) {
  const left = new Set(drawn.keys());
  for (const item of items) {
    left.delete(item.key);
    if (!drawn.has(item.key)) {
      drawn.set(item.key, make(item));
      parent.append(drawn.get(item.key).root);
    }
  }
  for (const key of left) {
    drawn.get(key).root.remove();
    drawn.delete(key);
  }
  for (const item of items) fill(drawn.get(item.key), item);
}

/** Icons of the page as symbols that nodes refer to. */
function symbols(icons) {
  const defs = element("defs");
  for (const holder of icons.content.querySelectorAll("[data-icon]")) {
    const symbol = element("symbol", { id: `designer-${holder.dataset.icon}`, viewBox: "0 0 24 24" });
    symbol.append(...[...holder.querySelector("svg").cloneNode(true).childNodes]);
    defs.append(symbol);
  }
  return defs;
}

function place(root, { x, y }) { root.setAttribute("transform", `translate(${x} ${y})`); }
