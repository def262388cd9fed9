// The field that finds nodes by what is typed, and leads to them.

import { search } from "./graph.js";

export class Finder {
  #designer;
  #field;
  #count;
  #found = [];

  constructor(designer) {
    this.#designer = designer;
    this.#field = designer.querySelector("[data-search]");
    this.#count = designer.querySelector("[data-found]");
    this.#field.addEventListener("input", () => this.#find(this.#field.value));
    this.#field.addEventListener("keydown", (event) => this.#key(event));
  }

  open() { this.#field.focus(); }

  #find(text) {
    const { canvas, isTable } = this.#designer;
    this.#found = search(canvas.picture, text).map((node) => node.key);
    canvas.find(this.#found);
    this.#count.textContent = text.trim() ? `${this.#found.length} found` : "";
    if (this.#found.length && !isTable) canvas.centre(this.#found[0]);
  }

  #key(event) {
    const { canvas, isTable } = this.#designer;
    if (event.key === "Escape") {
      event.stopPropagation();
      this.#field.value = "";
      this.#find("");
      this.#designer.focusNode(canvas.focused);
    }
    if (event.key === "Enter" && this.#found.length) {
      event.preventDefault();
      this.#designer.focusNode(this.#found[0]);
      if (!isTable) canvas.centre(this.#found[0]);
    }
  }
}
