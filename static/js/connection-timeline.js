// The frames of one connection as they come, the latest at the end; what a client wrote is put there as text.
import { format } from "./json.js";

const KINDS = { connect: "connected", message: "message", disconnect: "disconnected", push: "push", close: "close" };
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23" });
const LONGEST_LINE = 160;

export class Timeline {
  constructor(page) {
    this.list = page.querySelector("[data-timeline]");
    this.empty = page.querySelector("[data-timeline-empty]");
    this.note = page.querySelector("[data-note]");
    this.most = Number(this.list.dataset.most);
    this.pretty = page.querySelector("[data-pretty]");
    this.pause = page.querySelector("[data-pause]");
    this.shown = new Set();
    this.waiting = [];
    this.dropped = 0;
    this.pretty.addEventListener("change", () => this.repaint());
    this.pause.addEventListener("click", () => this.toggle());
  }

  get paused() { return this.pause.getAttribute("aria-pressed") === "true"; }

  add(frames, dropped) {
    this.dropped += dropped;
    this.waiting = [...this.waiting, ...frames.filter((frame) => !this.shown.has(frame.id))].slice(-this.most);
    if (this.paused) this.pause.lastChild.textContent = ` Resume (${this.waiting.length})`;
    else this.show();
  }

  toggle() {
    const pause = !this.paused;
    this.pause.setAttribute("aria-pressed", String(pause));
    this.pause.lastChild.textContent = pause ? " Resume" : " Pause";
    if (!pause) this.show();
  }

  show() {
    const atEnd = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < 40;
    for (const frame of this.waiting) {
      this.shown.add(frame.id);
      this.list.append(...entriesOf(frame));
    }
    this.waiting = [];
    while (this.list.children.length > this.most) this.list.firstElementChild.remove();
    this.repaint();
    this.empty.hidden = this.list.children.length > 0;
    if (this.dropped) this.note.textContent = `${this.dropped} frames came too fast to be shown here. The latest ${this.most} stay.`;
    if (atEnd) this.list.scrollTop = this.list.scrollHeight;
  }

  repaint() {
    for (const body of this.list.querySelectorAll("pre[data-raw]")) {
      const text = this.pretty.checked && body.dataset.binary === undefined ? format(body.dataset.raw) : body.dataset.raw;
      if (body.textContent !== text) body.textContent = text;
    }
  }
}

/** What came in, and, of a message that was answered, what went out. */
function* entriesOf(frame) {
  yield entry(frame, frame.in, frame.in ? frame.received : frame.sent, frame.at, frame.in);
  if (frame.in && frame.sent && frame.kind === "message") yield entry(frame, false, frame.sent, frame.at + frame.took, false);
}

function entry(frame, inwards, content, at, withOutcome) {
  const item = make("li", "frame");
  item.dataset.way = inwards ? "in" : "out";
  const head = make("div", "frame-head");
  head.append(make("span", "frame-way", inwards ? "in" : "out"), make("time", "", CLOCK.format(at)));
  const answer = frame.in && !inwards;
  head.append(kindOf(frame, answer));
  if (frame.route && !answer) head.append(make("bdi", "mono", frame.route));
  if (frame.integration && withOutcome) head.append(make("span", "muted", frame.integration));
  if (frame.by && !answer) head.append(make("span", "muted", frame.by));
  if (frame.status && (withOutcome || !frame.in)) {
    const status = make("bdi", "tone", frame.status);
    status.dataset.tone = frame.tone;
    head.append(status);
  }
  const delivery = answer || !frame.in ? frame.delivery : "";
  if (delivery && delivery !== "accepted") head.append(make("span", "frame-error", delivery));
  head.append(make("span", "grow"));
  if (withOutcome && frame.took !== null) head.append(make("span", "number muted", `${frame.took} ms`));
  if (content && frame.kind !== "connect") head.append(make("span", "number muted", `${content.size} ${content.binary ? "B" : "chars"}`));
  item.append(head);
  if (frame.error && withOutcome) item.append(make("p", "frame-error", frame.error));
  if (content?.text) item.append(payload(content));
  return item;
}

/** What it was; of what came in it leads to all the steps. */
function kindOf(frame, answer) {
  const name = answer ? "answer" : KINDS[frame.kind];
  if (!frame.in || answer) return make("b", "", name);
  const link = make("a", "", name);
  link.href = `/traffic/${encodeURIComponent(frame.id)}`;
  return link;
}

function payload(content) {
  const body = make("pre", "frame-body");
  body.dataset.raw = content.text + (content.cut ? "…" : "");
  if (content.binary) body.dataset.binary = "";
  if (content.text.length <= LONGEST_LINE && !content.text.includes("\n")) return body;
  const details = make("details", "");
  details.append(make("summary", "", content.text.slice(0, LONGEST_LINE).split("\n")[0] + "…"), body);
  return details;
}

function make(name, className, text) {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}
