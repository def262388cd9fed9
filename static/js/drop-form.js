// <drop-form>: a file that is dropped anywhere on its form is as if chosen, and looked at at once. Without this, or by
// keyboard, one chooses the file and presses the button.

class DropForm extends HTMLElement {
  #within = 0; // a drag enters each element on its way, and leaves it

  connectedCallback() {
    this.form = this.querySelector("form");
    this.file = this.querySelector("input[type=file]");
    this.addEventListener("dragenter", (event) => this.#over(event, 1));
    this.addEventListener("dragleave", (event) => this.#over(event, -1));
    this.addEventListener("dragover", (event) => { if (hasFiles(event)) event.preventDefault(); });
    this.addEventListener("drop", (event) => this.#drop(event));
  }

  #over(event, step) {
    if (!hasFiles(event)) return;
    this.#within += step;
    this.toggleAttribute("data-over", this.#within > 0);
  }

  #drop(event) {
    if (!hasFiles(event)) return;
    event.preventDefault();
    this.#within = 0;
    this.removeAttribute("data-over");
    this.file.files = event.dataTransfer.files;
    this.form.requestSubmit(this.querySelector("[data-look]"));
  }
}

function hasFiles(event) { return event.dataTransfer?.types.includes("Files") ?? false; }

customElements.define("drop-form", DropForm);
