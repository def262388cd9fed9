// Texts of nodes, cut where they do not fit: SVG does not do that by itself.

// As in designer-graph.css, to measure what fits.
export const DETAIL = "12px --sans";
export const LABEL = "600 12.5px --mono";
export const MAIN_LABEL = "600 14px --mono";
export const FAR_LABEL = "600 19px --mono";

export class Texts {
  #style;
  #fonts = new Map();
  #measure = document.createElement("canvas").getContext("2d");

  constructor(host) { this.#style = getComputedStyle(host); }

  write(text, content, width, font) {
    this.#measure.font = this.#fontOf(font);
    text.textContent = shortened(content, width, (part) => this.#measure.measureText(part).width);
  }

  #fontOf(name) {
    if (!this.#fonts.has(name)) this.#fonts.set(name, name.replace(/--\w+/, (family) => this.#style.getPropertyValue(family)));
    return this.#fonts.get(name);
  }
}

/** A text that fits, cut in the end. */
function shortened(text, width, measure) {
  if (measure(text) <= width) return text;
  let [fits, tooLong] = [0, text.length];
  while (tooLong - fits > 1) {
    const middle = (fits + tooLong) >> 1;
    if (measure(`${text.slice(0, middle)}…`) <= width) fits = middle;
    else tooLong = middle;
  }
  return `${text.slice(0, fits).trimEnd()}…`;
}
