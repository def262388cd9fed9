// What one can do to nodes, by mouse, by keyboard or in the table: each is asked for, carried out and told here.

import { membersOf, takeDown } from "./inspector.js";
import { hostOf } from "./table.js";

const RESERVED = {
  $connect: "a client connects",
  $disconnect: "a connection ends",
  $default: "messages that choose no other route",
};

export class Editing {
  #designer;

  constructor(designer) { this.#designer = designer; }

  get #picture() { return this.#designer.picture; }

  get #canvas() { return this.#designer.canvas; }

  get #inspector() { return this.#designer.inspector; }

  #perform(gestures, options) { return this.#designer.perform(gestures, options); }

  newRoute(spot = this.#canvas.spotOf("selector")) {
    if (!this.#designer.mayWrite) return;
    this.#designer.showView("graph");
    const there = new Set(this.#picture.ofKind("route").map((node) => node.label));
    this.#designer.picker.ask({
      spot,
      label: "Key of the new route",
      placeholder: "send",
      hint: `Messages for which ${this.#picture.node("selector").label} gives this key take the route.`,
      free: true,
      choices: Object.entries(RESERVED).filter(([key]) => !there.has(key)).map(([value, detail]) => ({ value, label: value, detail })),
      onPick: async (routeKey) => {
        const done = await this.#perform({ gesture: "create-route", route: { routeKey } }, { handles: true });
        this.#designer.lookAt(done.node);
      },
    });
  }

  connect(key, spot = this.#canvas.spotOf(key)) {
    const node = this.#picture.node(key);
    if (!this.#designer.mayWrite || node?.kind !== "route") return this.#designer.say("Only routes are connected, to integrations.");
    const current = this.#picture.integrationOf(key);
    const choices = this.#picture.ofKind("integration").map((each) => ({
      value: each.id,
      label: each.label,
      detail: each === current ? `${hostOf(this.#picture, each)} · connected now` : hostOf(this.#picture, each),
    }));
    choices.push({ value: "new", label: "New integration…", always: true });
    if (current) choices.push({ value: "", label: "No integration", always: true });
    this.#designer.picker.ask({
      spot,
      label: `Connect route ${node.label} to`,
      placeholder: "type to narrow",
      choices,
      onPick: async (id) => {
        if (id === "new") return this.newIntegration(key);
        const target = id && `integrations/${id}`;
        await this.#perform({ gesture: "update-route", routeId: node.id, members: { target } }, { handles: true });
        this.#designer.focusNode(key);
      },
    });
  }

  /** The panel for an integration that is made, for a route if there is one. */
  newIntegration(routeKey = "") {
    const route = this.#picture.node(routeKey);
    this.#designer.picker.close({ refocus: false });
    const label = route ? `for route ${route.label}` : "that routes may lead to";
    this.#canvas.select(routeKey);
    this.#inspector.show({ key: `new_integration/${route?.id ?? ""}`, kind: "new_integration", id: "", label, problems: [] }, { focus: true });
  }

  link(source, target, spot) {
    const [from, to] = [this.#picture.node(source), this.#picture.node(target)];
    if (from?.kind !== "route" || to?.kind !== "integration") {
      const words = from?.kind === "selector" ? "The selector leads to routes by their keys. Let go over empty space for a new one." : `A route leads to an integration, not to a ${to?.kind ?? "group"}.`;
      return this.#designer.toast(words, { spot });
    }
    return this.#perform({ gesture: "update-route", routeId: from.id, members: { target: `integrations/${to.id}` } }, { spot });
  }

  disconnect(key) {
    const node = this.#picture.node(key);
    if (node?.kind !== "route" || !this.#picture.integrationOf(key)) return this.#designer.say("There is nothing to disconnect here.");
    return this.#perform({ gesture: "update-route", routeId: node.id, members: { target: "" } }, { spot: this.#canvas.spotOf(key) });
  }

  toggleTwoWay(key) {
    const node = this.#picture.node(key);
    if (node?.kind !== "route") return this.#designer.say("Only routes are two-way.");
    return this.#perform({ gesture: node.twoWay ? "silence-route" : "answer-route", routeId: node.id }, { spot: this.#canvas.spotOf(key) });
  }

  async duplicate(key) {
    const node = this.#picture.node(key);
    if (node?.kind === "integration") {
      const done = await this.#perform({ gesture: "duplicate-integration", integrationId: node.id }, { spot: this.#canvas.spotOf(key) });
      if (done) this.#designer.lookAt(done.node);
      return;
    }
    if (node?.kind !== "route") return this.#designer.say("Only routes and integrations are duplicated.");
    this.#designer.showView("graph");
    this.#designer.picker.ask({
      spot: this.#canvas.spotOf(key, "left"),
      label: `Key of the copy of ${node.label}`,
      value: this.#freeKey(node.label.replace("$", "")),
      free: true,
      onPick: async (routeKey) => {
        const done = await this.#perform({ gesture: "duplicate-route", routeId: node.id, routeKey }, { handles: true });
        this.#designer.lookAt(done.node);
      },
    });
  }

  async remove(key) {
    const node = this.#picture.node(key);
    if (!["route", "integration"].includes(node?.kind)) return this.#designer.say("Only routes and integrations are deleted here.");
    const next = this.#canvas.picture.beside(key, "down") ?? this.#canvas.picture.beside(key, "up");
    const spot = this.#canvas.spotOf(key);
    const done = await this.#perform({ gesture: `delete-${node.kind}`, [`${node.kind}Id`]: node.id }, { spot });
    if (!done) return;
    this.#designer.focusNode(next && this.#picture.node(next.key) ? next.key : "selector");
    this.#designer.toast(done.sentence, { tone: "info", action: { label: "Undo", run: () => this.#designer.draft.undo() } });
  }

  rename(key) {
    const node = this.#picture.node(key);
    if (!["route", "integration"].includes(node?.kind)) return;
    const field = node.kind === "route" ? "routeKey" : "integrationUri";
    this.#designer.open(key).then(() => this.#inspector.focusField(field));
  }

  move(key, x, y) { return this.#perform({ gesture: "move", positions: { [key]: { x, y } } }); }

  nudge(key, dx, dy) {
    const node = this.#picture.node(key);
    if (node && this.#designer.mayWrite) this.move(key, node.x + dx, node.y + dy);
  }

  /** Carry out what a form of the panel asks for. */
  async save(form) {
    const { gesture, subject, id } = form.dataset;
    const members = membersOf(form);
    const key = this.#inspector.node.key;
    const settle = takeDown(form);
    const done = await this.#perform(subject ? { gesture, [subject]: id, members } : { gesture, ...members }, { spot: this.#canvas.spotOf(key) });
    if (!done || this.#inspector.node?.key !== key) return;
    settle();
    await this.#inspector.show(this.#picture.node(key));
    this.#designer.toast(done.sentence, { tone: "good" });
  }

  /** Make the integration that the panel describes, and connect the route that it was asked for. */
  async create(form) {
    const route = this.#picture.node(`route/${this.#inspector.node.key.split("/")[1]}`);
    const steps = [{ gesture: "create-integration", integration: membersOf(form) }];
    if (route) steps.push((made) => ({ gesture: "update-route", routeId: route.id, members: { target: `integrations/${made.node.split("/")[1]}` } }));
    const done = await this.#perform(steps);
    if (!done) return;
    this.#designer.closePanel();
    this.#designer.lookAt(done.node);
  }

  connectInTable(source, target) {
    const node = this.#picture.node(source);
    const to = target && `integrations/${this.#picture.node(target).id}`;
    this.#perform({ gesture: "update-route", routeId: node.id, members: { target: to } }).then((done) => { if (!done) this.#designer.table.draw(this.#picture); });
  }

  #freeKey(base) {
    const there = new Set(this.#picture.ofKind("route").map((node) => node.label));
    let key = `${base}-copy`;
    for (let number = 2; there.has(key); number += 1) key = `${base}-copy-${number}`;
    return key;
  }
}
