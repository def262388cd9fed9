// <time-ago datetime="2026-11-25T09:00:00.000Z">: how long ago that is, ticking; the exact time on hover and without scripts.
// With `mode="left"` it counts down to the time, with `mode="age"` it says the bare duration.

const UNITS = [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]];

/** Seconds as the two largest units: `2h 5m`. */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const first = UNITS.findIndex(([, size]) => whole >= size);
  if (first === -1) return "0s";
  const [unit, size] = UNITS[first];
  const [nextUnit, nextSize] = UNITS[first + 1] ?? [];
  const rest = nextSize ? Math.floor((whole % size) / nextSize) : 0;
  return `${Math.floor(whole / size)}${unit}${rest ? ` ${rest}${nextUnit}` : ""}`;
}

class TimeAgo extends HTMLElement {
  static observedAttributes = ["datetime"];
  static all = new Set();

  connectedCallback() {
    TimeAgo.all.add(this);
    this.title ||= this.textContent;
    this.tick();
  }

  disconnectedCallback() { TimeAgo.all.delete(this); }

  attributeChangedCallback() { if (this.isConnected) this.tick(); }

  tick() {
    const then = Date.parse(this.getAttribute("datetime"));
    if (Number.isNaN(then)) return;
    const seconds = (Date.now() - then) / 1000;
    const mode = this.getAttribute("mode");
    const text = mode === "left" ? duration(-seconds) : mode === "age" ? duration(seconds) : `${duration(seconds)} ago`;
    if (this.textContent !== text) this.textContent = text;
  }
}

customElements.define("time-ago", TimeAgo);
setInterval(() => { if (!document.hidden) TimeAgo.all.forEach((element) => element.tick()); }, 1000);
