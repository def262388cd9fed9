// What buttons and keys of the page ask for, and which part of the designer does it.

import { keyOf } from "./keys.js";

const STEP = 20;

export class Commands {
  #designer;

  constructor(designer) {
    this.#designer = designer;
    designer.addEventListener("click", (event) => this.#click(event));
    designer.addEventListener("submit", (event) => this.#submit(event));
    designer.addEventListener("change", (event) => {
      if (event.target.matches("[data-toggle-two-way]")) designer.editing.toggleTwoWay(designer.inspector.node.key);
    });
    document.addEventListener("keydown", (event) => this.#key(event));
    document.addEventListener("keyup", (event) => {
      const { canvas } = designer;
      if (event.key === " " && event.target.closest?.(".node") && !canvas.panning.hasMoved) designer.open(canvas.focused, { focus: true });
    });
  }

  #click(event) {
    const button = event.target.closest("button");
    if (!button) return;
    const designer = this.#designer;
    const { canvas, editing } = designer;
    const key = designer.inspector.node?.key;
    const actions = {
      "new-route": () => editing.newRoute(),
      "new-integration": () => editing.newIntegration(),
      undo: () => designer.draft.undo(),
      redo: () => designer.draft.redo(),
      fold: () => designer.fold(),
      fit: () => canvas.fit(),
      tidy: () => designer.perform({ gesture: "tidy" }).then(() => canvas.fit()),
      "zoom-in": () => canvas.zoom(1.25),
      "zoom-out": () => canvas.zoom(0.8),
      "zoom-reset": () => canvas.zoomTo(1),
      "close-panel": () => designer.closePanel({ refocus: true }),
      test: () => designer.tester.open(),
      deploy: () => designer.deploying.open(),
      history: () => designer.stageHistory.open(),
      connect: () => { designer.showView("graph"); editing.connect(key); },
      duplicate: () => editing.duplicate(key),
      delete: () => editing.remove(key),
    };
    actions[button.dataset.do ?? button.dataset.panelDo]?.();
    if (button.dataset.view) designer.showView(button.dataset.view);
    if (button.dataset.goto) designer.goTo(button.dataset.goto);
  }

  #submit(event) {
    const form = event.target.closest("form");
    if (form.matches("[data-gesture]")) {
      event.preventDefault();
      this.#designer.editing.save(form);
    } else if (form.matches("[data-create-integration]")) {
      event.preventDefault();
      this.#designer.editing.create(form);
    }
  }

  #key(event) {
    const designer = this.#designer;
    const { canvas, editing } = designer;
    const what = keyOf(event, { onNode: event.target.closest?.(".node") !== null && designer.contains(event.target) });
    if (!what || document.querySelector("dialog[open]")) return;
    const key = canvas.focused;
    const beside = (direction) => () => {
      const next = canvas.picture.beside(key, direction);
      if (next) canvas.focus(next.key);
    };
    const reading = {
      up: beside("up"), down: beside("down"), left: beside("left"), right: beside("right"),
      first: () => canvas.focus(canvas.picture.endOfColumn(key, false).key),
      last: () => canvas.focus(canvas.picture.endOfColumn(key, true).key),
      open: () => designer.open(key, { focus: true }),
      hold: () => {},
      close: () => { designer.highlight([]); designer.closePanel({ refocus: designer.inspector.isOpen }); },
      find: () => designer.finder.open(),
      test: () => designer.tester.open(event.target.closest?.(".node") ? key : ""),
      sheet: () => document.getElementById("designer-shortcuts").showModal(),
      fit: () => canvas.fit(),
      "zoom-in": () => canvas.zoom(1.25),
      "zoom-out": () => canvas.zoom(0.8),
      "zoom-reset": () => canvas.zoomTo(1),
    };
    const changing = {
      "new-route": () => editing.newRoute(),
      connect: () => editing.connect(key),
      disconnect: () => editing.disconnect(key),
      "two-way": () => editing.toggleTwoWay(key),
      duplicate: () => editing.duplicate(key),
      rename: () => editing.rename(key),
      delete: () => editing.remove(key),
      undo: () => designer.draft.undo(),
      redo: () => designer.draft.redo(),
      "move-up": () => editing.nudge(key, 0, -STEP), "move-down": () => editing.nudge(key, 0, STEP),
      "move-left": () => editing.nudge(key, -STEP, 0), "move-right": () => editing.nudge(key, STEP, 0),
    };
    const action = reading[what] ?? (designer.mayWrite ? changing[what] : undefined);
    if (!action) return;
    event.preventDefault();
    action();
  }
}
