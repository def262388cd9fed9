// Deploying the draft, with what changes and what to know before; what stages served, and going back to it.

import { ago, button, make, tone } from "./elements.js";
import { changeList } from "./strip.js";

const NEW_STAGE = " new"; // no stage can have this name

export class Deploying {
  #designer;
  #dialog;
  #form;
  #asked = 0;

  constructor(designer) {
    this.#designer = designer;
    this.#dialog = designer.querySelector("[data-deploy-dialog]");
    this.#form = this.#dialog.querySelector("form");
    this.#form.elements.stageName.addEventListener("change", () => this.#check());
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#deploy();
    });
    this.#dialog.querySelector("[data-deploy-reach]").addEventListener("click", () => this.#check({ reachBackends: true }));
  }

  open() {
    const stages = this.#designer.store.graph.stages.filter((stage) => !stage.autoDeploy);
    this.#form.elements.stageName.replaceChildren(...stages.map((stage) => new Option(stage.stageName)), new Option("a new stage…", NEW_STAGE));
    const behind = stages.find((stage) => stage.changes) ?? stages[0];
    if (behind) this.#form.elements.stageName.value = behind.stageName;
    this.#form.elements.description.value = "";
    this.#dialog.showModal();
    this.#check();
  }

  async #check({ reachBackends = false } = {}) {
    const asked = (this.#asked += 1);
    const isNew = this.#form.elements.stageName.value === NEW_STAGE;
    this.#form.querySelector("[data-new-stage]").hidden = !isNew;
    this.#form.elements.newStageName.required = isNew;
    this.#say("");
    const [changes, findings, submit, reach] = ["changes", "findings", "now", "reach"].map((part) => this.#dialog.querySelector(`[data-deploy-${part}]`));
    if (!reachBackends) changes.replaceChildren(make("p", "Comparing…", { class: "muted" }));
    findings.replaceChildren(make("p", reachBackends ? "Trying each backend, 8 seconds at most…" : "Checking…", { class: "muted" }));
    submit.disabled = reach.disabled = true;
    try {
      const body = isNew ? { reachBackends } : { stageName: this.#form.elements.stageName.value, reachBackends };
      const checked = await this.#designer.store.post("/deployment-check", body);
      if (asked !== this.#asked) return;
      changes.replaceChildren(changeList(checked.changes));
      findings.replaceChildren(findingList(this.#designer.picture, checked.findings, reachBackends));
      submit.textContent = checked.deployable ? "Deploy" : "Deploy all the same";
      submit.disabled = false;
    } catch (error) {
      if (asked === this.#asked) this.#say(error.message);
    }
    reach.disabled = false;
    if (!reachBackends) this.#try(asked, isNew ? {} : { stageName: this.#form.elements.stageName.value });
  }

  /** Try the API's test cases, if it has any, on the draft with the stage's variables. */
  async #try(asked, stage) {
    const section = this.#dialog.querySelector("[data-deploy-tests]");
    section.hidden = true;
    try {
      const results = await this.#designer.store.post("/test-cases/run", stage);
      if (asked !== this.#asked || !results.items.length) return;
      section.hidden = false;
      this.#dialog.querySelector("[data-deploy-results]").replaceChildren(resultList(results));
    } catch (error) {
      if (asked === this.#asked) this.#say(error.message);
    }
  }

  async #deploy() {
    const { stageName, newStageName, description } = this.#form.elements;
    const isNew = stageName.value === NEW_STAGE;
    const name = isNew ? newStageName.value : stageName.value;
    const steps = [{ gesture: "create-deployment", stageName: isNew ? "" : name, description: description.value }];
    if (isNew) steps.push(({ made }) => ({ gesture: "create-stage", stageName: name, deploymentId: made }));
    try {
      const done = await this.#designer.perform(steps, { handles: true });
      this.#dialog.close();
      this.#designer.toast(done.sentence, { tone: "good" });
    } catch (error) {
      this.#say(error.message);
    }
  }

  #say(text) {
    const place = this.#dialog.querySelector("[data-deploy-error]");
    place.textContent = text;
    place.hidden = !text;
  }
}

export class StageHistory {
  #designer;
  #dialog;
  #rollback;
  #chosen = null;

  constructor(designer) {
    this.#designer = designer;
    this.#dialog = designer.querySelector("[data-history-dialog]");
    this.#rollback = designer.querySelector("[data-rollback-dialog]");
    this.#dialog.querySelector("[data-history-stage]").addEventListener("change", () => this.#load());
    this.#rollback?.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#goBack();
    });
  }

  get #stage() { return this.#dialog.querySelector("[data-history-stage]").value; }

  open() {
    const stages = this.#designer.store.graph.stages;
    this.#dialog.querySelector("[data-history-stage]").replaceChildren(...stages.map((stage) => new Option(stage.stageName)));
    this.#dialog.showModal();
    this.#load();
  }

  async #load() {
    const list = this.#dialog.querySelector("[data-history-list]");
    if (!this.#stage) return list.replaceChildren(make("li", "There is no stage yet.", { class: "muted" }));
    list.replaceChildren(make("li", "Loading…", { class: "muted" }));
    try {
      const { items } = await this.#designer.store.get(`/stages/${encodeURIComponent(this.#stage)}/history?pageSize=50`);
      list.replaceChildren(...items.map((entry) => this.#entry(entry)));
      if (!items.length) list.replaceChildren(make("li", "Nothing was deployed to this stage yet.", { class: "muted" }));
    } catch (error) {
      list.replaceChildren(make("li", error.message, { class: "notice" }));
    }
  }

  #entry(entry) {
    const item = make("li");
    const what = make("div");
    const head = make("p");
    head.append(make("code", entry.deploymentId));
    if (entry.current) head.append(tone("good", "served now"));
    if (entry.returned) head.append(tone("info", "rolled back"));
    if (entry.automatic) head.append(tone("quiet", "automatic"));
    const by = make("p", "", { class: "muted" });
    by.append(ago(entry.at), entry.actor.name ? ` by ${entry.actor.name}` : "");
    what.append(head, ...(entry.description ? [make("p", entry.description)] : []), by);
    const actions = make("div", "", { class: "buttons" });
    if (entry.available) {
      actions.append(button("Compare", () => { this.#dialog.close(); this.#designer.strip.compare(entry.deploymentId); }, { "aria-label": `Compare the draft with deployment ${entry.deploymentId}` }));
      const stage = this.#designer.store.graph.stages.find((each) => each.stageName === this.#stage);
      if (this.#rollback && !entry.current && entry.deploymentId !== stage.deploymentId && !stage.autoDeploy) {
        actions.append(button("Roll back…", () => this.#ask(entry), { "aria-label": `Roll back to deployment ${entry.deploymentId}` }));
      }
    }
    item.append(what, actions);
    return item;
  }

  #ask(entry) {
    this.#chosen = { stage: this.#stage, deploymentId: entry.deploymentId };
    const said = entry.description ? ` (${entry.description})` : "";
    this.#rollback.querySelector("[data-rollback-words]").textContent =
      `Stage ${this.#stage} will serve deployment ${entry.deploymentId}${said} again, at once. Connections stay open; the draft stays as it is.`;
    this.#rollback.querySelector("[data-rollback-error]").hidden = true;
    this.#rollback.showModal();
  }

  async #goBack() {
    const { stage, deploymentId } = this.#chosen;
    try {
      await this.#designer.store.post(`/stages/${encodeURIComponent(stage)}/rollback`, { deploymentId });
    } catch (error) {
      const place = this.#rollback.querySelector("[data-rollback-error]");
      place.textContent = error.message;
      place.hidden = false;
      return;
    }
    this.#rollback.close();
    await this.#designer.reload();
    this.#designer.say(`Stage ${stage} serves deployment ${deploymentId} again.`);
    this.#load();
  }
}

function findingList(picture, findings, reached) {
  if (!findings.length) return make("p", reached ? "Nothing: every backend can be reached." : "Nothing speaks against it.", { class: "muted" });
  const list = make("ul", "", { class: "designer-sentences" });
  list.append(...findings.map((finding) => {
    const line = make("li");
    line.append(make("span", "!", { class: "designer-mark", "data-tone": finding.severity === "error" ? "bad" : "wait", role: "img", "aria-label": finding.severity }), make("span", wordsOf(finding, picture.node(finding.node))));
    return line;
  }));
  return list;
}

function resultList({ passed, failed }) {
  const failing = `${failed} of ${passed + failed} fail on the draft: see What to know.`;
  return make("p", failed ? failing : passed === 1 ? "The test case passes." : `All ${passed} pass.`, { class: "muted" });
}

/** The message, with the name of what it is about where it does not say it. */
function wordsOf({ message }, node) { return node && !message.includes(node.label) ? `${node.label}: ${message}` : message; }
