// <time-chart data-from="id of a JSON script" data-series="a b" data-labels="A|B" data-tones="good info">: series over time.
// The JSON is {start, step, series: {name: [values]}}, times in seconds. Colours follow the theme.

import uPlot from "../vendor/uplot/uPlot.esm.js";

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

function clock(seconds) { return CLOCK.format(seconds * 1000); }

class TimeChart extends HTMLElement {
  connectedCallback() {
    const data = JSON.parse(document.getElementById(this.dataset.from).textContent);
    this.names = this.dataset.series.split(" ");
    const length = data.series[this.names[0]]?.length ?? 0;
    this.step = data.step;
    this.data = [
      Array.from({ length }, (_, index) => data.start + index * data.step),
      ...this.names.map((name) => data.series[name] ?? []),
    ];
    this.setAttribute("role", "img");
    this.draw();
    this.resizing = new ResizeObserver(() => this.fit());
    this.resizing.observe(this);
    this.preference = matchMedia("(prefers-color-scheme: dark)");
    this.redraw = () => this.draw();
    this.preference.addEventListener("change", this.redraw);
  }

  disconnectedCallback() {
    this.resizing.disconnect();
    this.preference.removeEventListener("change", this.redraw);
    this.chart.destroy();
  }

  /** Add the values of one moment, unless the present sample is not over. */
  add(time, values) {
    const times = this.data[0];
    if (!times.length || time - times.at(-1) < this.step) return;
    times.push(Math.floor(time));
    times.shift();
    this.names.forEach((name, index) => {
      this.data[index + 1].push(values[name] ?? null);
      this.data[index + 1].shift();
    });
    this.chart.setData(this.data);
    this.tell();
  }

  draw() {
    this.chart?.destroy();
    const second = this.dataset.secondScale;
    const labels = this.dataset.labels.split("|");
    const tones = this.dataset.tones.split(" ");
    const axis = { stroke: this.colour("--muted"), grid: { stroke: this.colour("--line"), width: 1 }, ticks: { stroke: this.colour("--line"), width: 1 } };
    const positive = { range: (_, low, high) => [0, Math.max(high ?? 0, 1) * 1.1] };
    this.chart = new uPlot({
      width: this.clientWidth || 600,
      height: 200,
      scales: { y: positive, second: positive },
      axes: [{ ...axis, values: (_, times) => times.map(clock) }, { ...axis, size: 44 }, ...(second ? [{ ...axis, scale: "second", side: 1, size: 44, grid: { show: false } }] : [])],
      series: [
        { label: "At", value: (_, time) => (time === null ? "–" : clock(time)) },
        ...this.names.map((name, index) => ({
          label: labels[index],
          stroke: this.colour(`--${tones[index]}`),
          width: 1.5,
          scale: name === second ? "second" : "y",
          value: (_, value) => (value === null || value === undefined ? "–" : value.toFixed(1)),
        })),
      ],
      cursor: { y: false },
    }, this.data, this);
    this.tell();
  }

  fit() { this.chart.setSize({ width: this.clientWidth, height: 200 }); }

  /** The chart in a sentence, for those who do not see it. */
  tell() {
    const labels = this.dataset.labels.split("|");
    const told = this.names.map((_, index) => {
      const values = this.data[index + 1].filter((value) => value !== null);
      const now = values.at(-1) ?? 0;
      return `${labels[index]}: now ${now.toFixed(1)}, at most ${Math.max(0, ...values).toFixed(1)}`;
    });
    this.setAttribute("aria-label", `${told.join("; ")}.`);
  }

  /** What a custom property is at this moment: a canvas knows no variables. */
  colour(property) {
    this.style.color = `var(${property})`;
    const value = getComputedStyle(this).color;
    this.style.color = "";
    return value;
  }
}

customElements.define("time-chart", TimeChart);
