// <form-rows data-prefix="roles">: rows of a Django formset; its [data-add] button adds one more, made from the <template>.

class FormRows extends HTMLElement {
  connectedCallback() {
    this.total = this.querySelector(`[name="${this.dataset.prefix}-TOTAL_FORMS"]`);
    this.button = this.querySelector("[data-add]");
    this.button.hidden = false;
    this.button.addEventListener("click", () => this.add());
  }

  add() {
    const number = this.total.value;
    const row = this.querySelector("template").content.cloneNode(true);
    for (const element of row.querySelectorAll("[name], [id], [for]")) {
      for (const attribute of ["name", "id", "for"]) {
        const value = element.getAttribute(attribute);
        if (value) element.setAttribute(attribute, value.replace("__prefix__", number));
      }
    }
    const first = row.querySelector("select, input");
    this.button.before(row);
    this.total.value = Number(number) + 1;
    first.focus();
  }
}

customElements.define("form-rows", FormRows);
