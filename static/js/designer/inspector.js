// The side panel about one node. Its tabs are added with `addTab`; "Details" is a form that the server makes.

import { fragment } from "./store.js";

const KINDS = {
  client: "Where messages come from", selector: "Route selection", authorizer: "Authorizer", route: "Route", group: "Routes",
  integration: "Integration", backend: "Backend", new_integration: "New integration", changes: "Changes",
};

const CONNECTION_ID = "integration.request.header.connectionId";

export class Inspector {
  #panel;
  #parts;
  #url;
  #tabs = [];
  #tab = "details";
  #asked = 0;
  #shown = "";
  node = null;

  constructor(panel, { panelUrl }) {
    this.#panel = panel;
    this.#url = panelUrl;
    this.#parts = Object.fromEntries(["kind", "title", "problems", "body"].map((part) => [part, panel.querySelector(`[data-panel-${part}]`)]));
    this.#parts.tabs = panel.querySelector("[data-tabs]");
    this.addTab({ id: "details", label: "Details", show: (node, body) => this.#details(node, body) });
    this.#parts.body.addEventListener("change", () => this.#showFieldsOfType());
  }

  get isOpen() { return !this.#panel.hidden; }

  get tab() { return this.#tab; }

  get body() { return this.#parts.body; }

  /** Whether something was typed that is not saved. */
  get isDirty() {
    return [...this.#parts.body.querySelectorAll("form :is(input, select, textarea)")].some((field) =>
      field.type === "checkbox" ? field.checked !== field.defaultChecked : field.matches("select") ? [...field.options].some((option) => option.selected !== option.defaultSelected) && field.value !== initialOf(field) : field.value !== field.defaultValue);
  }

  /**
   * A tab beside Details: `show(node, body)` fills the empty body, `isFor(node)` says for which nodes it is there, and
   * `leave()` is called when another one is shown, or none.
   */
  addTab({ id, label, show, isFor = () => true, leave = () => {} }) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", textContent: label, id: `designer-tab-${id}` });
    button.setAttribute("role", "tab");
    button.addEventListener("click", () => this.#choose(id));
    button.addEventListener("keydown", (event) => this.#alongTabs(event));
    this.#parts.tabs.append(button);
    this.#tabs.push({ id, button, show, isFor, leave });
  }

  /** Open the panel for a node, or fill it again after a change; what was typed and not saved stays. */
  async show(node, { focus = false, tab = this.#tab } = {}) {
    this.#tab = tab;
    this.node = node;
    this.#panel.hidden = false;
    this.#parts.kind.textContent = KINDS[node.kind];
    this.#parts.title.textContent = node.label;
    this.#parts.problems.replaceChildren(...node.problems.map(problemLine));
    const tabs = this.#tabs.filter((tab) => tab.isFor(node));
    if (!tabs.some((tab) => tab.id === this.#tab)) this.#tab = "details";
    if (this.#shown !== this.#tab) this.#leave();
    this.#shown = this.#tab;
    this.#parts.tabs.hidden = tabs.length < 2;
    for (const tab of this.#tabs) {
      tab.button.hidden = !tabs.includes(tab);
      tab.button.setAttribute("aria-selected", String(tab.id === this.#tab));
      tab.button.tabIndex = tab.id === this.#tab ? 0 : -1;
    }
    this.#parts.body.setAttribute("aria-labelledby", `designer-tab-${this.#tab}`);
    await this.#tabs.find((tab) => tab.id === this.#tab).show(node, this.#parts.body);
    if (focus) (this.#parts.body.querySelector("input:not(:disabled), select:not(:disabled), button") ?? this.#parts.title).focus();
  }

  close() {
    this.#leave();
    this.#panel.hidden = true;
    this.node = null;
    this.#parts.body.replaceChildren();
  }

  /** Leave the tab that is shown; what it has asked for and not got yet is not shown any more. */
  #leave() {
    this.#tabs.find((tab) => tab.id === this.#shown)?.leave();
    this.#shown = "";
    this.#asked += 1;
    delete this.#parts.body.dataset.shown;
  }

  focusField(name) {
    const field = this.#parts.body.querySelector(`[name="${name}"]`);
    field?.focus();
    field?.select?.();
  }

  /** Say beneath the form why it was not saved. */
  refuse(message) {
    const place = this.#parts.body.querySelector("[data-form-error]");
    if (place) place.textContent = message;
  }

  async #details(node, body) {
    const asked = (this.#asked += 1);
    const isAnother = body.dataset.shown !== node.key;
    body.dataset.shown = node.key;
    if (node.fill) return node.fill(body);
    if (node.kind === "group") {
      body.replaceChildren(paragraph("These are folded to one node. Unfold them above the picture, or look at the table."));
      return undefined;
    }
    if (isAnother) body.replaceChildren(paragraph("Loading…"));
    try {
      const made = await fragment(`${this.#url}?node=${encodeURIComponent(node.key)}`);
      if (asked !== this.#asked || (!isAnother && this.isDirty)) return undefined; // typed meanwhile
      body.replaceChildren(...made.childNodes);
    } catch (error) {
      if (asked === this.#asked) body.replaceChildren(paragraph(error.message, "notice"));
    }
    this.#showFieldsOfType();
    return undefined;
  }

  /** Of an integration's fields only those that its type has. */
  #showFieldsOfType() {
    const type = this.#parts.body.querySelector("[name=integrationType]")?.value;
    if (!type) return;
    for (const part of this.#parts.body.querySelectorAll("[data-for-types]")) part.hidden = !part.dataset.forTypes.split(" ").includes(type);
  }

  #choose(id) {
    this.#leave();
    this.#tab = id;
    this.#parts.body.replaceChildren();
    this.show(this.node);
  }

  #alongTabs(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    const shown = this.#tabs.filter((tab) => !tab.button.hidden);
    const at = shown.findIndex((tab) => tab.button === event.target);
    const next = shown[(at + step + shown.length) % shown.length];
    next.button.focus();
    this.#choose(next.id);
  }
}

/** Take down what the fields of a form hold: what is given back, once that is saved, makes it the state that is saved. */
export function takeDown(form) {
  const held = [...form.elements].map((field) => [field, field.type === "checkbox" ? field.checked : field.value]);
  return () => held.forEach(([field, value]) => settle(field, value));
}

function settle(field, value) {
  if (field.type === "checkbox") field.defaultChecked = value;
  else if (field.matches("select")) {
    const chosen = field.value;
    for (const option of field.options) option.defaultSelected = option.value === value;
    field.value = chosen;
  } else if (field.matches("input, textarea")) field.defaultValue = value;
}

/** What a form holds, as members of a resource in wire form. */
export function membersOf(form) {
  const fields = new FormData(form);
  const members = {};
  for (const [name, value] of fields) {
    if (form.elements[name].closest?.("[hidden]")) continue;
    if (name === "authorization") Object.assign(members, authorizationOf(value));
    else if (name === "template") members.requestTemplates = { ...(value && { $default: value }), ...JSON.parse(fields.get("otherTemplates")) };
    else if (name === "otherTemplates" || name === "sendsConnectionId") continue;
    else members[name] = name === "timeoutInMillis" ? Number(value) : value;
  }
  const sendsId = form.elements.sendsConnectionId;
  if (sendsId && !sendsId.closest("[hidden]")) members.requestParameters = { [CONNECTION_ID]: sendsId.checked ? "context.connectionId" : "" };
  if (members.integrationType?.startsWith("AWS")) members.integrationMethod = "POST";
  if (members.integrationType === "MOCK") Object.assign(members, { integrationMethod: "", integrationUri: "" });
  return members;
}

function authorizationOf(value) {
  if (value === "NONE" || value === "AWS_IAM") return { authorizationType: value, authorizerId: "" };
  return { authorizationType: "CUSTOM", authorizerId: value };
}

function initialOf(select) { return [...select.options].find((option) => option.defaultSelected)?.value ?? select.options[0]?.value; }

function problemLine(problem) {
  const line = paragraph(problem.message, "designer-problem");
  line.dataset.tone = problem.severity === "error" ? "bad" : "wait";
  return line;
}

function paragraph(text, className = "muted") {
  const made = document.createElement("p");
  made.className = className;
  made.textContent = text;
  return made;
}
