// A small box at a spot of the picture: type a text, or take one of the choices by arrows, typing and Enter.

export class Picker {
  #host;
  #template;
  #open = null;

  constructor(host, template) {
    this.#host = host;
    this.#template = template;
  }

  /**
   * Ask at `spot`. `choices` are `{ value, label, detail }`; with `free` whatever was typed is an answer too. `onPick`
   * gets the value; if it throws, what was typed stays, with the reason beneath.
   */
  ask({ spot, label, hint = "", placeholder = "", value = "", choices = [], free = false, onPick }) {
    this.close();
    const box = this.#template.content.firstElementChild.cloneNode(true);
    const [input, list, error] = [box.querySelector("input"), box.querySelector("ul"), box.querySelector(".designer-picker-error")];
    box.setAttribute("aria-label", label);
    box.querySelector("label").textContent = label;
    box.querySelector("label").htmlFor = input.id = "designer-picker-input";
    box.querySelector(".designer-picker-hint").textContent = hint;
    input.placeholder = placeholder;
    input.value = value;
    const opened = { box, input, list, error, choices, free, onPick, shown: [], at: -1, returnTo: document.activeElement };
    this.#open = opened;
    this.#host.append(box);
    this.#place(box, spot);
    this.#offer();
    input.addEventListener("input", () => this.#offer());
    input.addEventListener("keydown", (event) => this.#key(event));
    list.addEventListener("pointerdown", (event) => event.preventDefault());
    list.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) this.#pick(opened.shown[Number(option.dataset.at)].value);
    });
    box.addEventListener("focusout", (event) => {
      if (this.#open === opened && event.relatedTarget && !box.contains(event.relatedTarget)) this.close({ refocus: false });
    });
    input.focus();
    input.select();
  }

  close({ refocus = true } = {}) {
    if (!this.#open) return;
    const { box, returnTo } = this.#open;
    this.#open = null;
    box.remove();
    if (refocus && returnTo?.isConnected) returnTo.focus({ preventScroll: true });
  }

  #place(box, spot) {
    const room = this.#host.getBoundingClientRect();
    const { width, height } = box.getBoundingClientRect();
    box.style.left = `${Math.max(8, Math.min(spot.x + 12, room.width - width - 8))}px`;
    box.style.top = `${Math.max(8, Math.min(spot.y - 24, room.height - Math.max(height, 280) - 8))}px`;
  }

  #offer() {
    const { input, list, choices, free } = this.#open;
    const wanted = input.value.trim().toLowerCase();
    const shown = choices.filter((choice) => choice.always || `${choice.label} ${choice.detail ?? ""}`.toLowerCase().includes(wanted));
    this.#open.shown = shown;
    list.replaceChildren(...shown.map(option));
    list.hidden = shown.length === 0;
    this.#go(free || !shown.length ? -1 : Math.max(0, shown.findIndex((choice) => !choice.always)));
  }

  #go(at) {
    const { input, list } = this.#open;
    this.#open.at = at;
    [...list.children].forEach((each, index) => each.setAttribute("aria-selected", String(index === at)));
    const current = list.children[at];
    if (current) input.setAttribute("aria-activedescendant", current.id);
    else input.removeAttribute("aria-activedescendant");
    current?.scrollIntoView({ block: "nearest" });
  }

  #key(event) {
    const { at, shown, free, input } = this.#open;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (shown.length) this.#go((at + (event.key === "ArrowDown" ? 1 : -1) + shown.length) % shown.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (at >= 0) this.#pick(shown[at].value);
      else if (free && input.value.trim()) this.#pick(input.value.trim());
    } else if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      this.close();
    }
  }

  async #pick(value) {
    const opened = this.#open;
    opened.input.disabled = true;
    try {
      await opened.onPick(value);
      if (this.#open === opened) this.close({ refocus: false });
    } catch (error) {
      if (this.#open !== opened) throw error;
      opened.input.disabled = false;
      opened.error.textContent = error.message;
      opened.error.hidden = false;
      opened.input.setAttribute("aria-invalid", "true");
      opened.input.focus();
    }
  }
}

function option(choice, at) {
  const made = document.createElement("li");
  made.id = `designer-option-${at}`;
  made.dataset.at = at;
  made.setAttribute("role", "option");
  const label = document.createElement("span");
  label.textContent = choice.label;
  label.className = choice.always ? "" : "mono";
  made.append(label);
  if (choice.detail) {
    const detail = document.createElement("small");
    detail.textContent = choice.detail;
    made.append(detail);
  }
  return made;
}
