// Talks to the server: the graph, gestures on the draft that is seen, places of nodes.

import { csrfToken } from "../csrf.js";

/** What the server refused, in its words. */
export class Refused extends Error {
  constructor(status, answer) {
    super(answer.message ?? "The server did not answer as expected. Load the page again.");
    this.status = status;
    this.answer = answer;
  }

  /** Somebody else changed the draft meanwhile: `answer` says who, what and when. */
  get isConflict() { return this.status === 409 && this.answer.version !== undefined; }

  /** Whether the same request is worth another try. */
  get mayWorkLater() { return this.isConflict || this.status === 0 || this.status >= 500; }
}

export class Store {
  #gestureUrl;
  #apiUrl;

  constructor({ apiId, gestureUrl }) {
    this.#gestureUrl = gestureUrl;
    this.#apiUrl = `/api/v1/apis/${encodeURIComponent(apiId)}`;
    this.graph = null;
  }

  /** The draft's graph, fresh. */
  async load() {
    this.graph = await this.get("/graph");
    return this.graph;
  }

  /** What the REST API answers for the API that is shown. */
  async get(path) { return call("GET", `${this.#apiUrl}${path}`); }

  async post(path, body) { return this.call("POST", path, body); }

  async call(method, path, body) { return call(method, `${this.#apiUrl}${path}`, body); }

  /** Carry out a gesture on the draft that is seen: what was done, the node to look at, and what takes it back. */
  async carryOut(gesture) {
    if (gesture.gesture === "move") return this.#move(gesture.positions);
    if (gesture.gesture === "tidy") return this.#tidy();
    const done = await call("POST", this.#gestureUrl, gesture, { "If-Match": `"${this.graph.version}"` });
    if (done.refused) throw new Refused(done.status, done.refused);
    this.graph = done.graph;
    return done;
  }

  async #move(positions) {
    const before = positionsOf(this.graph.nodes.filter((node) => node.key in positions));
    await call("PATCH", `${this.#apiUrl}/layout`, { positions });
    await this.load();
    const count = Object.keys(positions).length;
    return { sentence: count === 1 ? "Moved a node." : `Moved ${count} nodes.`, node: "", undo: [{ gesture: "move", positions: before }] };
  }

  async #tidy() {
    const before = positionsOf(this.graph.nodes.filter((node) => node.stored));
    await call("DELETE", `${this.#apiUrl}/layout`);
    await this.load();
    const undo = Object.keys(before).length ? [{ gesture: "move", positions: before }] : [];
    return { sentence: "All nodes are placed automatically.", node: "", undo };
  }
}

/** A fragment of the page, made by the server; with `fields` they are posted. */
export async function fragment(url, fields = null) {
  const options = { headers: { "HX-Request-Type": "partial", "X-CSRFToken": csrfToken() } };
  if (fields) Object.assign(options, { method: "POST", body: new URLSearchParams(fields) });
  const response = await fetch(url, options).catch(() => null);
  if (response?.status === 401) location.reload();
  const parsed = new DOMParser().parseFromString(response ? await response.text() : "", "text/html");
  if (!response?.ok) throw new Refused(response?.status ?? 0, { message: parsed.body.textContent.trim() || UNREACHABLE });
  return parsed.body;
}

const UNREACHABLE = "The server cannot be reached. Try again when it can.";

/** What a path of this server answers, as JSON. */
export async function call(method, url, body, headers = {}) {
  const options = { method, headers: { Accept: "application/json", "X-CSRFToken": csrfToken(), ...headers } };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
  }
  const response = await fetch(url, options).catch(() => null);
  if (response === null) throw new Refused(0, { message: UNREACHABLE });
  if (response.status === 204) return null;
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(response.status, answer);
  return answer;
}

function positionsOf(nodes) { return Object.fromEntries(nodes.map(({ key, x, y }) => [key, { x, y }])); }
