// What a message must be before it is sent.

import { jsonProblem } from "../json.js";

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** What is wrong with `text` as a message of `kind` (text, json or base64), in a sentence; empty if nothing is. */
export function check(kind, text) {
  if (kind === "json") return jsonProblem(text);
  if (kind === "base64" && !BASE64.test(text.replace(/\s/g, ""))) {
    return "This is not Base64: letters, digits, + and /, in groups of four, = at the end.";
  }
  return "";
}
