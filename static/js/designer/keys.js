// Which key means what. Letters act on the node in focus only, so that nobody types a command by accident.

const ON_NODE = {
  ArrowUp: "up", ArrowDown: "down", ArrowLeft: "left", ArrowRight: "right", Home: "first", End: "last",
  Enter: "open", " ": "hold", Escape: "close", F2: "rename", Delete: "delete", Backspace: "delete",
  n: "new-route", c: "connect", x: "disconnect", t: "two-way", d: "duplicate", f: "fit",
  "+": "zoom-in", "=": "zoom-in", "-": "zoom-out", 0: "zoom-reset",
};
const SHIFTED = { ArrowUp: "move-up", ArrowDown: "move-down", ArrowLeft: "move-left", ArrowRight: "move-right" };
const ANYWHERE = { "?": "sheet", "/": "find", m: "test", Escape: "close" };

/** The name of what a key press asks for; undefined where it asks for nothing, as in a text field. */
export function keyOf(event, { onNode }) {
  const isTyping = event.target.closest?.("input, textarea, select, [contenteditable]") !== null;
  if (event.altKey || event.defaultPrevented) return undefined;
  if (event.ctrlKey || event.metaKey) return isTyping ? undefined : ofHistory(event);
  if (isTyping) return event.key === "Escape" ? "close" : undefined;
  if (onNode && event.shiftKey && SHIFTED[event.key]) return SHIFTED[event.key];
  return (onNode && ON_NODE[event.key]) || ANYWHERE[event.key];
}

function ofHistory(event) {
  const key = event.key.toLowerCase();
  if (key === "y") return "redo";
  return key === "z" ? (event.shiftKey ? "redo" : "undo") : undefined;
}
