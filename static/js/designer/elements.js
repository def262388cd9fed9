// Elements of HTML, made of texts; never of markup.

export function make(tag, text = "", attributes = {}) {
  const made = document.createElement(tag);
  if (text) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

export function button(label, run, attributes = {}) {
  const made = make("button", label, { type: "button", class: "btn btn-small", ...attributes });
  made.addEventListener("click", run);
  return made;
}

/** A state in a word. */
export function tone(name, text) { return make("span", text, { class: "tone", "data-tone": name }); }

/** How long ago something was, ticking. */
export function ago(when) { return make("time-ago", when.replace("T", " ").replace(/(\.\d+)?Z$/, " UTC"), { datetime: when }); }
