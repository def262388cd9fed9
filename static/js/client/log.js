// The log of one connection: every event as a row, newest at the end, the last thousand kept.
// It follows the newest row until one scrolls up, and again when one goes back to the end.

import { format } from "../json.js";

const MOST = 1000;
const WORDS = {
  opening: "Connecting to", open: "Connected", refused: "Refused", sent: "Sent", received: "Received",
  pong: "Pong", closed: "Closed", failed: "Failed",
};

export class Log {
  constructor(client) {
    this.list = client.querySelector("[data-log]");
    this.filter = client.querySelector("[data-filter]");
    this.prettyButton = client.querySelector("[data-pretty]");
    this.followButton = client.querySelector("[data-follow]");
    this.events = [];
    this.following = true;
    this.missed = 0;
    this.filter.addEventListener("input", () => this.applyFilter());
    this.prettyButton.addEventListener("click", () => this.togglePretty());
    this.followButton.addEventListener("click", () => this.follow());
    this.list.addEventListener("scroll", () => this.scrolled());
    client.querySelector("[data-clear]").addEventListener("click", () => this.clear());
    client.querySelector("[data-download]").addEventListener("click", () => this.download());
  }

  get pretty() { return this.prettyButton.getAttribute("aria-pressed") === "true"; }

  add(event) {
    this.list.querySelector(".client-empty")?.remove();
    this.events.push(event);
    const row = this.row(event);
    row.hidden = !this.matches(event);
    this.list.append(row);
    if (this.events.length > MOST) {
      this.events.shift();
      this.list.firstElementChild.remove();
    }
    if (this.following) {
      this.list.scrollTop = this.list.scrollHeight;
    } else {
      this.missed += 1;
      this.followButton.hidden = false;
      this.followButton.querySelector("span").textContent = `${this.missed} new`;
    }
  }

  row(event) {
    const row = document.createElement("div");
    row.dataset.event = event.event;
    const head = element("div", "client-row-head");
    const time = element("time", "mono", new Date(event.at).toISOString().slice(11, 23));
    time.dateTime = new Date(event.at).toISOString();
    head.append(time, element("span", "client-word", WORDS[event.event]), element("span", "client-facts", facts(event)));
    row.append(head);
    const body = payload(event);
    if (body !== null) {
      const text = element("pre", "client-payload", this.pretty ? format(body) : body);
      text.dataset.raw = body;
      row.append(text);
    }
    return row;
  }

  matches(event) {
    const wanted = this.filter.value.toLowerCase();
    return !wanted || `${WORDS[event.event]} ${facts(event)} ${payload(event) ?? ""}`.toLowerCase().includes(wanted);
  }

  applyFilter() {
    [...this.list.children].forEach((row, index) => {
      if (this.events[index]) row.hidden = !this.matches(this.events[index]);
    });
  }

  togglePretty() {
    this.prettyButton.setAttribute("aria-pressed", !this.pretty);
    for (const text of this.list.querySelectorAll("pre")) {
      text.textContent = this.pretty ? format(text.dataset.raw) : text.dataset.raw;
    }
  }

  scrolled() {
    this.following = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < 24;
    if (this.following) {
      this.missed = 0;
      this.followButton.hidden = true;
    }
  }

  follow() {
    this.list.scrollTop = this.list.scrollHeight;
    this.scrolled();
  }

  clear() {
    this.events = [];
    this.list.replaceChildren();
    this.missed = 0;
    this.followButton.hidden = true;
    this.following = true;
  }

  download() {
    const lines = this.events.map((event) => `${JSON.stringify(event)}\n`).join("");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([lines], { type: "application/x-ndjson" }));
    link.download = `nopal-${new Date().toISOString().slice(0, 19).replaceAll(":", "-")}.jsonl`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }
}

/** An event's facts in a few words, beside its name. */
function facts(event) {
  switch (event.event) {
    case "opening": return event.path;
    case "open": return event.subprotocol ? `subprotocol ${event.subprotocol}` : "";
    case "refused": return `with status ${event.status}`;
    case "sent": case "received": return `${event.size} B${event.base64 === undefined ? "" : " binary"}`;
    case "pong": return `after ${event.milliseconds} ms`;
    case "closed": return `with ${event.code}${event.reason ? `: ${event.reason}` : ""}`;
    default: return event.message ?? "";
  }
}

function payload(event) {
  if (event.text !== undefined) return event.text;
  if (event.base64 !== undefined) return event.base64;
  if (event.event === "refused") return event.body;
  if (event.event === "open") return event.headers.map(([name, value]) => `${name}: ${value}`).join("\n");
  return null;
}

function element(name, className, text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}
