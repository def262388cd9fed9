// What is done to the draft: one gesture after the other, each taken back and done again by its own undo. Where somebody else
// was first, nothing is done, and it is told who that was.

import { History } from "./history.js";
import { Refused } from "./store.js";

const VERBS = { Create: "added", Delete: "deleted", Duplicate: "added", Restore: "restored" };

export class Draft {
  #designer;
  #history = new History();
  #queue = Promise.resolve();
  #expected = "";

  constructor(designer) { this.#designer = designer; }

  get #store() { return this.#designer.store; }

  get canUndo() { return this.#history.canUndo; }

  get canRedo() { return this.#history.canRedo; }

  /**
   * Carry out a gesture, or several that make one step: each may be a function of what the one before has done.
   * Refusals are told at `spot`, or to the caller who `handles` them. Gives what was done last, or nothing.
   */
  perform(gestures, { spot = null, handles = false } = {}) {
    const steps = [gestures].flat();
    const again = () => this.perform(gestures, { spot });
    return this.#next(async () => {
      const undo = [];
      let done = null;
      try {
        for (const step of steps) {
          done = await this.#store.carryOut(typeof step === "function" ? step(done) : step);
          undo.unshift(...done.undo);
        }
      } finally {
        this.#history.did(undo);
        if (undo.length) this.#designer.refresh();
      }
      this.#designer.say(done.sentence);
      if (!undo.length) this.#designer.refresh();
      return done;
    }, { spot, handles, again });
  }

  undo() { return this.#step("undo", "Undone"); }

  redo() { return this.#step("redo", "Done again"); }

  #step(direction, words) {
    const able = direction === "undo" ? this.#history.canUndo : this.#history.canRedo;
    if (!able) return this.#designer.say(`There is nothing to ${direction}.`);
    return this.#next(async () => {
      let done = null;
      try {
        await this.#history[direction](async (gesture) => (done = await this.#store.carryOut(gesture)));
      } finally {
        this.#designer.refresh();
      }
      this.#designer.say(`${words}: ${done.sentence}`);
      this.#designer.toast(`${words}: ${done.sentence}`, { tone: "info" });
      if (done.node && this.#designer.canvas.picture.node(done.node)) this.#designer.focusNode(done.node);
      return done;
    }, { again: () => this[direction]() });
  }

  /** One thing after the other, so that each is about the draft that the one before left. */
  #next(action, { spot = null, handles = false, again = null } = {}) {
    const result = this.#queue.then(async () => {
      try {
        return await action();
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        if (error.isConflict) {
          await this.#tellConflict(error.answer, again);
          if (!handles) this.#designer.inspector.refuse("Not saved: somebody else changed the draft. Look at it, then save again.");
        } else if (!handles) {
          this.#designer.toast(error.message, { spot });
          this.#designer.inspector.refuse(error.message);
        }
        if (handles) throw error;
        return null;
      }
    });
    this.#queue = result.catch(() => {});
    return result;
  }

  async #tellConflict(answer, again) {
    const before = this.#designer.picture;
    await this.#designer.reload();
    this.#designer.notice(`${this.#whoDidWhat(answer, before)} Nothing of yours was done; the picture shows the draft as it is now.`, again && { label: "Do it all the same", run: again });
  }

  /** The gateway says that the draft has this version now; who made it is in `change`. */
  heardOf(version, change) {
    if (version === this.#store.graph.version || this.#expected === version) return;
    this.#expected = version;
    this.#next(async () => {
      const [known, before] = [this.#store.graph.version, this.#designer.picture];
      await this.#store.load();
      if (this.#store.graph.version === known) return; // it was one's own change, told before its answer came
      this.#designer.refresh();
      this.#designer.notice(this.#whoDidWhat(change ?? {}, before));
    });
  }

  /** `Bob changed route send 5 s ago.` */
  #whoDidWhat({ actor, action, path, at }, before = this.#designer.picture) {
    if (!actor) return "Somebody else changed the draft.";
    const [, , , collection, id, part] = path.split("/");
    const key = `${collection?.replace(/s$/, "")}/${id}`;
    const node = this.#designer.picture.node(key) ?? before.node(key);
    const what = node ? `${node.kind} ${node.label}` : collection ? `a ${collection.replace(/s$/, "")}` : "the API";
    const verb = part ? "changed" : (VERBS[action.match(/^[A-Z][a-z]+/)?.[0]] ?? "changed");
    const seconds = Math.max(0, Math.round((Date.now() - Date.parse(at)) / 1000));
    return `${actor} ${verb} ${what} ${seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`} ago.`;
  }
}
