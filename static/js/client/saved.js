// The messages that someone keeps, the same in all tabs and browsers: stored with their account.

import { csrfToken } from "../csrf.js";

export class SavedMessages {
  constructor(url, messages) {
    this.url = url;
    this.messages = messages;
    this.places = [];
    this.dialog = document.getElementById("save-message");
    this.dialog.addEventListener("close", () => {
      const name = this.dialog.querySelector("input").value.trim();
      if (this.dialog.returnValue === "save" && name) this.save({ name, ...this.asked });
      this.dialog.returnValue = "";
    });
  }

  /** List the messages in `place`; `chosen(message)` is called for the one that is chosen. */
  show(place, chosen) {
    this.places.push({ place, chosen });
    this.render();
  }

  /** Ask for a name to keep `message` under. */
  ask(message) {
    this.asked = message;
    this.dialog.querySelector("input").value = "";
    this.dialog.showModal();
  }

  async save(message) {
    await this.keep([...this.messages.filter((each) => each.name !== message.name), message]);
  }

  async keep(messages) {
    const answer = await fetch(this.url, {
      method: "POST", headers: { "Content-Type": "application/json", "X-CSRFToken": csrfToken() }, body: JSON.stringify(messages),
    });
    const document_ = await answer.json();
    if (answer.ok) this.messages = document_.messages;
    this.render(answer.ok ? "" : document_.message);
  }

  render(problem = "") {
    for (const { place, chosen } of this.places) {
      const rows = this.messages.map((message) => this.row(place, message, chosen));
      if (!rows.length) rows.push(note("Nothing saved yet: write a message and choose Save."));
      if (problem) rows.unshift(note(problem));
      place.replaceChildren(...rows);
    }
  }

  row(place, message, chosen) {
    const row = document.createElement("div");
    row.className = "client-saved";
    const choose = Object.assign(document.createElement("button"), { type: "button", textContent: message.name, title: message.text.slice(0, 500) });
    choose.addEventListener("click", () => {
      place.closest("details").open = false;
      chosen(message);
    });
    const remove = Object.assign(document.createElement("button"), { type: "button", textContent: "×", ariaLabel: `Delete ${message.name}` });
    remove.addEventListener("click", () => this.keep(this.messages.filter((each) => each !== message)));
    row.append(choose, remove);
    return row;
  }
}

function note(text) {
  return Object.assign(document.createElement("p"), { className: "client-note", textContent: text });
}
