// Moves and enlarges the picture by pointer, touch and wheel.

export class Panning {
  #svg;
  #canvas;
  #pointers = new Map();
  #fingers = new Map(); // all of them, on nodes too
  #space = false;
  /** Whether the picture was moved since the space bar went down: then letting it go means nothing else. */
  hasMoved = false;

  constructor(svg, canvas) {
    this.#svg = svg;
    this.#canvas = canvas;
    svg.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    // Before the nodes' own listeners: with the space bar held, or a second finger down, everything moves.
    svg.addEventListener("pointerdown", (event) => this.#down(event), { capture: true });
    svg.addEventListener("pointermove", (event) => this.#move(event));
    for (const type of ["pointerup", "pointercancel"]) svg.addEventListener(type, (event) => this.#up(event));
    document.addEventListener("keydown", (event) => this.#hold(event, true));
    document.addEventListener("keyup", (event) => this.#hold(event, false));
    addEventListener("blur", () => this.#release());
  }

  #down(event) {
    if (event.pointerType === "touch") this.#fingers.set(event.pointerId, point(event));
    if (this.#fingers.size > 1) {
      // The first one may hold a node: two move the picture, wherever they are.
      this.#canvas.cancelDrag();
      for (const [id, place] of this.#fingers) this.#pointers.set(id, place);
    }
    const onNothing = !event.target.closest(".node, .edge-hit");
    const moves = onNothing || this.#space || event.button === 1 || this.#pointers.size > 0;
    if (!moves || event.button > 1) return;
    event.preventDefault();
    this.#pointers.set(event.pointerId, point(event));
    this.#svg.setPointerCapture(event.pointerId);
    this.#svg.classList.add("is-panning");
    if (onNothing) document.activeElement?.blur?.();
  }

  #move(event) {
    if (this.#fingers.has(event.pointerId)) this.#fingers.set(event.pointerId, point(event));
    if (!this.#pointers.has(event.pointerId)) return;
    this.hasMoved = true;
    const before = this.#spread();
    this.#pointers.set(event.pointerId, point(event));
    const after = this.#spread();
    const { view } = this.#canvas;
    this.#canvas.setView({ ...view, x: view.x + after.x - before.x, y: view.y + after.y - before.y });
    if (this.#pointers.size > 1) this.#canvas.zoom(after.distance / before.distance, this.#canvas.inside(after));
  }

  #up(event) {
    this.#fingers.delete(event.pointerId);
    this.#pointers.delete(event.pointerId);
    if (this.#pointers.size === 0) this.#svg.classList.remove("is-panning");
  }

  #wheel(event) {
    event.preventDefault();
    if (event.shiftKey) {
      const { view } = this.#canvas;
      this.#canvas.setView({ ...view, x: view.x - (event.deltaX || event.deltaY) });
      return;
    }
    const pixels = event.deltaY * [1, 16, 400][event.deltaMode];
    this.#canvas.zoom(Math.exp(-Math.max(-160, Math.min(160, pixels)) * 0.0022), this.#canvas.inside(point(event)));
  }

  #hold(event, held) {
    if (event.key !== " " || event.target.closest?.("input, select, textarea, button, [contenteditable], dialog")) return;
    if (held && !this.#svg.matches(":hover")) return;
    if (held && !this.#space) this.hasMoved = false;
    this.#space = held;
    this.#svg.classList.toggle("is-held", held);
  }

  #release() {
    this.#space = false;
    this.#fingers.clear();
    this.#pointers.clear();
    this.#svg.classList.remove("is-held", "is-panning");
  }

  /** The middle of all fingers, and how far they are apart. */
  #spread() {
    const points = [...this.#pointers.values()];
    const x = points.reduce((sum, each) => sum + each.x, 0) / points.length;
    const y = points.reduce((sum, each) => sum + each.y, 0) / points.length;
    const distance = points.length > 1 ? Math.max(1, Math.hypot(points[0].x - points[1].x, points[0].y - points[1].y)) : 1;
    return { x, y, distance };
  }
}

function point(event) { return { x: event.clientX, y: event.clientY }; }
