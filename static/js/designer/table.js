// The same graph as tables, with a select and a switch in each row: all that can be done in the picture, without it.

export class Table extends EventTarget {
  #host;
  #rows;
  #drawn = new Map();
  mayWrite;

  constructor(host, { view, rows, mayWrite }) {
    super();
    this.#host = host;
    this.#rows = rows;
    this.mayWrite = mayWrite;
    host.append(view.content.cloneNode(true));
    host.addEventListener("click", (event) => this.#click(event));
    host.addEventListener("change", (event) => this.#change(event));
  }

  draw(picture) {
    this.picture = picture;
    const inOrder = (kind) => picture.ofKind(kind).sort((a, b) => a.y - b.y);
    this.#fill("route", inOrder("route"), (row, node) => this.#route(row, node));
    this.#fill("integration", inOrder("integration"), (row, node) => this.#integration(row, node));
  }

  /** `{ key: { text, state } }` of nodes, or null. */
  setLive(live) {
    for (const cell of this.#host.querySelectorAll("[data-live], [data-live-column]")) cell.hidden = live === null;
    for (const [key, row] of this.#drawn) {
      row.querySelector("[data-live]").textContent = live?.[key]?.text ?? "–";
      row.dataset.liveState = live?.[key]?.state ?? "";
    }
  }

  focus(key) { this.#drawn.get(key)?.querySelector("[data-open]").focus(); }

  #fill(kind, nodes, fill) {
    const body = this.#host.querySelector(`[data-rows=${kind}]`);
    const keys = new Set(nodes.map((node) => node.key));
    for (const [key, row] of this.#drawn) if (row.dataset.kind === kind && !keys.has(key)) { row.remove(); this.#drawn.delete(key); }
    nodes.forEach((node, at) => {
      if (!this.#drawn.has(node.key)) this.#drawn.set(node.key, this.#make(kind, node));
      const row = this.#drawn.get(node.key);
      if (body.children[at] !== row) body.insertBefore(row, body.children[at] ?? null);
      fill(row, node);
    });
  }

  #make(kind, node) {
    const row = this.#rows[kind].content.firstElementChild.cloneNode(true);
    Object.assign(row.dataset, { key: node.key, kind });
    return row;
  }

  #route(row, node) {
    this.#common(row, node, "route");
    const select = row.querySelector("[data-target]");
    const target = this.picture.integrationOf(node.key)?.id ?? "";
    const choices = [["", "none"], ...this.picture.ofKind("integration").map((each) => [each.id, `${each.label} · ${hostOf(this.picture, each)}`])];
    if (JSON.stringify([...select.options].map((option) => [option.value, option.text])) !== JSON.stringify(choices)) {
      select.replaceChildren(...choices.map(([value, text]) => new Option(text, value)));
    }
    select.value = target;
    select.disabled = !this.mayWrite;
    select.setAttribute("aria-label", `Integration of route ${node.label}`);
    const twoWay = row.querySelector("[data-two-way]");
    twoWay.checked = node.twoWay;
    twoWay.disabled = !this.mayWrite;
    twoWay.setAttribute("aria-label", `Route ${node.label} is two-way`);
  }

  #integration(row, node) {
    this.#common(row, node, "integration");
    row.querySelector("[data-kind]").textContent = node.detail;
    row.querySelector("[data-users]").textContent = this.picture.routesOf(node.key).map((route) => route.label).join(", ") || "none";
  }

  #common(row, node, what) {
    row.querySelector("[data-open]").textContent = node.label;
    const state = row.querySelector("[data-state]");
    state.replaceChildren(...(node.problems.length ? node.problems.map(problem) : [tone("good", "in order")]));
    for (const action of ["duplicate", "delete"]) {
      const button = row.querySelector(`[data-${action}]`);
      const words = `${action === "delete" ? "Delete" : "Duplicate"} ${what} ${node.label}`;
      button.setAttribute("aria-label", words);
      button.title = words;
      button.hidden = !this.mayWrite;
    }
  }

  #click(event) {
    const key = event.target.closest("tr")?.dataset.key;
    if (!key) return;
    for (const action of ["open", "duplicate", "delete"]) {
      if (event.target.closest(`[data-${action}]`)) this.#emit(action, { key });
    }
  }

  #change(event) {
    const key = event.target.closest("tr")?.dataset.key;
    if (event.target.matches("[data-target]")) this.#emit("connect", { source: key, target: event.target.value && `integration/${event.target.value}` });
    if (event.target.matches("[data-two-way]")) this.#emit("two-way", { key });
  }

  #emit(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail })); }
}

export function hostOf(picture, integration) {
  const edge = (picture.leaving.get(integration.key) ?? [])[0];
  return edge ? picture.node(edge.target).label : integration.detail;
}

function problem({ severity, message }) {
  const made = tone(severity === "error" ? "bad" : "wait", severity === "error" ? "error" : "warning");
  const words = document.createElement("small");
  words.textContent = message;
  const line = document.createElement("p");
  line.className = "designer-state";
  line.append(made, words);
  return line;
}

function tone(name, text) {
  const made = document.createElement("span");
  made.className = "tone";
  made.dataset.tone = name;
  made.textContent = text;
  return made;
}
