// The whole picture in a corner, with a frame around what the window shows. A click or a drag moves the window there.

import { element } from "./svg.js";

const WIDTH = 168;
const HEIGHT = 112;
const MARGIN = 8;

export class Minimap {
  #svg = element("svg", { class: "designer-minimap", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" });
  #shapes = new Map();
  #frame = element("rect", { class: "minimap-frame", rx: 2 });
  #scale = 1;
  #offset = { x: 0, y: 0 };

  constructor(host, onMove) {
    for (const kind of ["edges", "client", "selector", "authorizer", "route", "group", "integration", "backend", "wrong"]) {
      this.#shapes.set(kind, element("path", { class: `minimap-${kind}` }));
    }
    this.#svg.append(...this.#shapes.values(), this.#frame);
    host.append(this.#svg);
    const move = (event) => {
      if (event.buttons !== 1) return;
      const box = this.#svg.getBoundingClientRect();
      onMove({
        x: (event.clientX - box.left - this.#offset.x) / this.#scale,
        y: (event.clientY - box.top - this.#offset.y) / this.#scale,
      });
    };
    this.#svg.addEventListener("pointerdown", (event) => {
      this.#svg.setPointerCapture(event.pointerId);
      move(event);
    });
    this.#svg.addEventListener("pointermove", move);
  }

  draw(picture) {
    const { box } = picture;
    this.#scale = Math.min((WIDTH - 2 * MARGIN) / box.width, (HEIGHT - 2 * MARGIN) / box.height);
    this.#offset = { x: (WIDTH - box.width * this.#scale) / 2 - box.x * this.#scale, y: (HEIGHT - box.height * this.#scale) / 2 - box.y * this.#scale };
    const drawn = new Map([...this.#shapes.keys()].map((kind) => [kind, ""]));
    for (const node of picture.nodes) {
      const kind = node.problems.some((problem) => problem.severity === "error") ? "wrong" : node.kind;
      drawn.set(kind, drawn.get(kind) + this.#rectangle(node));
    }
    for (const edge of picture.edges) {
      const [from, to] = [picture.node(edge.source), picture.node(edge.target)];
      if (from && to) drawn.set("edges", drawn.get("edges") + this.#line(from, to));
    }
    for (const [kind, path] of drawn) this.#shapes.get(kind).setAttribute("d", path);
  }

  show(view, size) {
    const { x, y } = this.#point({ x: -view.x / view.k, y: -view.y / view.k });
    const width = (size.width / view.k) * this.#scale;
    const height = (size.height / view.k) * this.#scale;
    const [left, top] = [Math.max(1, x), Math.max(1, y)];
    place(this.#frame, { x: left, y: top, width: Math.max(4, Math.min(WIDTH - 1, x + width) - left), height: Math.max(4, Math.min(HEIGHT - 1, y + height) - top) });
  }

  #rectangle(node) {
    const { x, y } = this.#point(node);
    const [width, height] = [node.width * this.#scale, Math.max(1, node.height * this.#scale)];
    return `M${round(x)} ${round(y)}h${round(width)}v${round(height)}h-${round(width)}z`;
  }

  #line(from, to) {
    const start = this.#point({ x: from.x + from.width, y: from.y + from.height / 2 });
    const end = this.#point({ x: to.x, y: to.y + to.height / 2 });
    return `M${round(start.x)} ${round(start.y)}L${round(end.x)} ${round(end.y)}`;
  }

  #point({ x, y }) { return { x: x * this.#scale + this.#offset.x, y: y * this.#scale + this.#offset.y }; }
}

function round(number) { return Math.round(number * 10) / 10; }

function place(target, attributes) {
  for (const [name, value] of Object.entries(attributes)) target.setAttribute(name, round(value));
}
