// Dialogs that send to connections or close them: <connection-action> asks the server through a socket that is open as
// long as it works, shows how far it is, lets one stop it, and shows what became of each connection.

const ENDED = 4401;
const TITLES = {
  send: { running: "Sending…", done: "Sent" },
  disconnect: { running: "Disconnecting…", done: "Disconnected" },
};
const WORDS = {
  accepted: "accepted", gone: "gone", busy: "busy: does not read", tooLarge: "too large for its stage", notDone: "not done",
};
const TONES = { accepted: "good", gone: "quiet", busy: "wait", tooLarge: "bad", notDone: "wait" };

/** Open the dialog for `what` with its targets: `{ids}`, or `{conditions, expected}` for all that match. */
export function open(what, targets) {
  document.querySelector(`connection-action[data-do="${what}"]`).begin(targets);
}

class ConnectionAction extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("form");
    this.result = this.querySelector(".action-result");
    this.dialog = this.closest("dialog");
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.run(this.targets);
    });
    this.form.addEventListener("input", () => this.allow());
    this.find("[data-retry]").addEventListener("click", () => this.run({ ids: this.busy }));
    this.find("[data-stop]").addEventListener("click", () => this.stop());
    this.dialog.addEventListener("close", () => this.socket?.close());
  }

  find(selector) { return this.querySelector(selector); }

  get count() { return this.targets.expected ?? this.targets.ids.length; }

  begin(targets) {
    this.targets = targets;
    this.showForm();
    this.dialog.showModal();
    this.find("textarea, [name=code]:checked").focus();
  }

  showForm(problem = "") {
    this.form.hidden = false;
    this.result.hidden = true;
    this.find("[data-whom]").textContent = this.count === 1 && this.targets.ids ? this.targets.ids[0] : `${this.count} connections`;
    this.find("[data-confirm]").hidden = !this.needsConfirmation;
    this.find("[data-count]").textContent = this.count;
    this.find("[data-confirmation]").value = "";
    this.find("[data-problem]").hidden = !problem;
    this.find("[data-problem]").textContent = problem;
    this.allow();
  }

  get needsConfirmation() { return this.count > 1 || this.targets.conditions !== undefined; }

  allow() {
    const typed = this.find("[data-confirmation]").value.trim() === String(this.count);
    this.form.querySelector("button[type=submit]").disabled = this.needsConfirmation && !typed;
  }

  // the way to the server and back

  run(targets) {
    const fields = Object.fromEntries(new FormData(this.form));
    this.running(targets.expected ?? targets.ids.length);
    const address = new URL("/live/connections/act", location);
    address.protocol = address.protocol.replace("http", "ws");
    this.socket = new WebSocket(address);
    this.answered = false;
    this.socket.onopen = () => {
      if (this.stopping) this.sendStop(); // before what it stops, so that nothing of that is done
      this.socket.send(JSON.stringify({ ...fields, ...targets, do: this.dataset.do }));
    };
    this.socket.onmessage = (event) => this.heard(JSON.parse(event.data));
    this.socket.onclose = (event) => {
      if (event.code === ENDED) location.reload();
      else if (!this.answered && this.dialog.open) this.showForm("The server does not answer: nobody can tell how far it came. See the audit log.");
    };
  }

  /** What is done stays done; the server tells what is not. */
  stop() {
    this.stopping = true;
    this.find("[data-stop]").disabled = true;
    this.find("[data-result-title]").textContent = "Stopping…";
    if (this.socket.readyState === WebSocket.OPEN) this.sendStop();
  }

  sendStop() { this.socket.send(JSON.stringify({ do: "stop" })); }

  heard(told) {
    if (told.total) return this.showProgress(told.done, told.total);
    this.answered = true;
    this.socket.close();
    if (told.counts) return this.showResult(told);
    if (told.matching) this.targets.expected = Number(told.matching);
    this.showForm(told.error);
    return undefined;
  }

  // what is shown meanwhile and after

  running(count) {
    this.form.hidden = true;
    this.result.hidden = false;
    for (const selector of [".result-counts", ".result-targets", "[data-left-out]", "[data-retry]"]) this.find(selector).hidden = true;
    this.find("[data-result-title]").textContent = TITLES[this.dataset.do].running;
    this.find("[data-result-title]").focus();
    this.find("progress").hidden = false;
    this.stopping = false;
    this.find("[data-stop]").hidden = count < 2;
    this.find("[data-stop]").disabled = false;
    this.find("[data-done]").hidden = true;
    this.showProgress(0, count);
  }

  showProgress(done, total) {
    this.find("progress").max = total;
    this.find("progress").value = done;
  }

  showResult({ counts, targets, left_out: leftOut }) {
    this.find("progress").hidden = true;
    this.find("[data-stop]").hidden = true;
    this.find("[data-done]").hidden = false;
    this.find(".result-counts").hidden = false;
    this.find("[data-result=notDone]").parentElement.hidden = counts.notDone === 0;
    for (const [result, count] of Object.entries(counts)) {
      const place = this.find(`[data-result="${result}"]`);
      place.textContent = count;
      place.dataset.none = String(count === 0);
    }
    const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
    const stopped = counts.notDone ? "Stopped. " : "";
    this.find("[data-result-title]").textContent = `${stopped}${TITLES[this.dataset.do].done}: ${counts.accepted} of ${total}`;
    this.find("[data-result-title]").focus();
    this.find(".result-targets").hidden = targets.length === 0;
    this.find(".result-targets tbody").replaceChildren(...targets.map(rowOf));
    this.find("[data-left-out]").hidden = !leftOut;
    this.find("[data-left-out]").textContent = `And ${leftOut} more that are not shown here.`;
    this.busy = targets.filter(([, result]) => result === "busy").map(([id]) => id);
    this.find("[data-retry]").hidden = this.busy.length === 0;
  }
}

function rowOf([id, result]) {
  const row = document.createElement("tr");
  const name = document.createElement("th");
  name.scope = "row";
  name.className = "mono";
  name.textContent = id;
  const tone = document.createElement("span");
  tone.className = "tone";
  tone.dataset.tone = TONES[result];
  tone.textContent = WORDS[result];
  const cell = document.createElement("td");
  cell.append(tone);
  row.append(name, cell);
  return row;
}

customElements.define("connection-action", ConnectionAction);
