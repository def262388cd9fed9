// Where frames and close frames are written: <frame-editor> checks what is typed, [data-most-bytes] counts bytes.
import { jsonProblem } from "./json.js";

const ENCODER = new TextEncoder();
export const bytesOf = (text) => ENCODER.encode(text).length;

function problemOfJson(text) {
  try {
    return jsonProblem(text);
  } catch {
    return "This JSON is nested too deeply.";
  }
}

const FORMATS = {
  json: (text) => text.trim() === "" ? { problem: "", empty: true } : { problem: problemOfJson(text), bytes: bytesOf(text) },
  text: (text) => ({ problem: "", bytes: bytesOf(text) }),
  base64: (text) => {
    const digits = text.replace(/\s/g, "");
    const right = digits.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(digits);
    return right ? { problem: "", bytes: digits.length / 4 * 3 - (digits.match(/=/g)?.length ?? 0) } : { problem: "Not base64 yet: A-Z, a-z, 0-9, + and /, in fours, with = at the end." };
  },
  hex: (text) => {
    const digits = text.replace(/[\s:]/g, "");
    const right = digits.length % 2 === 0 && /^[0-9a-f]*$/i.test(digits);
    return right ? { problem: "", bytes: digits.length / 2 } : { problem: "Not hex yet: two digits 0-9, a-f for each byte." };
  },
};

class FrameEditor extends HTMLElement {
  connectedCallback() {
    this.field = this.querySelector("textarea");
    this.state = this.querySelector(".frame-state");
    this.addEventListener("input", () => this.check());
    this.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      this.closest("form").requestSubmit(this.closest("form").querySelector("button[type=submit]:not(:disabled)"));
    });
    this.check();
  }

  get format() { return this.querySelector("[name=format]:checked").value; }

  /** Say whether it can be sent as it is; keep the form from being sent as it cannot. */
  check() {
    const { problem, bytes, empty } = FORMATS[this.format](this.field.value);
    this.field.setCustomValidity(problem || (empty ? "Write some JSON, or choose Text to send an empty message." : ""));
    this.field.setAttribute("aria-invalid", String(Boolean(problem)));
    this.state.dataset.wrong = String(Boolean(problem));
    const text = problem || (bytes === undefined ? "Ctrl + Enter sends." : `${bytes} byte${bytes === 1 ? "" : "s"}. Ctrl + Enter sends.`);
    if (this.state.textContent !== text) this.state.textContent = text;
  }
}

customElements.define("frame-editor", FrameEditor);

document.addEventListener("input", (event) => {
  const field = event.target;
  if (field.dataset.mostBytes) {
    const most = Number(field.dataset.mostBytes);
    const bytes = bytesOf(field.value);
    const state = field.parentElement.querySelector("[data-bytes]");
    state.textContent = bytes > most ? `${bytes - most} bytes too many: at most ${most} in UTF-8.` : `${bytes} of at most ${most} bytes in UTF-8.`;
    field.setCustomValidity(bytes > most ? state.textContent : "");
    field.setAttribute("aria-invalid", String(bytes > most));
  }
  // Who types a code of their own means it.
  if (field.name === "own_code") field.form.querySelector("[name=code][value=own]").checked = true;
});
