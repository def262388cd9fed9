// JSON for people: where its first mistake is, and the same text made readable. Browsers tell the place of a mistake in
// words of their own or not at all, so it is found by a scanner of the grammar (RFC 8259).

const SPACE = /[ \t\n\r]*/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const ATOM = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/** What is wrong with `text` as JSON, with line and column, in a sentence; empty if nothing is. */
export function jsonProblem(text) {
  try {
    JSON.parse(text);
    return "";
  } catch {
    const { position, expected } = firstMistake(text);
    const before = text.slice(0, position).split("\n");
    const found = position < text.length ? `, not ${JSON.stringify(text[position])}` : ", but the text ends";
    return `Not JSON: line ${before.length}, column ${before.at(-1).length + 1}: expected ${expected}${found}.`;
  }
}

/** JSON with line breaks and indents; any other text as it is. */
export function format(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function firstMistake(text) {
  let at = 0;
  const skip = (pattern) => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found) at = pattern.lastIndex;
    return Boolean(found);
  };
  const mistake = (expected) => { throw { position: at, expected }; };
  const take = (character, expected) => {
    skip(SPACE);
    if (text[at] !== character) mistake(expected);
    at += 1;
  };
  const has = (character) => {
    skip(SPACE);
    return text[at] === character;
  };
  const members = (end, member) => {
    at += 1;
    if (!has(end)) {
      member();
      while (has(",")) { at += 1; member(); }
    }
    take(end, `, or ${end}`);
  };
  const pair = () => {
    skip(SPACE);
    if (!skip(STRING)) mistake('a name in double quotes');
    take(":", "a colon");
    value();
  };
  const value = () => {
    if (has("{")) members("}", pair);
    else if (has("[")) members("]", value);
    else if (!skip(STRING) && !skip(ATOM)) mistake("a value");
  };
  try {
    value();
    skip(SPACE);
    return { position: at, expected: "the end" };
  } catch (error) {
    if (error.position === undefined) throw error;
    return error;
  }
}
