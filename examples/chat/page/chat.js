// A chat client for a WebSocket API: JSON messages out, frames in, and a connection that comes back by itself.

const find = (id) => document.getElementById(id);
const log = find("log");

/** Reconnects with exponential back-off and jitter, so that clients of a restarted gateway do not return in step. */
class Connection extends EventTarget {
  #url;
  #socket;
  #attempts = 0;
  #timer;
  #openedAt = Infinity;

  constructor(url) {
    super();
    this.#url = url;
  }

  open() {
    if (this.#socket && this.#socket.readyState !== WebSocket.CLOSED) return;
    clearTimeout(this.#timer);
    this.#say("state", { state: "connecting" });
    this.#openedAt = Infinity;
    this.#socket = new WebSocket(this.#url());
    this.#socket.addEventListener("open", () => {
      this.#openedAt = performance.now();
      this.#say("state", { state: "open" });
    });
    this.#socket.addEventListener("message", ({ data }) => this.#say("frame", { direction: "received", data }));
    this.#socket.addEventListener("close", ({ code, reason }) => this.#lost(code, reason));
  }

  send(message) {
    const data = JSON.stringify(message);
    this.#socket.send(data);
    this.#say("frame", { direction: "sent", data });
  }

  #lost(code, reason) {
    const lasted = performance.now() - this.#openedAt; // -Infinity where it never opened
    if (lasted > 5000) this.#attempts = 0;
    const delay = Math.min(30, 0.5 * 2 ** this.#attempts++) * (0.5 + Math.random() / 2);
    const cause = lasted >= 0
      ? `The connection was closed (code ${code}${reason ? `: ${reason}` : ""}).`
      : "The gateway cannot be reached, or it refused the connection.";
    this.#say("state", { state: "waiting", cause, delay });
    this.#timer = setTimeout(() => this.open(), delay * 1000);
  }

  #say(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

let name = new URLSearchParams(location.search).get("name") ?? sessionStorage.getItem("name") ?? "";
let you = "";
let lastAuthor = "";

const connection = new Connection(() => {
  const url = new URL(document.body.dataset.websocketUrl);
  url.searchParams.set("name", name);
  return url;
});

connection.addEventListener("state", ({ detail: { state, cause, delay } }) => {
  const open = state === "open";
  find("status").dataset.state = state;
  find("status").textContent = { connecting: "Connecting…", open: "Connected", waiting: "Reconnecting…" }[state];
  find("composer").querySelector("button").disabled = !open;
  find("notice").hidden = open || (state === "connecting" && find("notice").hidden);
  if (state === "waiting") find("notice-text").textContent = `${cause} Trying again in ${delay.toFixed(1)}\u00a0s.`;
  if (open) connection.send({ action: "who" });
  else showMembers([]);
});

connection.addEventListener("frame", ({ detail: { direction, data } }) => {
  showFrame(direction, data);
  if (direction === "received") receive(JSON.parse(data));
});

function receive(frame) {
  you = frame.you ?? you;
  if (frame.members) showMembers(frame.members);
  const show = {
    message: () => showMessage(frame),
    joined: () => frame.formerly !== frame.name && showEvent(arrival(frame)),
    left: () => showEvent(`${frame.name} left`),
    members: () => { you = frame.name; showMembers(frame.members); },
    forgotten: () => connection.send({ action: "join", name }),
    error: () => showProblem(frame.message),
    help: () => showEvent(frame.message),
  }[frame.type];
  // A frame without a type is the gateway's own: it says so when the application could not be reached.
  if (show) show();
  else showProblem(`The gateway answered: ${frame.message ?? JSON.stringify(frame)}`);
}

function arrival({ formerly, name: newcomer }) {
  return formerly ? `${formerly} is now ${newcomer}` : `${newcomer} joined`;
}

function showMessage({ from, text, at }) {
  const item = element("li", `message${from === you ? " mine" : ""}${from === lastAuthor ? " same" : ""}`);
  const by = element("div", "by");
  const time = element("time", "", new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
  time.dateTime = at;
  by.append(element("b", "", from === you ? "You" : from), time);
  item.append(by, element("p", "text", text));
  append(item);
  lastAuthor = from;
}

function showEvent(text) {
  append(element("li", "event", text));
  lastAuthor = "";
}

function showProblem(text) {
  append(element("li", "problem", text));
  lastAuthor = "";
}

function append(item) {
  log.querySelector(".empty")?.remove();
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
  log.append(item);
  while (log.children.length > 500) log.firstElementChild.remove();
  if (atEnd) log.scrollTop = log.scrollHeight;
}

function showMembers(names) {
  find("count").textContent = names.length;
  find("members").replaceChildren(...names.map((member) => {
    const item = element("li", "", member);
    item.dataset.initial = [...member][0].toUpperCase();
    if (member === you) item.append(" ", element("small", "", "(you)"));
    return item;
  }));
}

function showFrame(direction, data) {
  const item = element("li");
  item.append(element("b", "", direction === "sent" ? "↑ sent" : "↓ received"), element("code", "", data));
  find("frames").prepend(item);
  if (find("frames").children.length > 30) find("frames").lastElementChild.remove();
}

function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}

function enter() {
  find("entrance").hidden = true;
  find("composer").hidden = false;
  find("text").focus();
  connection.open();
}

find("wire").open = matchMedia("(min-width: 761px)").matches;
find("address").textContent = document.body.dataset.websocketUrl;
find("reconnect").addEventListener("click", () => connection.open());
find("entrance").addEventListener("submit", (event) => {
  event.preventDefault();
  name = find("name").value.trim();
  sessionStorage.setItem("name", name);
  if (name) enter();
});
find("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = find("text").value.trim();
  if (!text) return;
  connection.send({ action: "send", text });
  find("text").value = "";
});

if (name) enter();
else find("name").focus();
