// <map-rows>: rows of a map are added and removed at once; without this the form is sent for another row.

class MapRows extends HTMLElement {
  connectedCallback() {
    this.dataset.ready = "";
    for (const button of this.querySelectorAll("[data-removes]")) button.hidden = false;
    this.addEventListener("click", (event) => this.clicked(event));
  }

  clicked(event) {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.removes !== undefined) this.removeRow(button.closest(".rows-row"));
    else this.addRow(event);
  }

  addRow(event) {
    event.preventDefault();
    const rows = this.querySelectorAll(".rows-row");
    const last = rows[rows.length - 1];
    const row = last.cloneNode(true);
    this.empty(row);
    row.setAttribute("aria-label", `Row ${rows.length + 1}`);
    last.after(row);
    row.querySelector("input, select, textarea").focus();
  }

  removeRow(row) {
    const rows = [...this.querySelectorAll(".rows-row")];
    const next = rows[rows.indexOf(row) + 1] ?? rows[rows.indexOf(row) - 1];
    if (next) row.remove();
    else this.empty(row);
    (next ?? row).querySelector("input, select, textarea").focus();
    this.dispatchEvent(new Event("change", { bubbles: true }));
  }

  empty(row) {
    for (const control of row.querySelectorAll("input, textarea")) control.value = control.defaultValue = "";
    for (const control of row.querySelectorAll("select")) control.selectedIndex = 0;
  }
}

customElements.define("map-rows", MapRows);
