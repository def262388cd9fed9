// The test client's page. <client-tabs> holds tabs; each is a <ws-client>, which says over a socket of its own what the
// server is to do, see dashboard/client.py. A new tab takes over what is set in the present one.

import { format } from "../json.js";
import { Log } from "./log.js";
import { check } from "./messages.js";
import { SavedMessages } from "./saved.js";

let number = 0;

class ClientTabs extends HTMLElement {
  connectedCallback() {
    this.list = this.querySelector("[role=tablist]");
    this.panels = this.querySelector(".client-panels");
    this.saved = new SavedMessages(this.dataset.savedUrl, JSON.parse(document.getElementById("client-saved").textContent));
    this.querySelector("[data-new-tab]").addEventListener("click", () => this.add(this.current()?.settings()));
    this.list.addEventListener("keydown", (event) => this.move(event));
    this.add({ api: this.dataset.api, stage: this.dataset.stage, message: this.dataset.message });
  }

  current() { return this.panels.querySelector("ws-client:not([hidden])"); }

  add(settings) {
    const panel = this.querySelector("template[data-panel]").content.firstElementChild.cloneNode(true);
    const tab = document.createElement("button");
    const id = ++number;
    Object.assign(tab, { type: "button", id: `tab-${id}`, textContent: `Connection ${id}` });
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", `panel-${id}`);
    tab.addEventListener("click", () => this.show(tab));
    panel.id = `panel-${id}`;
    panel.setAttribute("aria-labelledby", tab.id);
    panel.settle = { settings, saved: this.saved, socket: this.dataset.socket, pair: this.querySelector("template[data-pair]"), tab };
    this.list.append(tab);
    this.panels.append(panel);
    this.show(tab);
  }

  show(tab) {
    for (const each of this.list.children) {
      const selected = each === tab;
      each.setAttribute("aria-selected", selected);
      each.tabIndex = selected ? 0 : -1;
      document.getElementById(each.getAttribute("aria-controls")).hidden = !selected;
    }
  }

  move(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const tabs = [...this.list.children];
    if (!step || tabs.length < 2) return;
    const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length];
    this.show(next);
    next.focus();
  }
}

class WsClient extends HTMLElement {
  connectedCallback() {
    if (this.log) return;
    this.apis = JSON.parse(document.getElementById("client-apis").textContent);
    this.log = new Log(this);
    this.label();
    this.fillTargets();
    this.listen();
    this.settle.saved.show(this.one("[data-saved]"), (message) => this.compose(message));
  }

  disconnectedCallback() { this.socket?.close(); }

  one(selector) { return this.querySelector(selector); }

  /** Give each label of the cloned template its control. */
  label() {
    for (const label of this.querySelectorAll("label:not(.field-check)")) {
      const control = label.parentElement.querySelector("input, select:not([aria-label]), textarea") ?? this.one("[data-message]");
      const target = label.textContent === "Message" ? this.one("[data-message]") : control;
      target.id ||= `${this.id}-${[...this.querySelectorAll("input, select, textarea")].indexOf(target)}`;
      label.htmlFor = target.id;
    }
  }

  // where to connect

  fillTargets() {
    const { settings = {} } = this.settle;
    const api = this.one("[data-api]");
    api.replaceChildren(...this.apis.map((each) => new Option(`${each.name} (${each.api_id})`, each.api_id)));
    if (settings.api) api.value = settings.api;
    if (!api.value) api.selectedIndex = 0;
    this.fillStages();
    if (settings.stage) this.one("[data-stage]").value = settings.stage;
    if (!this.one("[data-stage]").value) this.one("[data-stage]").selectedIndex = 0;
    for (const kind of ["query", "headers"]) for (const pair of settings[kind] ?? []) this.addPair(kind, pair);
    this.one("[data-subprotocols]").value = settings.subprotocols ?? "";
    this.one("[data-message]").value = settings.message || '{"action": "hello"}';
    this.one("[data-kind]").value = settings.kind ?? "text";
    this.showAddress();
  }

  fillStages() {
    const api = this.apis.find((each) => each.api_id === this.one("[data-api]").value);
    this.one("[data-stage]").replaceChildren(...(api?.stages ?? []).map((name) => new Option(name)));
  }

  showAddress() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const query = new URLSearchParams(this.pairs("query")).toString();
    const path = `/ws/${this.one("[data-api]").value}/${this.one("[data-stage]").value}`;
    this.one("[data-address]").textContent = `${scheme}://${location.host}${path}${query ? `?${query}` : ""}`;
    for (const kind of ["query", "headers"]) this.one(`[data-count=${kind}]`).textContent = this.pairs(kind).length || "";
  }

  addPair(kind, [name, value] = ["", ""]) {
    const row = this.settle.pair.content.firstElementChild.cloneNode(true);
    const what = kind === "query" ? "parameter" : "header";
    const [nameInput, valueInput] = row.querySelectorAll("input");
    Object.assign(nameInput, { value: name, placeholder: "Name", ariaLabel: `Name of the ${what}` });
    Object.assign(valueInput, { value, placeholder: "Value", ariaLabel: `Value of the ${what}` });
    row.querySelector("[data-remove]").ariaLabel = `Remove the ${what}`;
    this.one(`[data-pairs=${kind}]`).append(row);
    return nameInput;
  }

  pairs(kind) {
    const rows = [...this.one(`[data-pairs=${kind}]`).children];
    return rows.map((row) => [...row.querySelectorAll("input")].map((input) => input.value)).filter(([name]) => name);
  }

  settings() {
    return {
      api: this.one("[data-api]").value, stage: this.one("[data-stage]").value,
      query: this.pairs("query"), headers: this.pairs("headers"), subprotocols: this.one("[data-subprotocols]").value,
      message: this.one("[data-message]").value, kind: this.one("[data-kind]").value,
    };
  }

  // what one does

  listen() {
    this.one("[data-connect]").addEventListener("submit", (event) => { event.preventDefault(); this.open(); });
    this.one("[data-api]").addEventListener("change", () => this.fillStages());
    this.one("[data-connect]").addEventListener("input", () => this.showAddress());
    for (const button of this.querySelectorAll("[data-add]")) {
      button.addEventListener("click", () => this.addPair(button.dataset.add).focus());
    }
    this.addEventListener("click", (event) => {
      if (!event.target.closest("[data-remove]")) return;
      event.target.closest(".client-pair").remove();
      this.showAddress();
    });
    this.one("[data-ping]").addEventListener("click", () => this.say({ do: "ping" }));
    this.one("[data-close]").addEventListener("click", () => this.close());
    this.one("[data-send-form]").addEventListener("submit", (event) => { event.preventDefault(); this.send(); });
    this.one("[data-message]").addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); this.send(); }
    });
    this.one("[data-message]").addEventListener("input", () => this.checkMessage());
    this.one("[data-kind]").addEventListener("change", () => this.checkMessage());
    this.one("[data-format]").addEventListener("click", () => {
      const message = this.one("[data-message]");
      message.value = format(message.value);
      this.checkMessage();
    });
    this.one("[data-save]").addEventListener("click", () => {
      this.settle.saved.ask({ text: this.one("[data-message]").value, binary: this.one("[data-kind]").value === "base64" });
    });
  }

  open() {
    const wanted = {
      do: "open", apiId: this.one("[data-api]").value, stage: this.one("[data-stage]").value,
      headers: this.pairs("headers"), query: this.pairs("query"),
      subprotocols: this.one("[data-subprotocols]").value.split(",").map((each) => each.trim()).filter(Boolean),
      accessKeyId: this.one("[data-key-id]").value.trim(), secretAccessKey: this.one("[data-secret]").value,
    };
    this.say(wanted);
  }

  close() {
    this.say({ do: "close", code: Number(this.one("[data-code]").value), reason: this.one("[data-reason]").value });
    this.one(".client-close").open = false;
  }

  send() {
    const text = this.one("[data-message]").value;
    if (!this.checkMessage()) return;
    this.say({ do: "send", ...(this.one("[data-kind]").value === "base64" ? { base64: text.replace(/\s/g, "") } : { text }) });
    if (this.one("[data-clear-sent]").checked) this.one("[data-message]").value = "";
  }

  compose(message) {
    this.one("[data-message]").value = message.text;
    this.one("[data-kind]").value = message.binary ? "base64" : "text";
    this.checkMessage();
    this.one("[data-message]").focus();
  }

  checkMessage() {
    const problem = check(this.one("[data-kind]").value, this.one("[data-message]").value);
    this.one("[data-problem]").textContent = problem;
    this.one("[data-message]").setAttribute("aria-invalid", Boolean(problem));
    return !problem;
  }

  // the socket to the server's side of this tab

  /** What is sent while it connects goes out once it is connected. */
  say(message) {
    if (message.do === "open") this.dial(message);
    else if (this.waiting && message.do === "send") this.waiting.push(message);
    else if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
    else this.take({ event: "failed", at: Date.now(), message: "Connect first." });
  }

  dial(message) {
    this.waiting = [];
    if (this.socket?.readyState === WebSocket.OPEN) {
      this.socket.send(JSON.stringify(message));
      return;
    }
    this.socket = new WebSocket(new URL(this.settle.socket, location.href.replace(/^http/, "ws")));
    this.socket.addEventListener("open", () => this.socket.send(JSON.stringify(message)));
    this.socket.addEventListener("message", (event) => this.take(JSON.parse(event.data)));
    this.socket.addEventListener("close", (event) => {
      if (event.code === 4401) location.reload();
      this.show("quiet", "not connected");
      this.release(false);
    });
  }

  /** Say what was held back while it connected; or, where there is no connection, that it was not sent. */
  release(isOpen) {
    const held = this.waiting ?? [];
    this.waiting = null;
    if (isOpen) held.forEach((message) => this.say(message));
    else if (held.length) this.take({ event: "failed", at: Date.now(), message: `Not sent for want of a connection: ${held.map(({ text, base64 }) => text ?? base64).join(", ")}` });
  }

  take(event) {
    this.log.add(event);
    if (["open", "refused", "closed", "failed"].includes(event.event)) this.release(event.event === "open");
    const states = {
      opening: ["wait", "connecting"], open: ["good", "connected"], refused: ["bad", `refused with ${event.status}`],
      closed: ["quiet", `closed with ${event.code}`],
    };
    if (event.event === "failed" && event.message?.startsWith("No connection")) states.failed = ["bad", "no connection"];
    if (states[event.event]) this.show(...states[event.event]);
  }

  show(tone, text) {
    const open = text === "connected";
    const state = this.one("[data-state]");
    state.dataset.tone = tone;
    state.textContent = text;
    this.settle.tab.dataset.state = tone;
    this.one("[data-ping]").disabled = !open;
    this.one(".client-close summary").setAttribute("aria-disabled", !open);
    this.one("[data-open]").lastChild.textContent = open ? " Connect again" : " Connect";
  }
}

customElements.define("ws-client", WsClient);
customElements.define("client-tabs", ClientTabs);
