// One connection's page: facts that change in place, limits that run out, and how it looks when it is over.
import "./frames.js";
import { onLive } from "./live.js";
import { duration } from "./time-ago.js";
import { Timeline } from "./connection-timeline.js";

const TIMES = { active: "", idle: "age", left: "left" };

class ConnectionPage extends HTMLElement {
  connectedCallback() {
    this.timeline = new Timeline(this);
    onLive(this, (facts) => this.show(facts));
    this.timer = setInterval(() => this.tick(), 1000);
    this.tick();
  }

  disconnectedCallback() { clearInterval(this.timer); }

  show(facts) {
    if (facts.ended !== undefined) { this.showEnd(facts.ended); return; }
    if (facts.frames) { this.timeline.add(facts.frames, facts.dropped); return; }
    for (const [name, value] of Object.entries(facts)) {
      if (name === "meters") this.showMeters(value);
      else if (name === "tone") this.querySelector("[data-cell=status]").dataset.tone = value;
      else this.showFact(name, value);
    }
    const idle = this.querySelector("[data-meter=idle]");
    if (idle && facts.idle) idle.dataset.since = facts.idle;
    if (idle && facts["idle-until"]) idle.dataset.until = facts["idle-until"];
    const left = this.querySelector("[data-meter=left]");
    if (left && facts.left) left.dataset.until = facts.left;
    this.tick();
  }

  showFact(name, value) {
    const cell = this.querySelector(`[data-cell="${name}"]`);
    if (!cell) return;
    if (name in TIMES) {
      cell.querySelector("time-ago")?.removeAttribute("title");
      cell.querySelector("time-ago")?.setAttribute("datetime", new Date(value).toISOString());
      return;
    }
    const text = value === "" || value === null ? "–" : String(value);
    if (cell.textContent !== text) cell.textContent = text;
  }

  showMeters(meters) {
    for (const [name, [value, most, text]] of Object.entries(meters)) {
      const place = this.querySelector(`[data-meter="${name}"]`);
      if (!place) continue;
      const meter = place.querySelector("meter");
      meter.max = most;
      meter.value = value;
      place.querySelector(".meter-text").textContent = text;
    }
  }

  /** What is left of its lifetime and of its idle time. */
  tick() {
    for (const place of this.querySelectorAll("[data-meter][data-until]")) {
      const [since, until, now] = [Number(place.dataset.since), Number(place.dataset.until), Date.now()];
      const meter = place.querySelector("meter");
      meter.max = Math.max(1, until - since);
      meter.high = meter.max * 0.8;
      meter.value = Math.min(until, now) - since;
      place.querySelector(".meter-text").textContent = `${duration((until - now) / 1000)} left of ${duration((until - since) / 1000)}`;
    }
  }

  showEnd(when) {
    clearInterval(this.timer);
    this.classList.add("over");
    const state = this.querySelector("[data-state]");
    state.textContent = "closed";
    state.dataset.tone = "bad";
    this.querySelector("[data-ended]").hidden = false;
    if (when !== null) {
      const time = document.createElement("time-ago");
      time.setAttribute("datetime", new Date(when).toISOString());
      this.querySelector("[data-ended-when]").replaceChildren(" ", time);
    }
    for (const place of this.querySelectorAll("[data-while-open]")) place.remove();
    document.getElementById("disconnect-dialog")?.close();
  }
}

class TabSet extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", (event) => {
      if (event.target.closest("[role=tab]")) this.choose(event.target.closest("[role=tab]"));
    });
    this.addEventListener("keydown", (event) => {
      const tabs = [...this.querySelectorAll("[role=tab]")];
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step || !tabs.includes(event.target)) return;
      const next = tabs.at((tabs.indexOf(event.target) + step) % tabs.length);
      this.choose(next);
      next.focus();
    });
  }

  choose(chosen) {
    for (const tab of this.querySelectorAll("[role=tab]")) {
      tab.setAttribute("aria-selected", String(tab === chosen));
      tab.tabIndex = tab === chosen ? 0 : -1;
      document.getElementById(tab.getAttribute("aria-controls")).hidden = tab !== chosen;
    }
  }
}

customElements.define("connection-page", ConnectionPage);
customElements.define("tab-set", TabSet);
