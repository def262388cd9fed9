// The page of traffic: new events come in at the top while one looks on, unless one pauses or reads further down.

import { onLive } from "./live.js";

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23" });

class TrafficPage extends HTMLElement {
  connectedCallback() {
    this.rows = this.querySelector("[data-rows]");
    this.most = Number(this.dataset.most);
    this.waiting = [];
    this.seen = 0;
    this.dropped = 0;
    this.forgotten = 0;
    for (const row of this.rows.children) this.dress(row);
    const live = this.querySelector("[data-live]");
    if (live) onLive(live, (data) => this.take(data));
    this.querySelector("[data-pause]").addEventListener("click", () => this.pause());
    this.querySelector("[data-new]").addEventListener("click", () => this.release());
    this.rows.addEventListener("click", (event) => this.choose(event));
  }

  get paused() { return this.querySelector("[data-pause]").getAttribute("aria-pressed") === "true"; }

  take({ rows: told, dropped }) {
    const rows = told.filter((row) => !this.knows(row.id)); // a reopened socket starts where the page started
    this.dropped += dropped;
    this.seen += rows.length;
    this.waiting.push(...rows);
    this.forgotten += Math.max(0, this.waiting.length - this.most);
    this.waiting.splice(0, this.waiting.length - this.most);
    if (this.paused) this.say(); else this.release();
  }

  knows(id) {
    return this.waiting.some((row) => row.id === id) || this.rows.querySelector(`[data-id="${CSS.escape(id)}"]`) !== null;
  }

  /** Put what waits at the top. What one looks at stays where it is, as far as the browser anchors it. */
  release() {
    for (const row of this.waiting) this.rows.prepend(this.line(row));
    this.waiting = [];
    while (this.rows.children.length > this.most) {
      this.rows.lastElementChild.remove();
      this.forgotten += 1;
    }
    this.querySelector("[data-empty]").hidden = this.rows.children.length > 0;
    this.say();
  }

  say() {
    const fresh = this.querySelector("[data-new]");
    fresh.hidden = !this.waiting.length;
    fresh.textContent = `${this.waiting.length} new`;
    const parts = [this.paused ? "paused" : "listening", `${this.seen} since this page was opened`];
    if (this.forgotten) parts.push(`the newest ${this.most} are kept here`);
    if (this.dropped) parts.push(`${this.dropped} were too many to show`);
    this.querySelector("[data-status]").textContent = parts.join(" · ");
  }

  pause() {
    const button = this.querySelector("[data-pause]");
    button.setAttribute("aria-pressed", !this.paused);
    button.querySelector("span").textContent = this.paused ? "Resume" : "Pause";
    if (this.paused) this.say(); else this.release();
  }

  line(data) {
    const row = this.querySelector("template[data-row]").content.firstElementChild.cloneNode(true);
    row.dataset.id = data.id;
    for (const place of row.querySelectorAll("[data-field]")) place.textContent = data[place.dataset.field];
    row.querySelector("[data-field=status]").dataset.tone = data.tone;
    row.querySelector("[data-direction]").dataset.direction = data.direction;
    row.querySelector("[data-at]").dataset.at = data.at;
    const link = row.querySelector("[data-link]");
    link.href = link.getAttribute("href").replace(/x$/, encodeURIComponent(data.id));
    this.dress(row);
    return row;
  }

  dress(row) {
    const time = row.querySelector("[data-at]");
    const moment = new Date(Number(time.dataset.at));
    time.dateTime = moment.toISOString();
    time.textContent = CLOCK.format(moment);
  }

  /** On a wide screen a trace opens beside the list; else its link leads to its page. */
  async choose(event) {
    if (event.ctrlKey || event.metaKey || event.shiftKey || innerWidth < 1200) return;
    const row = event.target.closest("tr");
    if (!row || getSelection().toString()) return;
    event.preventDefault();
    this.rows.querySelector("[aria-selected]")?.removeAttribute("aria-selected");
    row.setAttribute("aria-selected", "true");
    this.classList.add("traffic-open");
    await htmx.ajax("GET", row.querySelector("[data-link]").href, { target: "#trace", swap: "innerHTML" });
  }
}

customElements.define("traffic-page", TrafficPage);
