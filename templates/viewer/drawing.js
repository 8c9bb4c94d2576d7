// Parts as boxes of the page. The browser lays them out; arrows are measured from them afterwards.

const VECTOR = document.querySelector("svg").namespaceURI;
function make(name, attributes = {}, ...inside) {
  const made = ["svg", "path", "title"].includes(name) ? document.createElementNS(VECTOR, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...inside.filter((item) => item !== null && item !== undefined && item !== ""));
  return made;
}
const text = (style, words) => (words ? make("span", { class: style }, words) : null);
const times = (part) => (part.repeats > 1 ? text("times", `× ${part.repeats}`) : null);

const COLUMN = 372; // pixels of a block and the gap beside it

class Drawing {
  constructor(graph, canvas, room) {
    Object.assign(this, { graph, canvas, room, quantity: null, selected: null, hits: new Set(), byFace: new WeakMap() });
    for (const [index, place] of [...canvas.querySelectorAll(".panel")].entries()) {
      graph.diagrams[index].place = place.querySelector(".diagram");
      const faces = place.querySelectorAll(".row");
      graph.scene.panels[index].rows.forEach((row, i) => {
        Object.assign(row, { face: faces[i], el: faces[i].closest("tr") });
        this.byFace.set(row.face, row);
      });
    }
    this.diagrams = graph.diagrams.filter((diagram) => diagram.place);
  }

  all() {
    for (const diagram of this.diagrams) diagram.place.replaceChildren(this.#fill(diagram));
    this.#wire(this.diagrams.flatMap(opened));
  }

  again(part) {
    const focused = document.activeElement === part.face, old = part.el;
    old.replaceWith(this.#show(part));
    this.#wire([...above(part.parent), ...opened(part)]);
    if (focused) part.face.focus({ preventScroll: true });
  }

  colour(quantity) {
    this.quantity = quantity;
    const table = this.graph.scene.panels.some((panel) => panel.rows.length); // which is coloured in place of boxes
    this.canvas.classList.toggle("heated", Boolean(quantity) && !table);
    for (const part of this.graph.all) if (drawn(part)) this.#paint(part);
    for (const head of this.canvas.querySelectorAll("th.heat")) {
      head.hidden = !quantity;
      head.textContent = quantity?.words ?? "";
    }
    this.#wire(this.diagrams.flatMap(opened));
  }

  // Move the names of open boxes that begin left of the view to where they are seen.
  name({ left, top, right, bottom }, zoom) {
    const moved = [];
    for (const part of this.graph.all) {
      if (!part.body || !drawn(part)) continue;
      const face = part.face.getBoundingClientRect(), out = left - face.left;
      if (out <= 0 && !part.shift || face.top > bottom || face.bottom < top || face.left > right || face.right < left) continue;
      const [name, shape] = [".name", ".shape"].map((one) => part.face.querySelector(one).getBoundingClientRect());
      const room = shape.left - (name.right - (part.shift ?? 0) * zoom) - 60;
      moved.push([part, Math.max(0, Math.min(out, room)) / zoom]);
    }
    for (const [part, shift] of moved) {
      part.shift = shift;
      part.face.style.setProperty("--shift", `${shift}px`);
    }
  }

  select(part) {
    const before = this.selected;
    this.selected = part;
    for (const one of [before, part]) if (drawn(one)) this.#dress(one);
  }

  mark(hits) {
    this.hits = hits;
    for (const part of this.graph.all) if (drawn(part)) this.#dress(part);
  }

  #dress(part) {
    const chosen = part === this.selected, el = part.row ? part.face : part.el;
    el.classList.toggle("selected", chosen);
    el.classList.toggle("hit", this.hits.has(part));
    part.face.tabIndex = chosen ? 0 : -1;
    if (chosen) part.face.setAttribute("aria-current", "true");
    else part.face.removeAttribute("aria-current");
  }

  #show(part) {
    const parent = part.parent.path, leaf = !part.children.length, op = leaf && !part.parts && part.role !== "block";
    const local = parent && part.path.startsWith(`${parent}/`) ? part.path.slice(parent.length + 1) : "";
    const chip = part.role === "stage" ? "stage" : op ? local : "";
    const top = make("span", { class: "top" },
      leaf ? null : make("span", { class: "sign", "aria-hidden": "true" }), text("chip", chip),
      text("name", part.title), times(part), text("word", part.mark), text("shape", part.aside));
    const tooltip = [part.path, ...this.graph.facts(part).map(([, , words]) => words)].join("\n");
    part.face = make("button", { type: "button", class: "face", title: tooltip }, top);
    if (!part.open) {
      part.face.append(...(part.lines ?? []).map((line) => text("line", line)));
      if (part.parts) part.face.append(make("span", { class: "inside" }, ...part.parts.map((piece) =>
        make("span", { class: "piece" },
          piece.title && make("span", { class: "name" }, piece.title, times(piece)),
          ...piece.lines.map((line) => text("line", line))))));
    }
    const state = op ? "op" : part.open && !leaf ? "open" : "closed";
    part.el = make("div", { class: `part ${part.role} ${state}${part.mark ? ` marked ${part.mark}` : ""}` }, part.face);
    if (!leaf) part.face.setAttribute("aria-expanded", String(Boolean(part.open)));
    this.byFace.set(part.face, part);
    part.shift = 0;
    this.#paint(part);
    part.body = null;
    if (part.open && !leaf) part.el.append(this.#fill(part));
    this.#dress(part);
    return part.el;
  }

  // Say and colour what the quantity is of a part that is drawn.
  #paint(part) {
    const heat = this.graph.heat(part, this.quantity);
    const el = part.row ? part.el.querySelector("td.heat") : part.el;
    if (part.row) {
      el.hidden = !this.quantity;
      el.textContent = heat?.[1] ?? "";
    } else {
      for (const old of part.face.querySelectorAll(":scope > :is(.cost, .warmth)")) old.remove();
      const costs = text("cost", this.graph.costs(part, this.quantity));
      part.face.append(...[costs, text("warmth", heat?.[1])].filter(Boolean));
    }
    for (const [name, of] of [["--fill", "heat"], ["--on", "on"]])
      if (heat && !part.open) el.style.setProperty(name, `var(--${of}-${heat[0]})`);
      else el.style.removeProperty(name);
  }

  // The body of an open box: its layers in lanes, or its blocks in columns where they are a chain.
  #fill(box) {
    const { in: into, out } = box.ports ?? {};
    const row = [into, ...box.children, out].filter(Boolean);
    for (const one of row)
      if (one.port) one.el = make("span", { class: "port" }, `${one.port} ${one.shape}`);
      else this.#show(one);
    box.wires = make("svg", { class: "wires", "aria-hidden": "true" });
    box.body = make("div", { class: "body", role: "group", "aria-label": box.path ? `inside ${box.path}` : "diagram" }, box.wires);
    const links = box.links ?? [];
    const chain = links.every((one) => row.indexOf(one.head) - row.indexOf(one.tail) === 1);
    const apart = box.children.every((part) => !part.children.length && part.role !== "block");
    if (!chain || apart && (box.parent || links.some((one) => one.kind !== "flow"))) this.#lanes(box, row, links);
    else this.#columns(box, row);
    return box.body;
  }

  // Paths of data on tracks side by side, projection shortcut on their left, SE gate on their right.
  #lanes(box, row, links) {
    const into = new Map(row.map((part) => [part, links.filter((one) => one.head === part)]));
    const reach = (part) => Math.max(part.rank, ...links.filter((one) => one.tail === part).map((one) => one.head.rank));
    const last = { left: 0, right: 0 };
    for (const part of row) {
      const kinds = new Set(into.get(part).map((one) => one.kind));
      part.lane = kinds.size > 1 ? "track" : kinds.has("projection") ? "left" : kinds.has("gate") ? "right" : "track";
      part.rank = Math.max(last[part.lane] ?? 0, ...into.get(part).map((one) => one.tail.rank ?? 0)) + 1;
      if (part.lane !== "track") last[part.lane] = part.rank;
    }
    const tracks = []; // the last part of each
    const put = (part, track) => { part.track = track; tracks[track] = part; };
    const standing = row.filter((one) => one.lane === "track"), most = Math.max(...standing.map((one) => one.rank));
    for (let rank = 1; rank <= most; rank++) {
      const parting = []; // that do not go on in a track, but leave one
      for (const part of standing.filter((one) => one.rank === rank)) {
        const tails = into.get(part).map((one) => one.tail).filter((tail) => tail.lane === "track");
        const went = tails.filter((tail) => tracks[tail.track] === tail).map((tail) => tail.track);
        if (went.length) put(part, Math.min(...went));
        else parting.push([part, Math.min(rank - 1, ...tails.map((tail) => tail.rank))]);
      }
      for (const [part, begin] of parting) {
        const free = tracks.findIndex((end) => Math.max(end.rank, reach(end) - 1) <= begin);
        put(part, free < 0 ? tracks.length : free);
      }
    }
    const busy = (rank) => row.filter((part) => part.rank === rank || part.rank < rank && reach(part) > rank).length;
    for (const part of row) {
      part.centred = tracks.length > 1 && part.lane === "track" && busy(part.rank) === 1;
      const column = part.lane === "left" ? 1 : part.lane === "right" ? tracks.length + 2 : part.track + 2;
      part.el.style.gridArea = `${part.rank} / ${part.centred ? `2 / auto / ${tracks.length + 2}` : column}`;
      part.el.classList.add(part.lane);
      part.el.classList.toggle("centred", part.centred);
      box.body.append(part.el);
    }
    const stands = (part) => (part.centred ? part.lane : `${part.lane} ${part.track}`);
    const between = ({ tail, head }, part) => part.lane === tail.lane && part.rank > tail.rank && part.rank < head.rank &&
      (tail.centred || part.centred || part.track === tail.track);
    const passing = links.filter((one) => stands(one.tail) === stands(one.head) && row.some((part) => between(one, part)));
    const long = (one) => one.head.rank - one.tail.rank;
    const meet = (one, other) => one.tail.rank < other.head.rank && other.tail.rank < one.head.rank;
    for (const one of links) one.rail = null;
    for (const one of passing.sort((a, b) => long(a) - long(b))) {
      const taken = passing.filter((other) => other.rail !== null && meet(one, other)).map((other) => other.rail);
      one.rail = [...passing.keys()].find((level) => !taken.includes(level));
    }
    box.middle = row.filter((part) => part.lane === "track");
    box.body.classList.add("lanes");
    const rails = Math.max(0, ...passing.map((one) => one.rail + 1));
    box.body.classList.toggle("several", tracks.length > 1);
    box.body.classList.toggle("railed", rails > 0);
    box.body.style.setProperty("--rails", rails);
  }

  // Parts run down; many of them go on in the next column, as far as there is room.
  #columns(box, row) {
    box.middle = null;
    box.across = !box.parent && this.graph.scene.direction === "LR";
    box.body.classList.toggle("across", box.across);
    if (box.across) return box.body.append(...row.map((part) => part.el));
    const many = box.children.length, tall = box.children.filter((part) => part.open).length > many / 2;
    const most = tall ? Math.round(Math.sqrt(many / 2.6)) : Math.max(6, Math.round(Math.sqrt(many * 1.3)));
    const columns = tall ? Math.ceil(many / most) : Math.min(Math.ceil(many / most), Math.max(1, Math.floor(this.room() / COLUMN)));
    const height = box.parent ? Math.ceil(many / columns) : many;
    for (let i = 0; i < many; i += height)
      box.body.append(make("div", { class: "column" }, ...box.children.slice(i, i + height).map((part) => part.el)));
    if (box.ports?.in) box.body.querySelector(".column").prepend(box.ports.in.el);
    if (box.ports?.out) box.body.lastChild.append(box.ports.out.el);
  }

  // First all boxes are measured, then all arrows are written.
  #wire(boxes) {
    const measured = boxes.filter((box) => box.body).map((box) => [box, (box.links ?? []).map((one) => [one, bend(route(box, one))])]);
    for (const [box, paths] of measured)
      box.wires.replaceChildren(...paths.map(([one, d]) => make("path", { class: `edge ${one.kind}`, d, "marker-end": `url(#arrow-${one.kind})` },
        make("title", {}, `${this.graph.scene.words[one.kind]} ${one.label}`))));
  }
}

// ---- arrows

const ends = (el) => {
  const { offsetLeft: left, offsetTop: top, offsetWidth: width, offsetHeight: height } = el;
  return { left, top, right: left + width, bottom: top + height, x: left + width / 2, y: top + height / 2 };
};

function route(box, { tail, head, rail }) {
  const a = ends(tail.el), b = ends(head.el);
  if (rail !== null && rail !== undefined) {
    const x = Math.min(...box.middle.map((part) => part.el.offsetLeft)) - 18 - 12 * rail;
    return [[a.left, a.y], [x, a.y], [x, b.y], [b.left, b.y]];
  }
  if (box.across) return [[a.right, a.y], [(a.right + b.left) / 2, a.y], [(a.right + b.left) / 2, b.y], [b.left, b.y]];
  if (box.middle && tail.lane !== head.lane) {
    if (tail.lane === "track") return [[b.x > a.x ? a.right : a.left, a.y], [b.x, a.y], [b.x, b.top]];
    return [[a.x, a.bottom], [a.x, b.y], [a.x > b.x ? b.right : b.left, b.y]];
  }
  if (!box.middle && tail.el.parentElement !== head.el.parentElement) {
    const x = (ends(tail.el.parentElement).right + head.el.parentElement.offsetLeft) / 2;
    return [[a.x, a.bottom], [a.x, a.bottom + 12], [x, a.bottom + 12], [x, b.top - 13], [b.x, b.top - 13], [b.x, b.top]];
  }
  if (box.middle && Math.abs(a.x - b.x) > 2) {
    const y = b.top - 11;
    return [[a.x, a.bottom], [a.x, y], [b.x, y], [b.x, b.top]];
  }
  const x = (a.x + b.x) / 2; // the same, but for rounding
  return [[x, a.bottom], [x, b.top]];
}

// A polyline with round corners.
function bend(points) {
  points = points.filter((p, i) => !i || Math.hypot(p[0] - points[i - 1][0], p[1] - points[i - 1][1]) > 1);
  const pieces = [`M${points[0]}`];
  const toward = ([x, y], [u, v], r) => [x + Math.sign(u - x) * Math.min(r, Math.abs(u - x)), y + Math.sign(v - y) * Math.min(r, Math.abs(v - y))];
  for (let i = 1; i < points.length - 1; i++) {
    const [before, here, after] = points.slice(i - 1, i + 2);
    const reach = Math.min(9, Math.hypot(here[0] - before[0], here[1] - before[1]) / 2, Math.hypot(after[0] - here[0], after[1] - here[1]) / 2);
    pieces.push(`L${toward(here, before, reach)}Q${here} ${toward(here, after, reach)}`);
  }
  return `${pieces.join("")}L${points.at(-1)}`;
}
