// Undo and redo. A gesture that was carried out tells the gestures that take it back, and those tell how to do it again.

export class History {
  #past = [];
  #future = [];

  get canUndo() { return this.#past.length > 0; }
  get canRedo() { return this.#future.length > 0; }

  /** Something new was done, which `undo`, a list of gestures, takes back. */
  did(undo) {
    if (!undo.length) return;
    this.#past.push(undo);
    this.#future = [];
  }

  /** Take back the last step; `carryOut` does one gesture. What cannot be done because of others' changes stays. */
  async undo(carryOut) { return this.#move(this.#past, this.#future, carryOut); }

  async redo(carryOut) { return this.#move(this.#future, this.#past, carryOut); }

  async #move(from, to, carryOut) {
    const step = from.pop();
    const inverse = [];
    const left = [...step];
    try {
      while (left.length) {
        inverse.unshift(...(await carryOut(left[0])).undo);
        left.shift();
      }
    } catch (error) {
      if (error.mayWorkLater) from.push(left);
      throw error;
    } finally {
      if (inverse.length) to.push(inverse);
    }
  }
}
