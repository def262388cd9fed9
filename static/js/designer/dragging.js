// Nodes under a pointer: they are opened, moved, and connected from their ports. The canvas tells what people did.

import { curve } from "./edges.js";
import { element } from "./svg.js";
import { toPicture } from "./view.js";

const BEGINS = 5;

export class Dragging {
  wire = element("path", { class: "designer-wire", visibility: "hidden" });
  #svg;
  #canvas;
  #cancel = null;

  constructor(svg, canvas) {
    this.#svg = svg;
    this.#canvas = canvas;
    svg.addEventListener("pointerdown", (event) => this.#down(event));
  }

  /** Put back what is being dragged, if anything is. */
  cancel() { this.#cancel?.(); }

  #down(event) {
    const node = event.target.closest(".node");
    if (event.button !== 0 || !node || event.defaultPrevented) return;
    event.preventDefault();
    const { key } = node.dataset;
    this.#canvas.focus(key, { reveal: false });
    const outPort = this.#canvas.mayWrite && event.target.closest(".port-out");
    if (outPort) this.#drawWire(event, key);
    else this.#dragNode(event, key, node);
  }

  #dragNode(down, key, root) {
    const canvas = this.#canvas;
    const { kind, mark } = canvas.picture.node(key);
    const { x, y } = canvas.placeOf(key);
    let moved = false;
    this.#follow(down, (event) => {
      const [dx, dy] = [event.clientX - down.clientX, event.clientY - down.clientY];
      moved ||= Math.hypot(dx, dy) > BEGINS;
      if (!moved || !canvas.mayWrite || kind === "group" || mark === "removed") return;
      root.classList.add("is-dragged");
      canvas.nudge(key, x + dx / canvas.view.k, y + dy / canvas.view.k);
    }, (event) => {
      root.classList.remove("is-dragged");
      const now = canvas.placeOf(key);
      if (event.type === "pointercancel") canvas.nudge(key, x, y);
      else if (!moved) canvas.tell("open", { key });
      else if (now && (now.x !== x || now.y !== y)) canvas.tell("move", { key, x: now.x, y: now.y });
    });
  }

  #drawWire(down, key) {
    const canvas = this.#canvas;
    const node = canvas.picture.node(key);
    const start = { x: node.x + node.width, y: node.y + node.height / 2 };
    canvas.offer(node.kind === "route" ? canvas.picture.ofKind("integration").map((each) => each.key) : []);
    let moved = false;
    this.#follow(down, (event) => {
      moved ||= Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) > BEGINS;
      const end = toPicture(canvas.view, this.#pointOf(event));
      this.wire.setAttribute("d", curve(start, end));
      this.wire.setAttribute("visibility", "visible");
    }, (event) => {
      this.wire.setAttribute("visibility", "hidden");
      canvas.offer(null);
      if (event.type === "pointercancel") return;
      const spot = this.#pointOf(event);
      const target = document.elementFromPoint(event.clientX, event.clientY)?.closest(".node")?.dataset.key;
      if (!moved || target === key) canvas.tell("port", { key, spot: canvas.spotOf(key) });
      else if (target) canvas.tell("connect", { source: key, target, spot });
      else canvas.tell("drop", { source: key, spot });
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

  #pointOf(event) { return this.#canvas.inside({ x: event.clientX, y: event.clientY }); }
}
