// The picture as SVG: nodes and edges, drawn from data, enlarged by one transform on one group. What people do with it is told
// by events: open, edge, connect, drop, port, move, view. Texts are set as text.

import { Dragging } from "./dragging.js";
import { Edges } from "./edges.js";
import { Minimap } from "./minimap.js";
import { fillNode, makeNode, place, setLiveNode, writeLabel } from "./nodes.js";
import { Panning } from "./panning.js";
import { Sheet } from "./sheet.js";
import { element, sync } from "./svg.js";
import { Texts } from "./texts.js";
import { centredOn, fitting, opening, revealing, toWindow, zoomed } from "./view.js";

const FAR = 0.5;
const FARTHEST = 0.26;

export class Canvas extends EventTarget {
  #svg;
  #nodes = element("g", { class: "nodes" });
  #edges = new Edges((key) => this.placeOf(key));
  #dragging;
  #sheet;
  #minimap;
  #texts;
  #drawn = new Map(); // of nodes
  #live = null;
  #scheduled = false;
  view = { x: 0, y: 0, k: 1 };
  picture = null;
  focused = "";

  constructor(host, { icons, mayWrite }) {
    super();
    this.mayWrite = mayWrite;
    this.#texts = new Texts(host);
    this.#svg = element("svg", { class: "designer-svg", role: "application", "aria-label": "Picture of the API. Arrow keys move between nodes, Enter opens one, question mark tells all keys.", "aria-roledescription": "graph" });
    this.panning = new Panning(this.#svg, this);
    this.#dragging = new Dragging(this.#svg, this);
    const world = element("g", { class: "world" });
    world.append(this.#edges.root, this.#dragging.wire, this.#nodes);
    this.#svg.append(symbols(icons), world);
    this.#sheet = new Sheet(host, this.#svg, world, (origin) => { if (!this.#scheduled) this.setView({ ...this.view, ...origin }); });
    this.#minimap = new Minimap(host, (point) => this.centreOn(point));
    this.#listen();
    new ResizeObserver(() => this.#schedule()).observe(host);
  }

  get size() { return this.#sheet.size; }

  // drawing

  /** Show a picture; what was drawn before of the same keys stays, with its focus. */
  draw(picture) {
    const isFirst = this.picture === null;
    this.picture = picture;
    this.#sheet.renew();
    sync(this.#drawn, picture.nodes, this.#nodes, makeNode, (drawn, node) => fillNode(drawn, node, this.#texts, { isFar: this.#isFar }));
    this.#edges.draw(picture);
    if (!picture.node(this.focused)) this.focused = "";
    this.#rove(this.focused || (picture.node("selector") ?? picture.nodes[0])?.key);
    this.#minimap.draw(picture);
    if (isFirst) this.setView(opening(picture.box, picture.core, this.size));
    else this.#schedule();
    if (this.#live) this.setLive(this.#live);
  }

  /** Whether labels are larger, to be read from afar. */
  get #isFar() { return this.#svg.dataset.distance === "far"; }

  /** A node where it is drawn now, which is elsewhere than in the picture while it is dragged. */
  placeOf(key) { return this.#drawn.get(key)?.node; }

  /** Put a node somewhere for now; its edges follow. */
  nudge(key, x, y) {
    const drawn = this.#drawn.get(key);
    if (!drawn) return; // somebody else has deleted it meanwhile
    drawn.node.x = Math.round(x);
    drawn.node.y = Math.round(y);
    place(drawn, drawn.node);
    this.#edges.follow(key);
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

  /** A point of the page as one of the window. */
  inside(point) { return this.#sheet.inside(point); }

  #schedule() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    requestAnimationFrame(() => {
      this.#scheduled = false;
      if (!this.picture) return;
      this.#sheet.show(this.view, this.picture.box);
      const { k } = this.view;
      const distance = k < FARTHEST ? "farthest" : k < FAR ? "far" : "near";
      if (this.#svg.dataset.distance !== distance) {
        this.#svg.dataset.distance = distance;
        for (const drawn of this.#drawn.values()) writeLabel(drawn, this.#texts, { isFar: this.#isFar });
      }
      this.#minimap.show(this.view, this.size);
      this.tell("view", this.view);
    });
  }

  // focus, marks

  focus(key, { reveal = true } = {}) {
    const drawn = this.#drawn.get(key);
    if (!drawn) return;
    this.#rove(key);
    drawn.root.focus({ preventScroll: true });
    if (reveal) this.reveal(key);
  }

  #rove(key) {
    this.#drawn.get(this.focused)?.root.setAttribute("tabindex", "-1");
    this.focused = key ?? "";
    this.#drawn.get(this.focused)?.root.setAttribute("tabindex", "0");
  }

  /** Which node the panel is about. */
  select(key) { this.#mark("is-selected", new Set([key])); }

  /** Which nodes a search found; none of them: all look as ever. */
  find(keys) {
    this.#svg.classList.toggle("is-finding", keys.length > 0);
    this.#mark("is-found", new Set(keys));
  }

  /** Light a message's way: keys of nodes and edges; an empty list puts it out. */
  highlight(path) {
    const lit = new Set(path);
    this.#svg.classList.toggle("is-lighting", lit.size > 0);
    this.#mark("is-lit", lit);
    this.#edges.highlight(lit);
  }

  /** Which nodes an edge that is being drawn may end at. */
  offer(keys) {
    this.#svg.classList.toggle("is-connecting", keys !== null);
    this.#mark("is-offered", new Set(keys));
  }

  #mark(name, keys) {
    for (const [key, { root }] of this.#drawn) root.classList.toggle(name, keys.has(key));
  }

  /** Rates on edges and nodes: `{ nodes: { key: { text, state } }, edges: { key: { width, state } } }`, or null. */
  setLive(live) {
    this.#live = live;
    this.#svg.classList.toggle("is-live", live !== null);
    for (const [key, drawn] of this.#drawn) setLiveNode(drawn, this.#texts, live?.nodes[key]);
    this.#edges.setLive(live?.edges);
  }

  // what people do

  #listen() {
    this.#svg.addEventListener("focusin", (event) => {
      const key = event.target.closest?.(".node")?.dataset.key;
      if (key) this.#rove(key);
    });
    this.#svg.addEventListener("click", (event) => {
      // Assistive technology clicks without a pointer; pointers are told of where they are let go.
      const key = event.detail === 0 && event.target.closest(".node")?.dataset.key;
      if (key) this.tell("open", { key });
    });
    this.#svg.addEventListener("click", (event) => {
      const edge = event.target.closest(".edge");
      if (edge) this.tell("edge", { key: edge.dataset.key });
    });
  }

  /** Put back what is being dragged, if anything is. */
  cancelDrag() { this.#dragging.cancel(); }

  tell(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail })); }
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
