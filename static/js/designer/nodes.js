// A node as SVG: a box with an icon and two lines of text, ports that edges are drawn from and to, a badge where something
// is wrong, a mark while the draft is compared.

import { classes, element, set } from "./svg.js";
import { DETAIL, FAR_LABEL, LABEL, MAIN_LABEL } from "./texts.js";

const MARKS = { added: "+", changed: "~", removed: "−" };

export function makeNode(node) {
  const root = element("g", { class: `node node-${node.kind}`, role: "button", tabindex: "-1", "data-key": node.key });
  const drawn = {
    root,
    box: element("rect", { class: "node-box", width: node.width, height: node.height, rx: 11 }),
    tile: element("rect", { class: "node-tile", x: 13, y: 15, width: 34, height: 34, rx: 9 }),
    icon: element("use", { class: "node-icon", x: 20, y: 22, width: 20, height: 20, href: `#designer-${node.kind}` }),
    label: element("text", { class: "node-label", x: 58, y: 28 }),
    detail: element("text", { class: "node-detail", x: 58, y: 46 }),
    title: element("title"),
  };
  root.append(drawn.title, drawn.box, drawn.tile, drawn.icon, drawn.label, drawn.detail);
  if (node.kind === "route") {
    drawn.way = element("use", { class: "node-way", x: node.width - 31, y: 12, width: 18, height: 18 });
    root.append(drawn.way);
  }
  if (hasOutPort(node)) root.append(port("out", node.width, node.height / 2));
  if (node.kind === "integration") root.append(port("in", 0, node.height / 2));
  drawn.badge = element("g", { class: "node-badge", transform: `translate(${node.width - 8} 4)` });
  drawn.badge.append(element("circle", { r: 10 }), element("text", { y: 4.5 }));
  drawn.mark = element("g", { class: "node-mark", transform: "translate(10 0)" });
  drawn.mark.append(element("rect", { x: -10, y: -10, width: 20, height: 20, rx: 6 }), element("text", { y: 5 }));
  root.append(drawn.badge, drawn.mark);
  return drawn;
}

/** Show a node in what was made for it; its texts are measured by `texts`. */
export function fillNode(drawn, node, texts, { isFar }) {
  drawn.node = { ...node }; // which is moved while it is dragged
  place(drawn, node);
  const worst = node.problems.some((problem) => problem.severity === "error") ? "error" : node.problems.length ? "warning" : "";
  const said = [node.name, node.mark && `${node.mark} since the deployment`, ...node.problems.map((problem) => problem.message)];
  drawn.root.setAttribute("aria-label", said.filter(Boolean).join(". "));
  drawn.root.setAttribute("class", classes("node", `node-${node.kind}`, worst && `has-${worst}`, node.mark && `is-${node.mark}`, node.twoWay && "is-two-way"));
  writeLabel(drawn, texts, { isFar });
  writeDetail(drawn, texts);
  drawn.title.textContent = [`${node.label} · ${node.detail}`, ...node.problems.map((problem) => problem.message)].join("\n");
  drawn.way?.setAttribute("href", `#designer-${node.twoWay ? "two-way" : "one-way"}`);
  drawn.badge.lastChild.textContent = worst ? "!" : "";
  drawn.mark.lastChild.textContent = MARKS[node.mark] ?? "";
}

/** The label: larger, and with the room of what is not shown, where the picture is far away. */
export function writeLabel({ label, node }, texts, { isFar }) {
  const room = node.kind === "route" && !isFar ? 92 : 66;
  texts.write(label, node.label, node.width - room, isFar ? FAR_LABEL : fontOfLabel(node));
}

/** The line beneath the label: what the node is, or what flows through it. */
function writeDetail({ detail, node }, texts, told = undefined) {
  texts.write(detail, told ?? detailOf(node), node.width - 66, DETAIL);
}

/** Show what flows through a node now, if that is known. */
export function setLiveNode(drawn, texts, told) {
  writeDetail(drawn, texts, told?.text);
  set(drawn.root, "data-live", told?.state);
}

export function place({ root }, { x, y }) { root.setAttribute("transform", `translate(${x} ${y})`); }

export function hasOutPort({ kind }) { return kind === "selector" || kind === "route"; }

function fontOfLabel({ kind }) { return ["route", "client"].includes(kind) ? MAIN_LABEL : LABEL; }

/** An arrow shows that a route is one-way; that it is two-way is said first. */
function detailOf(node) {
  const detail = node.detail.replace(/, (one|two)-way/, "");
  return node.twoWay && node.kind === "route" ? `two-way · ${detail}` : detail;
}

function port(side, x, y) {
  const root = element("g", { class: `port port-${side}`, transform: `translate(${x} ${y})` });
  root.append(element("circle", { class: "port-reach", r: 15 }), element("circle", { class: "port-dot", r: 6 }));
  return root;
}
