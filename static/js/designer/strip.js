// The strip above the picture: how far the draft is ahead of each stage.

export class Strip {
  #stages;

  constructor(designer) {
    this.#stages = designer.querySelector("[data-stages]");
  }

  /** The graph with marks, while it is compared with a deployment. */
  marked(graph) { return graph; }

  draw(graph) {
    this.#stages.replaceChildren(...graph.stages.map(stageItem));
  }
}

function stageItem(stage) {
  const item = document.createElement("li");
  const name = document.createElement("b");
  name.textContent = stage.stageName;
  const state = document.createElement("span");
  state.className = "tone";
  const [tone, text] = stateOf(stage);
  state.dataset.tone = tone;
  state.textContent = text;
  item.append(name, state);
  return item;
}

function stateOf({ changes, deploymentId, autoDeploy }) {
  if (autoDeploy) return ["info", "deploys automatically"];
  if (!deploymentId) return ["quiet", "not deployed"];
  if (!changes) return ["good", "up to date"];
  return ["wait", `${changes} undeployed change${changes === 1 ? "" : "s"}`];
}
