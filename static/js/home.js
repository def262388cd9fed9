// The overview: figures that change while one looks on, and the chart.

import "./time-chart.js";
import { onLive } from "./live.js";

const WORDS = {
  connections: (value) => String(value),
  messages_in: (value) => value.toFixed(1),
  messages_out: (value) => value.toFixed(1),
  errors: (value) => String(value),
  latency: milliseconds,
  active: (value) => String(value),
  waiting: (value) => String(value),
  refused: (value) => String(value),
};

class HomeFigures extends HTMLElement {
  connectedCallback() {
    onLive(this, (data) => {
      for (const place of document.querySelectorAll("[data-figure]")) {
        const [of, name] = place.dataset.figure.split(" ");
        const figures = of === "total" ? data.total : (data.stages[of] ?? data.backends[of]);
        const text = figures ? WORDS[name](figures[name]) : null;
        if (text !== null && place.textContent !== text) place.textContent = text;
      }
      document.querySelector("time-chart")?.add(Date.now() / 1000, data.total);
    });
  }
}

/** As the server writes them: `3.4 ms`, `1.2 s`, a dash for none. */
function milliseconds(value) {
  if (value === null) return "–";
  if (value >= 1000) return `${(value / 1000).toFixed(1)} s`;
  return value >= 100 ? `${value.toFixed(0)} ms` : `${value.toFixed(1)} ms`;
}

customElements.define("home-figures", HomeFigures);
