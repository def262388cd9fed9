// Elements of SVG.

const SVG = "http://www.w3.org/2000/svg";

export function element(name, attributes = {}) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

/** Set an attribute, or remove it where there is no value. */
export function set(target, name, value) {
  if (value) target.setAttribute(name, value);
  else target.removeAttribute(name);
}

/** Those names that hold, as a `class`. */
export function classes(...names) { return names.filter(Boolean).join(" "); }
