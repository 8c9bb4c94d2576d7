// The scene as parts. A part is a node of a diagram or a row of a table; it knows its parent and has
// an `id` that no other part has: its path, or `panel:path` where an earlier panel has that path, or
// something else on the page that id.
// One that is drawn has an element `el` with a button `face`; an open one has a `body`, and `wires`
// between the parts in it. Of a body that is far or small there is a sketch only: it is `asleep`, and
// whoever asks for the face of a part in it wakes it.

class Part {
  #face;

  constructor(said) { Object.assign(this, said); }

  get face() {
    if (!drawn(this)) this.wake?.(this);
    return this.#face;
  }

  set face(button) { this.#face = button; }

  // What is shown of what is in it: of blocks that are alike the first may stand for all.
  get inside() { return this.one ? this.children.slice(0, 1) : this.children; }
}

class Graph {
  constructor(scene) {
    this.scene = scene; this.all = []; this.byId = new Map(); this.diagrams = []; this.changes = 0;
    for (const panel of scene.panels) {
      const { name, nodes, edges } = panel;
      panel.rows = panel.rows.map((row) => new Part({ ...row, row: true, children: [] }));
      for (const row of panel.rows) this.#keep(row, name);
      const diagram = new Part({ children: nodes, parent: null, open: true });
      const walk = [];
      this.#adopt(diagram, name, walk);
      for (const [tail, head = tail + 1, kind = "flow", label = walk[tail].aside] of edges.map((edge) => [edge].flat())) lift(walk[tail], walk[head], kind, label);
      this.diagrams.push(diagram);
    }
    for (const part of this.all) part.opened = Boolean(part.open); // as the page came
  }

  #keep(part, panel) {
    part.id = this.byId.has(part.path) || document.getElementById(part.path) ? `${panel}:${part.path}` : part.path;
    this.byId.set(part.id, part);
    this.all.push(part);
  }

  #adopt(parent, panel, walk) {
    parent.children = (parent.children ?? []).map((said) => new Part({ aside: "", ...this.scene.known[said.known].look, ...said }));
    for (const part of parent.children) {
      part.parent = parent;
      part.path ??= `${parent.path}/${part.step}`;
      this.#keep(part, panel);
      walk.push(part);
      this.#adopt(part, panel, walk);
    }
  }

  facts(part) { return this.scene.known[part.known].facts; }

  // How its numbers come about: formulas, and FLOPs by every convention.
  explained(part) { return this.scene.explained[this.scene.known[part.known].why]; }

  // What a box says of its costs, less what its colour says.
  costs(part, quantity) {
    const costs = this.scene.known[part.known].costs.filter(([key]) => key !== quantity?.key);
    return costs.map(([, words]) => words).join(", ");
  }

  heat(part, quantity) { return quantity && this.scene.known[part.known].heat[quantity.name]; }

  // What is shown, in the order of the forward pass, in sketches too.
  get shown() { return shown([...this.scene.panels.flatMap((panel) => panel.rows), ...this.diagrams.flatMap((diagram) => diagram.inside)]); }

  quantity(name) { return this.scene.quantities.find((one) => one.name === name) ?? null; }
}

// A part and all that it is in, outermost first.
function above(part) {
  const chain = [];
  for (; part; part = part.parent) chain.unshift(part);
  return chain;
}

// Open all that a part is in; give the outermost that was closed, or showed another part in its place.
function uncover(part) {
  const chain = above(part), hides = (box, i) => box.one && box.children[0] !== chain[i + 1];
  const changed = chain.slice(0, -1).filter((box, i) => !box.open || hides(box, i));
  chain.slice(0, -1).forEach((box, i) => { box.open = true; if (hides(box, i)) box.one = false; });
  return changed[0];
}

const opened = (part) => (part.open ? [part, ...part.inside.flatMap(opened)] : []);
const isOp = (part) => !part.children.length && !part.parts && part.role !== "block";
const drawn = (part) => Boolean(part?.el?.isConnected);
const shown = (parts) => parts.flatMap((part) => [part, ...(part.open ? shown(part.inside) : [])]);

// The arrows between what is shown of a box: what leaves the last of parts that are alike leaves the one.
function linksOf({ links = [], one, children }) {
  if (!one) return links;
  const [first] = children, last = children.at(-1), found = new Map();
  for (const link of links) {
    const tail = link.tail === last && link.head.port ? first : link.tail;
    if ((tail === first || tail.port) && (link.head === first || link.head.port)) found.set(`${tail.port} ${link.head.port}`, { ...link, tail });
  }
  return [...found.values()];
}

function port(part, side, shape) {
  part.ports ??= {};
  return (part.ports[side] ??= { port: side, shape });
}

function link(container, tail, head, kind, label) {
  const links = (container.links ??= []);
  const twin = links.find((other) => other.tail === tail && other.head === head);
  if (!twin) links.push({ tail, head, kind, label });
  else if (twin.kind !== kind) twin.kind = "flow"; // closed boxes carry both: it is the data
}

// An edge is drawn where both its ends are siblings; on the way down to its ends it runs through the
// ports of the boxes between.
function lift(tail, head, kind, label) {
  const tails = above(tail), heads = above(head);
  let level = 0;
  while (tails[level] && tails[level] === heads[level]) level++;
  if (!tails[level] || !heads[level]) return;
  link(tails[level - 1], tails[level], heads[level], kind, label);
  for (let i = level; i < tails.length - 1; i++) link(tails[i], tails[i + 1], port(tails[i], "out", label), "flow", label);
  for (let i = level; i < heads.length - 1; i++) link(heads[i], port(heads[i], "in", label), heads[i + 1], kind, label);
  (tails.at(-1).to ??= []).push([heads.at(-1), kind, label]);
  (heads.at(-1).from ??= []).push([tails.at(-1), kind, label]);
}
