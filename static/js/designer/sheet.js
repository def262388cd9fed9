// The sheet that the picture lies on: larger than the window, which is scrolled. Then the browser moves what it has painted,
// instead of painting each frame anew.

import { isOn, sheetOf } from "./view.js";

const DOTS = 24; // as in designer-graph.css

export class Sheet {
  #window = document.createElement("div");
  #svg;
  #world;
  #laid = null;
  #scrolled = { x: 0, y: 0 };
  #onScroll;

  /** `onScroll(point)` is told where the picture's origin is, when the browser itself has scrolled. */
  constructor(host, svg, world, onScroll) {
    this.#svg = svg;
    this.#world = world;
    this.#onScroll = onScroll;
    this.#window.className = "designer-window";
    this.#window.append(svg);
    host.prepend(this.#window);
    this.#window.addEventListener("scroll", () => this.#followScroll());
  }

  get size() { return { width: this.#window.clientWidth || 1, height: this.#window.clientHeight || 1 }; }

  /** A point of the page as one of the window. */
  inside({ x, y }) {
    const box = this.#window.getBoundingClientRect();
    return { x: x - box.left, y: y - box.top };
  }

  /** The picture is another one: the next time that it is shown, it is laid on another sheet. */
  renew() { this.#laid = null; }

  /** Scroll, where that is enough; else lay the picture on another sheet, which is painted anew. */
  show(view, box) {
    if (!this.#laid || !isOn(this.#laid, view, this.size)) this.#lay(sheetOf(view, box, this.size));
    this.#window.scrollTo(this.#laid.x - view.x, this.#laid.y - view.y);
    this.#scrolled = { x: this.#window.scrollLeft, y: this.#window.scrollTop };
  }

  #lay(sheet) {
    this.#laid = sheet;
    this.#svg.style.width = `${sheet.width}px`;
    this.#svg.style.height = `${sheet.height}px`;
    this.#svg.style.backgroundPosition = `${sheet.x % DOTS}px ${sheet.y % DOTS}px`;
    this.#world.setAttribute("transform", `translate(${sheet.x} ${sheet.y}) scale(${sheet.k})`);
  }

  /** The browser scrolled by itself, to show what has got the focus or what was found in the page. */
  #followScroll() {
    const { scrollLeft, scrollTop } = this.#window;
    const isOwn = Math.abs(scrollLeft - this.#scrolled.x) < 1 && Math.abs(scrollTop - this.#scrolled.y) < 1;
    if (isOwn || !this.#laid || !this.#window.clientWidth) return;
    this.#onScroll({ x: this.#laid.x - scrollLeft, y: this.#laid.y - scrollTop });
  }
}
