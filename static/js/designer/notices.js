// Tells what happened: to screen readers, in a toast near the spot, in a notice that stays.

import { button, make } from "./elements.js";

const TOAST_STAYS = 8000;

export class Notices {
  #designer;
  #status;
  #toast;
  #notice;
  #timer = 0;

  constructor(designer) {
    this.#designer = designer;
    [this.#status, this.#toast, this.#notice] = ["status", "toast", "notice"].map((part) => designer.querySelector(`[data-${part}]`));
  }

  /** For screen readers, and for whoever looks at the bottom of the picture. */
  say(text) { this.#status.textContent = text; }

  /** Near the spot where something happened; in the middle at the bottom where it happened nowhere. */
  toast(text, { spot = null, tone = "bad", action = null } = {}) {
    const toast = this.#toast;
    const { canvas, isTable } = this.#designer;
    toast.replaceChildren(make("span", text));
    if (action) toast.append(button(action.label, () => { toast.hidden = true; action.run(); }));
    toast.dataset.tone = tone;
    toast.hidden = false;
    toast.classList.toggle("is-at-spot", spot !== null && !isTable);
    toast.style.left = spot ? `${Math.max(8, Math.min(spot.x + 14, canvas.size.width - 300))}px` : "";
    toast.style.top = spot ? `${Math.max(8, Math.min(spot.y + 14, canvas.size.height - 90))}px` : "";
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => { toast.hidden = true; }, TOAST_STAYS);
  }

  /** Above the picture until it is closed. */
  notice(text, action = null) {
    const notice = this.#notice;
    notice.replaceChildren(make("span", text));
    if (action) notice.append(button(action.label, () => { notice.hidden = true; action.run(); }));
    notice.append(button("Close", () => { notice.hidden = true; }));
    notice.hidden = false;
  }
}
