// The edges as SVG: curves between nodes. Edges that reach far up or down share a lane beside the node at their busier end,
// their hub, and bend into it: hundreds beside each other could not be told apart, nor drawn in time.

import { hasOutPort } from "./nodes.js";
import { classes, element, set, sync } from "./svg.js";

const FAR_APART = 480;
const LANE = 38;
const BEND = 26;

export class Edges {
  root = element("g", { class: "edges", "aria-hidden": "true" });
  #trunks = element("path", { class: "edge-trunks" });
  #placeOf;
  #picture = null;
  #drawn = new Map();
  #touching = new Map();

  /** `placeOf(key)` gives a node as it is placed now, if it is drawn. */
  constructor(placeOf) {
    this.#placeOf = placeOf;
    this.root.append(this.#trunks);
  }

  draw(picture) {
    this.#picture = picture;
    this.#touching = new Map();
    sync(this.#drawn, picture.edges, this.root, () => makeEdge(), (drawn, edge) => this.#fill(drawn, edge));
    for (const drawn of this.#drawn.values()) this.#route(drawn);
    this.#drawTrunks();
  }

  /** A node has moved: its edges follow. */
  follow(key) {
    for (const drawn of this.#touching.get(key) ?? []) this.#route(drawn);
    this.#drawTrunks();
  }

  /** Light those of a message's way, each with a way of its own. */
  highlight(lit) {
    for (const [key, drawn] of this.#drawn) {
      if (drawn.root.classList.contains("is-lit") === lit.has(key)) continue;
      drawn.root.classList.toggle("is-lit");
      this.#route(drawn);
    }
  }

  /** The weight of what flows: `{ key: { width, state } }`. */
  setLive(live) {
    for (const [key, { root, line, inner, edge }] of this.#drawn) {
      const told = live?.[key];
      set(root, "data-live", told?.state);
      line.style.strokeWidth = told?.width ? `${edge.twoWay ? told.width + 3.5 : told.width}px` : "";
      inner.style.strokeWidth = told?.width && edge.twoWay ? `${told.width}px` : "";
    }
  }

  #fill(drawn, edge) {
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
    const [from, to] = [edge.source, edge.target].map(this.#placeOf);
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
    return (this.#picture.leaving.get(source)?.length ?? 0) >= (this.#picture.reaching.get(target)?.length ?? 0) ? "source" : "target";
  }

  /** The way that long edges share, as one line. */
  #drawTrunks() {
    const reach = new Map();
    for (const { hub, edge } of this.#drawn.values()) {
      if (!hub) continue;
      const [start, end] = endsOf(...[edge.source, edge.target].map(this.#placeOf));
      const [near, far] = hub === "source" ? [start, end] : [end, start];
      const known = reach.get(edge[hub]) ?? { near, side: hub === "source" ? 1 : -1, top: near.y, bottom: near.y };
      reach.set(edge[hub], { ...known, top: Math.min(known.top, far.y), bottom: Math.max(known.bottom, far.y) });
    }
    this.#trunks.setAttribute("d", [...reach.values()].map(trunk).join(""));
  }
}

export function curve(start, end) {
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
