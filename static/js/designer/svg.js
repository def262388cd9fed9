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

/** Make what is new, fill everything, remove what is gone; in the order of the items. */
export function sync(drawn, items, parent, make, fill) {
  const left = new Set(drawn.keys());
  for (const item of items) {
    left.delete(item.key);
    if (!drawn.has(item.key)) {
      drawn.set(item.key, make(item));
      parent.append(drawn.get(item.key).root);
    }
  }
  for (const key of left) {
    drawn.get(key).root.remove();
    drawn.delete(key);
  }
  for (const item of items) fill(drawn.get(item.key), item);
}
