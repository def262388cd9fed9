// <column-chooser>: the columns of a list, which its buttons move up and down; the form sends them in their order.

class ColumnChooser extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", (event) => {
      const button = event.target.closest("[data-move]");
      if (button) this.move(button);
    });
  }

  get choices() { return [...this.querySelectorAll(".column-choice")]; }

  move(button) {
    const choice = button.closest(".column-choice");
    const place = this.choices.indexOf(choice);
    const neighbour = this.choices[place + Number(button.dataset.move)];
    if (!neighbour) return;
    if (button.dataset.move === "1") neighbour.after(choice);
    else neighbour.before(choice);
    button.focus(); // what is moved loses it
    const name = choice.querySelector("span").textContent;
    this.querySelector("[role=status]").textContent = `${name} is ${this.choices.indexOf(choice) + 1} of ${this.choices.length}.`;
  }
}

customElements.define("column-chooser", ColumnChooser);
