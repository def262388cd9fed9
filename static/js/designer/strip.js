// The strip above the picture: how far the draft is ahead of each stage, the comparison with a deployment.

import { button, make, tone } from "./elements.js";
import { compared } from "./graph.js";

const ACTIONS = { added: ["good", "+"], changed: ["wait", "~"], removed: ["bad", "−"] };

export class Strip {
  #designer;
  #stages;
  #select;
  #compared = null;
  #deploymentsAsked = false;

  constructor(designer) {
    this.#designer = designer;
    this.#stages = designer.querySelector("[data-stages]");
    this.#select = designer.querySelector("[data-compare]");
    this.#select.addEventListener("focus", () => this.#offerDeployments(), { once: true });
    this.#select.addEventListener("change", () => this.compare(this.#select.value));
  }

  get deployment() { return this.#compared?.deployment ?? ""; }

  /** The graph, with marks while it is compared with a deployment. */
  marked(graph) {
    return this.#compared?.version === graph.version ? compared(graph, this.#compared.graph, this.#compared.changes) : graph;
  }

  draw(graph) {
    const items = graph.stages.map((stage) => this.#stage(stage));
    if (!items.length) items.push(make("li", "No stage yet: deploy to make one.", { class: "muted" }));
    this.#stages.replaceChildren(...items);
    this.#offerStages(graph.stages);
    if (this.#compared && this.#compared.version !== graph.version) this.compare(this.#compared.deployment, { again: true });
  }

  /** Mark in the picture what has changed since a deployment, and tell it in the panel; an empty id ends that. */
  async compare(deployment, { again = false } = {}) {
    const { store, inspector } = this.#designer;
    if (!deployment) {
      this.#compared = null;
      this.#select.value = "";
      if (inspector.node?.kind === "changes") this.#designer.closePanel();
      this.#designer.refresh();
      return;
    }
    const version = store.graph.version;
    const id = encodeURIComponent(deployment);
    try {
      const [graph, diff] = await Promise.all([store.get(`/graph?deployment=${id}`), store.get(`/deployments/diff?before=${id}&after=draft`)]);
      this.#compared = { deployment, version, graph, changes: diff.changes };
    } catch (error) {
      this.#compared = null;
      this.#designer.toast(error.message);
    }
    this.#designer.refresh();
    if (this.#compared && (!again || inspector.node?.kind === "changes")) this.#tell();
    if (this.#compared && !again) this.#reveal();
    this.#designer.say(this.#compared ? `${this.#compared.changes.length} changes since ${this.#name(deployment)}.` : "");
  }

  #tell() {
    const { changes, deployment } = this.#compared;
    this.#designer.inspector.show({
      key: "changes",
      kind: "changes",
      id: "",
      label: `Draft and ${this.#name(deployment)}`,
      problems: [],
      fill: (body) => body.replaceChildren(changeList(changes, (node) => this.#designer.goTo(node)), button("End the comparison", () => this.compare(""))),
    });
  }

  /** The panel has taken room from the picture: what is marked is in what is left of it. */
  #reveal() {
    const { canvas, isTable } = this.#designer;
    const marked = canvas.picture.nodes.filter((node) => node.mark).map((node) => node.key);
    if (marked.length && !isTable) canvas.revealAll(marked);
  }

  #stage(stage) {
    const item = make("li");
    const chip = make("button", "", { type: "button", class: "designer-stage-chip" });
    const [name, text] = stateOf(stage);
    chip.append(make("b", stage.stageName), tone(name, text));
    const isCompared = Boolean(stage.deploymentId) && this.deployment === stage.deploymentId;
    chip.disabled = !stage.deploymentId;
    chip.setAttribute("aria-pressed", String(isCompared));
    chip.title = stage.deploymentId ? "Compare the draft with what this stage serves" : "This stage serves nothing yet";
    chip.addEventListener("click", () => this.compare(isCompared ? "" : stage.deploymentId));
    item.append(chip);
    return item;
  }

  #offerStages(stages) {
    this.#select.querySelector("optgroup[data-of=stages]")?.remove();
    const served = stages.filter((stage) => stage.deploymentId);
    if (served.length) {
      const group = make("optgroup", "", { label: "What is served", "data-of": "stages" });
      group.append(...served.map((stage) => new Option(`stage ${stage.stageName}`, stage.deploymentId)));
      this.#select.options[0].after(group);
    }
    this.#select.value = this.deployment;
    if (this.#select.value !== this.deployment) {
      this.#select.append(new Option(`deployment ${this.deployment}`, this.deployment));
      this.#select.value = this.deployment;
    }
  }

  async #offerDeployments() {
    if (this.#deploymentsAsked) return;
    this.#deploymentsAsked = true;
    const { items } = await this.#designer.store.get("/deployments?pageSize=25");
    if (!items.length) return;
    const group = make("optgroup", "", { label: "Deployments, the latest first" });
    group.append(...items.map((each) => new Option(`${each.deploymentId} · ${each.createdDate.slice(0, 16).replace("T", " ")}${each.description ? ` · ${each.description}` : ""}`, each.deploymentId)));
    this.#select.append(group);
  }

  #name(deployment) {
    const stage = this.#designer.store.graph.stages.find((each) => each.deploymentId === deployment);
    return stage ? `stage ${stage.stageName}` : `deployment ${deployment}`;
  }
}

/** Changes as sentences with a mark; those that are about a node lead to it. */
export function changeList(changes, goTo = null) {
  if (changes === null) return make("p", "Nothing is served there yet: everything is new.", { class: "muted" });
  if (!changes.length) return make("p", "There is no difference.", { class: "muted" });
  const list = make("ul", "", { class: "designer-sentences" });
  list.append(...changes.map((change) => changeLine(change, goTo)));
  return list;
}

function changeLine({ action, node, sentence }, goTo) {
  const [name, mark] = ACTIONS[action];
  const line = make("li");
  line.append(make("span", mark, { class: "designer-mark", "data-tone": name, role: "img", "aria-label": action }));
  if (goTo && node) line.append(button(sentence, () => goTo(node), { class: "designer-link" }));
  else line.append(make("span", sentence));
  return line;
}

function stateOf({ changes, deploymentId, autoDeploy }) {
  if (autoDeploy) return ["info", "deploys automatically"];
  if (!deploymentId) return ["quiet", "serves nothing yet"];
  if (!changes) return ["good", "up to date"];
  return ["wait", `${changes} undeployed change${changes === 1 ? "" : "s"}`];
}
