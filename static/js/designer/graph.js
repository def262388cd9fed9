// An API's picture as data, without a document: what leads where, which node is beside which, folding many routes.
// Graphs are what GET /api/v1/apis/{apiId}/graph answers.

export const KINDS = ["client", "selector", "authorizer", "route", "group", "integration", "backend"];
const RESERVED = ["$connect", "$disconnect", "$default"];
const ROW = 84;
export const GROUP = "group/routes";
const GROUP_OF_INTEGRATIONS = "group/integrations";

/** A graph with its nodes by key, and the edges that leave and reach each. */
export class Picture {
  constructor(graph) {
    this.graph = graph;
    this.nodes = graph.nodes;
    this.edges = graph.edges;
    this.byKey = new Map(graph.nodes.map((node) => [node.key, node]));
    this.leaving = groupBy(graph.edges, (edge) => edge.source);
    this.reaching = groupBy(graph.edges, (edge) => edge.target);
  }

  node(key) { return this.byKey.get(key); }

  ofKind(kind) { return this.nodes.filter((node) => node.kind === kind); }

  /** The integration that a route leads to, if there is one. */
  integrationOf(route) {
    const edge = (this.leaving.get(route) ?? []).find((each) => each.kind === "target");
    return edge && this.byKey.get(edge.target);
  }

  routesOf(integration) {
    return (this.reaching.get(integration) ?? []).filter((edge) => edge.kind === "target").map((edge) => this.byKey.get(edge.source));
  }

  /** Keys of the nodes and edges that a message may pass on its way through a node. */
  through(key) {
    const found = new Set([key]);
    const walk = (from, edgesOf, end) => {
      for (const edge of edgesOf.get(from) ?? []) {
        found.add(edge.key);
        if (!found.has(edge[end])) {
          found.add(edge[end]);
          walk(edge[end], edgesOf, end);
        }
      }
    };
    walk(key, this.leaving, "target");
    walk(key, this.reaching, "source");
    return found;
  }

  /** The smallest box around all nodes. */
  get box() { return boxOf(this.nodes); }

  /** The same around routes and what they lead to. */
  get core() {
    const nodes = this.nodes.filter((node) => ["route", "group", "integration"].includes(node.kind));
    return boxOf(nodes.length ? nodes : this.nodes);
  }

  /** The same around a node and those that it is connected to; of the selector, which leads everywhere, only itself. */
  around(key) {
    const node = this.byKey.get(key);
    const before = (this.reaching.get(key) ?? []).map((edge) => this.byKey.get(edge.source));
    const after = (this.leaving.get(key) ?? []).map((edge) => this.byKey.get(edge.target));
    return boxOf(node.kind === "selector" ? [node] : [node, ...before, ...after]);
  }

  /** The smallest box around some of the nodes. */
  boxAround(keys) { return boxOf(keys.map((key) => this.byKey.get(key)).filter(Boolean)); }

  /** The node that an arrow key leads to: along the column, or along a connection and else to the nearest column. */
  beside(key, direction) {
    const from = this.byKey.get(key);
    if (!from) return this.nodes[0];
    if (direction === "up" || direction === "down") return this.#along(from, direction === "up" ? -1 : 1);
    return this.#across(from, direction === "left" ? -1 : 1);
  }

  /** The first or the last node of a node's column. */
  endOfColumn(key, last) {
    const column = this.#column(this.byKey.get(key).kind);
    return column[last ? column.length - 1 : 0];
  }

  #along(from, step) {
    const column = this.#column(from.kind);
    return column[column.indexOf(from) + step];
  }

  #across(from, step) {
    const edges = step > 0 ? this.leaving.get(from.key) : this.reaching.get(from.key);
    const linked = (edges ?? []).map((edge) => this.byKey.get(step > 0 ? edge.target : edge.source));
    if (linked.length) return nearest(linked, from.y);
    for (let at = KINDS.indexOf(from.kind) + step; KINDS[at]; at += step) {
      const column = this.#column(KINDS[at]);
      if (column.length) return nearest(column, from.y);
    }
    return undefined;
  }

  #column(kind) { return this.ofKind(kind).sort((a, b) => a.y - b.y || a.x - b.x); }
}

/** The nodes that a text is found in, those first whose label begins with it. */
export function search(picture, text) {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return [];
  const found = picture.nodes.filter((node) => `${node.label} ${node.detail} ${node.name} ${node.id}`.toLowerCase().includes(wanted));
  return found.sort((a, b) => b.label.toLowerCase().startsWith(wanted) - a.label.toLowerCase().startsWith(wanted));
}

/** Routes with names of their own. */
export function customRoutes(graph) {
  return graph.nodes.filter((node) => node.kind === "route" && !RESERVED.includes(node.label));
}

/** The graph with all custom routes as one node, and the integrations that only they lead to as another one. */
export function folded(graph) {
  const routes = customRoutes(graph);
  if (routes.length < 2) return graph;
  const hidden = new Map(routes.map((route) => [route.key, GROUP]));
  const sources = groupBy(graph.edges.filter((edge) => edge.kind === "target"), (edge) => edge.target);
  const integrations = graph.nodes.filter(
    (node) => node.kind === "integration" && sources.has(node.key) && sources.get(node.key).every((edge) => hidden.has(edge.source)),
  );
  if (integrations.length > 1) for (const each of integrations) hidden.set(each.key, GROUP_OF_INTEGRATIONS);
  const groups = [groupNode(GROUP, routes, "custom routes")];
  if (integrations.length > 1) groups.push(groupNode(GROUP_OF_INTEGRATIONS, integrations, "integrations"));
  return {
    ...graph,
    nodes: stacked([...graph.nodes.filter((node) => !hidden.has(node.key)), ...groups]),
    edges: mergedEdges(graph.edges, hidden),
  };
}

function groupNode(key, members, what) {
  const wrong = members.filter((node) => node.problems.length).length;
  const severity = members.some((node) => node.problems.some((problem) => problem.severity === "error")) ? "error" : "warning";
  return {
    ...members[0],
    key,
    kind: "group",
    id: "",
    label: `${members.length} ${what}`,
    detail: "folded: open to see them",
    name: `${members.length} ${what}, folded`,
    twoWay: members.some((node) => node.twoWay),
    stored: false,
    problems: wrong ? [{ code: "folded", severity, message: `${wrong} of them have problems.` }] : [],
    members: members.map((node) => node.key),
  };
}

function mergedEdges(edges, hidden) {
  const merged = new Map();
  for (const edge of edges) {
    const source = hidden.get(edge.source) ?? edge.source;
    const target = hidden.get(edge.target) ?? edge.target;
    const key = `${source}>${target}`;
    const known = merged.get(key);
    if (known) known.twoWay ||= edge.twoWay;
    else merged.set(key, { ...edge, key, source, target });
  }
  return [...merged.values()];
}

/** Columns without gaps: the order stays, the rows close up. */
function stacked(nodes) {
  const columns = groupBy(nodes, (node) => node.x);
  const most = Math.max(...[...columns.values()].map((column) => column.length));
  for (const [x, column] of columns) {
    const top = ((most - column.length) * ROW) / 2;
    column.sort((a, b) => a.y - b.y).forEach((node, row) => { column[row] = { ...node, x, y: top + row * ROW }; });
  }
  return [...columns.values()].flat();
}

/**
 * Two pictures in one: the draft, with what a deployment has besides as ghosts, each node marked by what has happened
 * to it since. `changes` are those of the draft's description, each with the `node` that it is about.
 */
export function compared(draft, earlierGraph, changes) {
  const deployed = underKeysOf(draft, earlierGraph);
  const marks = new Map();
  for (const { node, action, kind } of changes) {
    if (!node) continue;
    const whole = kind === "Route" || kind === "Integration" || kind === "Authorizer";
    marks.set(node, whole && action !== "changed" ? action : marks.get(node) ?? "changed");
  }
  const there = new Set(draft.nodes.map((node) => node.key));
  const edges = new Set(draft.edges.map((edge) => edge.key));
  const earlier = new Set(deployed.edges.map((edge) => edge.key));
  const ghosts = deployed.nodes.filter((node) => !there.has(node.key)).map((node) => ({ ...node, mark: "removed", problems: [] }));
  return {
    ...draft,
    nodes: [...draft.nodes.map((node) => ({ ...node, mark: marks.get(node.key) })), ...placedBeneath(ghosts, draft.nodes)],
    edges: [
      ...draft.edges.map((edge) => ({ ...edge, mark: earlier.has(edge.key) ? undefined : "added" })),
      ...deployed.edges.filter((edge) => !edges.has(edge.key)).map((edge) => ({ ...edge, mark: "removed" })),
    ],
  };
}

/** A graph with the draft's keys for routes and authorizers that bear the same name: made anew, they are the same still. */
function underKeysOf(draft, graph) {
  const nameOf = ({ kind, label }) => ["route", "authorizer"].includes(kind) && `${kind} ${label}`;
  const named = new Map(draft.nodes.map((node) => [nameOf(node), node.key]));
  const keys = new Map(graph.nodes.map((node) => [node.key, (nameOf(node) && named.get(nameOf(node))) || node.key]));
  const edges = graph.edges.map((edge) => ({ ...edge, source: keys.get(edge.source), target: keys.get(edge.target) }));
  return {
    ...graph,
    nodes: graph.nodes.map((node) => ({ ...node, key: keys.get(node.key) })),
    edges: edges.map((edge) => ({ ...edge, key: `${edge.source}>${edge.target}` })),
  };
}

/** Ghosts keep their column and stand beneath what is there. */
function placedBeneath(ghosts, nodes) {
  return ghosts.map((ghost) => {
    const column = nodes.filter((node) => node.kind === ghost.kind);
    const x = column[0]?.x ?? ghost.x;
    const earlier = ghosts.slice(0, ghosts.indexOf(ghost)).filter((each) => each.kind === ghost.kind).length;
    const bottom = Math.max(-ROW, ...column.map((node) => node.y));
    return { ...ghost, x, y: bottom + (earlier + 1) * ROW };
  });
}

function boxOf(nodes) {
  const left = Math.min(...nodes.map((node) => node.x));
  const top = Math.min(...nodes.map((node) => node.y));
  const right = Math.max(...nodes.map((node) => node.x + node.width));
  const bottom = Math.max(...nodes.map((node) => node.y + node.height));
  return { x: left, y: top, width: right - left, height: bottom - top };
}

function nearest(nodes, y) {
  return nodes.reduce((best, node) => (Math.abs(node.y - y) < Math.abs(best.y - y) ? node : best));
}

function groupBy(items, keyOf) {
  const groups = new Map();
  for (const item of items) {
    const key = keyOf(item);
    if (groups.has(key)) groups.get(key).push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
