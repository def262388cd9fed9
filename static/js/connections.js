// The list of connections: cells that change in place, rows that end, selection, and what is done to those selected.
import "./column-chooser.js";
import "./frames.js";
import { onLive } from "./live.js";
import { open } from "./connection-actions.js";

const iso = (milliseconds) => new Date(milliseconds).toISOString();

class ConnectionList extends HTMLElement {
  connectedCallback() {
    this.rows = new Map([...this.querySelectorAll("tr[data-id]")].map((row) => [row.dataset.id, row]));
    this.all = false;
    onLive(this, (news) => this.show(news));
    this.addEventListener("click", (event) => this.clicked(event));
    this.addEventListener("keydown", (event) => this.pressed(event));
    this.showSelection();
  }

  // what the socket tells

  show({ rows = {}, ended = {}, new: count }) {
    for (const [id, cells] of Object.entries(rows)) this.showCells(this.rows.get(id), cells);
    for (const [id, when] of Object.entries(ended)) this.showEnd(this.rows.get(id), when);
    if (count !== undefined) this.showNew(count);
  }

  showCells(row, cells) {
    if (!row || row.classList.contains("ended")) return;
    for (const [name, value] of Object.entries(cells)) {
      const cell = row.querySelector(`[data-cell="${name}"]`);
      if (name === "tone") put(row, "status", (status) => { status.dataset.tone = value; });
      else if (name === "slow") put(row, "backlog", (backlog) => { backlog.parentElement.classList.toggle("zero", !value); });
      else if (!cell) continue;
      else if (name === "left" || name === "idle") this.showTime(cell, name, value);
      else {
        const text = value === "" || value === null ? "–" : String(value);
        if (cell.textContent !== text) cell.textContent = text;
        if (name === "errors") cell.parentElement.classList.toggle("zero", !value);
      }
    }
  }

  showTime(cell, name, when) {
    if (when === null) { cell.textContent = "–"; return; }
    let time = cell.querySelector("time-ago");
    if (!time) {
      time = document.createElement("time-ago");
      time.setAttribute("mode", name === "left" ? "left" : "age");
      cell.replaceChildren(time);
    }
    time.removeAttribute("title");
    time.setAttribute("datetime", iso(when));
  }

  /** A row stays where it is, so that nothing moves under the pointer; it only says that it is over. */
  showEnd(row, when) {
    if (!row || row.classList.contains("ended")) return;
    row.classList.add("ended");
    const note = document.createElement("span");
    note.className = "ended-note";
    note.append("closed");
    if (when !== null) {
      const time = document.createElement("time-ago");
      time.setAttribute("datetime", iso(when));
      note.append(" ", time);
    }
    row.querySelector(".table-actions").append(note);
    for (const time of row.querySelectorAll("[data-cell] time-ago, .number > time-ago")) time.replaceWith(time.textContent);
    for (const control of row.querySelectorAll("input, button[data-act]")) control.disabled = true;
    const box = row.querySelector("input");
    if (box?.checked) { box.checked = false; this.showSelection(); }
  }

  showNew(count) {
    const bar = this.querySelector(".new-bar");
    bar.hidden = count === 0;
    bar.querySelector("span").textContent = `${count} new — show`;
    bar.setAttribute("aria-label", `${count} new connection${count === 1 ? "" : "s"}: load the list again`);
  }

  // selection

  get boxes() { return [...this.querySelectorAll("input[name=ids]:not(:disabled)")]; }

  get selected() { return this.boxes.filter((box) => box.checked).map((box) => box.value); }

  clicked(event) {
    const target = event.target;
    if (target.matches("input[name=ids]")) this.ticked(target, event.shiftKey);
    else if (target.matches("[data-tick-page]")) this.tickPage(target.checked);
    else if (target.closest("[data-select-all]")) this.selectAll();
    else if (target.closest("[data-clear]")) this.tickPage(false);
    else if (target.closest("[data-act]")) this.act(target.closest("[data-act]"));
  }

  ticked(box, range) {
    const boxes = this.boxes;
    if (range && this.last && boxes.includes(this.last)) {
      const [from, to] = [boxes.indexOf(this.last), boxes.indexOf(box)].sort((a, b) => a - b);
      for (const each of boxes.slice(from, to + 1)) each.checked = box.checked;
    }
    this.last = box;
    this.all = false;
    this.showSelection();
  }

  tickPage(checked) {
    for (const box of this.boxes) box.checked = checked;
    this.all = false;
    this.showSelection();
  }

  selectAll() {
    for (const box of this.boxes) box.checked = true;
    this.all = true;
    this.showSelection();
  }

  showSelection() {
    const bar = this.querySelector(".selection-bar");
    if (!bar) return;
    const count = this.selected.length;
    bar.hidden = count === 0;
    const text = this.all ? `All ${this.dataset.total} that match` : `${count} selected`;
    if (bar.querySelector("[data-selected]").textContent !== text) bar.querySelector("[data-selected]").textContent = text;
    const all = bar.querySelector("[data-select-all]");
    if (all) all.hidden = this.all;
    for (const row of this.rows.values()) row.classList.toggle("selected", Boolean(row.querySelector("input[name=ids]:checked")));
    const page = this.querySelector("[data-tick-page]");
    page.checked = count > 0 && count === this.boxes.length;
    page.indeterminate = count > 0 && count < this.boxes.length;
  }

  act(button) {
    const row = button.closest("tr");
    if (row) open(button.dataset.act, { ids: [row.dataset.id] });
    else if (this.all) open(button.dataset.act, { conditions: this.dataset.conditions, expected: Number(this.dataset.total) });
    else open(button.dataset.act, { ids: this.selected });
  }

  // the keyboard: j and k, or the arrows, go through the rows

  pressed(event) {
    const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
    const row = event.target.closest("tr[data-id]");
    if (!step || !row || event.ctrlKey || event.altKey || event.metaKey) return;
    const rows = [...this.rows.values()];
    const next = rows[rows.indexOf(row) + step];
    if (!next) return;
    event.preventDefault();
    const inPlace = [...row.children].indexOf(event.target.closest("td, th"));
    (next.children[inPlace]?.querySelector("input:not(:disabled), a, button:not(:disabled)") ?? next.querySelector("a")).focus();
  }
}

function put(row, name, change) {
  const cell = row.querySelector(`[data-cell="${name}"]`);
  if (cell) change(cell);
}

customElements.define("connection-list", ConnectionList);

// An address that says only what is filled in.
document.addEventListener("submit", (event) => {
  if (!event.target.matches(".filter-bar")) return;
  for (const field of event.target.elements) if (field.name && field.value === "") field.disabled = true;
});
// After "back" a browser shows the page with its fields as they were left.
addEventListener("pageshow", () => {
  for (const field of document.querySelectorAll(".filter-bar :disabled")) field.disabled = false;
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.target.matches("input, textarea, select")) return;
  if (document.querySelector("dialog[open]")) return;
  event.preventDefault();
  document.querySelector(".filter-bar input:not([type=hidden])").focus();
});
