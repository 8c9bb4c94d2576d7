// Parts as boxes of the page. The browser lays them out; arrows are measured from them afterwards.
// What is in a box that is far from the view, or too small to be read, is a sketch.

const VECTOR = document.querySelector("svg").namespaceURI;
function make(name, attributes = {}, ...inside) {
  const made = ["svg", "path", "title"].includes(name) ? document.createElementNS(VECTOR, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...inside.filter((item) => item !== null && item !== undefined && item !== ""));
  return made;
}
const text = (style, words) => (words ? make("span", { class: style }, words) : null);
const shortcutMark = (kind) => make("svg", { class: "around wires", width: 24, height: 10, "aria-hidden": "true" },
  make("path", { class: `edge ${kind}`, d: "M1 5H21", "marker-end": `url(#arrow-${kind})` }));
const times = (part) => (part.repeats > 1 ? text("times", `× ${part.repeats}`) : null);

const LEGIBLE = 0.4; // the zoom below which a box is not filled for its words, and at
const TINY = 0.3; // this one its words give way to a sketch
const AT_ONCE = 6; // boxes that are filled between two frames

// How far a box is from being seen, in widths and heights of the view.
function away({ body }, frame) {
  const { left, top, right, bottom } = body.getBoundingClientRect();
  return Math.max(frame.left - right, left - frame.right, 0) / frame.width + Math.max(frame.top - bottom, top - frame.bottom, 0) / frame.height;
}

class Drawing {
  constructor(graph, canvas, room) {
    this.graph = graph; this.canvas = canvas; this.room = room; this.quantity = null; this.selected = null;
    this.hits = new Set(); this.holding = new Set(); this.forms = new Map(); this.resting = [];
    this.byFace = new WeakMap(); this.byWay = new WeakMap();
    for (const part of graph.all) part.wake = () => this.#wake(part);
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
    const focused = this.byFace.get(document.activeElement), frame = this.canvas.closest(".view").getBoundingClientRect();
    for (const box of this.resting) box.filled = !box.sketched && away(box, frame) === 0;
    for (const diagram of this.diagrams) diagram.place.replaceChildren(this.#fill(diagram));
    this.#finish(this.diagrams.flatMap(opened));
    if (focused && drawn(focused)) focused.face.focus({ preventScroll: true });
  }

  again(part) {
    const focused = document.activeElement === part.face, old = part.el;
    part.filled = true;
    old.replaceWith(this.#show(part));
    this.#finish([...above(part.parent), ...opened(part)]);
    if (focused) part.face.focus({ preventScroll: true });
  }

  colour(quantity) {
    this.quantity = quantity;
    const table = this.graph.scene.panels.some((panel) => panel.rows.length); // which is coloured in place of boxes
    this.canvas.classList.toggle("heated", Boolean(quantity) && !table);
    for (const { rows } of this.graph.scene.panels) for (const row of rows) this.#paint(row);
    for (const head of this.canvas.querySelectorAll("th.heat")) {
      head.hidden = !quantity;
      head.textContent = quantity?.words ?? "";
    }
    this.all();
  }

  // ---- sketches

  // Fill what can be read and is in the view or next to it, nearest first, a few at a time; sketch
  // what is far or tiny. Tell whether anything changed, so that there may be more to do.
  meet(frame, zoom) {
    if (this.asked) return false;
    const wanted = [], left = [];
    for (const box of this.resting) {
      const far = away(box, frame);
      if (box.sketched && zoom >= LEGIBLE && far < 0.5) wanted.push([far, box]);
      else if (!box.sketched && (zoom < TINY || far > 2) && !this.#held(box)) left.push(box);
    }
    wanted.sort(([one], [other]) => one - other);
    this.#refill(wanted.slice(0, AT_ONCE).map(([, box]) => box), true);
    this.#refill(left, false);
    return wanted.length > 0;
  }

  // Draw all there is until that is no longer asked for: a print, a picture.
  whole(asked) {
    this.asked = asked;
    if (asked) this.#refill(this.resting.filter((box) => box.sketched), true);
  }

  #wake(part) {
    const box = part.parent;
    if (box?.sketched && box.body.isConnected) this.#refill([box], true);
  }

  #refill(boxes, filled) {
    if (!boxes.length) return;
    for (const box of boxes) {
      const old = box.body;
      box.filled = filled;
      old.replaceWith(this.#fill(box));
    }
    this.#size(boxes.filter((box) => box.sketched));
    for (const box of boxes) Object.assign(box.body.style, { minWidth: `${box.form.width}px`, minHeight: `${box.form.height}px` });
    const grown = boxes.filter((box) => !box.sketched && (box.body.offsetWidth > box.form.width || box.body.offsetHeight > box.form.height));
    this.#wire([...new Set([...boxes, ...grown.flatMap((box) => above(box.parent))])]);
  }

  // What a reader holds on to: it stays.
  #held(box) {
    return this.selected?.parent === box || box.body.contains(document.activeElement);
  }

  // Boxes whose parts have words of the same lengths have the same sizes.
  #formOf(box) {
    const words = box.inside.map((part) => [part.title, part.aside, this.#chip(part), part.repeats, part.lines, part.mark,
      part.parts, part.alike, part.shortcut, this.graph.costs(part, this.quantity), Boolean(this.graph.heat(part, this.quantity))]);
    const places = new Map([box.ports?.in, ...box.inside, box.ports?.out].map((part, i) => [part, i]));
    const links = box.arrows.map((one) => `${places.get(one.tail)}>${places.get(one.head)}${one.kind[0]}`);
    const key = JSON.stringify([box.ports?.in?.shape, words, box.ports?.out?.shape]).replace(/\d/g, "0") + links;
    if (!this.forms.has(key)) this.forms.set(key, {});
    return this.forms.get(key);
  }

  // Measure forms that are new, then give sketches their size and what they show.
  #finish(boxes) {
    this.graph.changes++;
    const resting = this.diagrams.flatMap(opened).filter((box) => box.parent && box.body && !box.inside.some((part) => part.open));
    for (const box of resting)
      if (!box.sketched && !box.form.width) measure(box);
    this.resting = resting;
    this.#size(boxes.filter((box) => box.sketched));
    this.#wire(boxes);
  }

  #size(boxes) {
    for (const box of boxes) {
      Object.assign(box.body.style, { width: `${box.form.width}px`, height: `${box.form.height}px` });
      this.#sketch(box);
    }
  }

  #sketch(box) {
    box.wires.replaceChildren(...sketch(box, (part) => this.graph.heat(part, this.quantity)?.[0]));
    markFound(box, this.hits);
  }

  // Move the names of open boxes that begin left of the view to where they are seen.
  name({ left, top, right, bottom }, zoom) {
    const moved = [];
    for (const part of this.diagrams.flatMap(opened)) {
      if (!part.el || !part.body) continue;
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
    const before = this.hits, held = this.holding;
    this.hits = hits;
    this.holding = new Set([...hits].flatMap((part) => above(part.parent)));
    for (const part of new Set([...before, ...hits, ...held, ...this.holding])) if (drawn(part)) this.#dress(part);
    for (const box of this.resting)
      if (box.sketched && box.inside.some((part) => before.has(part) !== hits.has(part))) markFound(box, hits);
  }

  #dress(part) {
    const chosen = part === this.selected, el = part.row ? part.face : part.el;
    el.classList.toggle("selected", chosen);
    el.classList.toggle("hit", this.hits.has(part));
    el.classList.toggle("holds", this.holding.has(part));
    part.face.tabIndex = chosen ? 0 : -1;
    if (chosen) part.face.setAttribute("aria-current", "true");
    else part.face.removeAttribute("aria-current");
  }

  // A small word before the name of a part.
  #chip(part) {
    const parent = part.parent.path;
    if (part.role === "stage") return "stage";
    if (part.parent.one) return `1 of ${part.parent.repeats}`;
    return isOp(part) && parent && part.path.startsWith(`${parent}/`) ? part.path.slice(parent.length + 1) : "";
  }

  #show(part) {
    const leaf = !part.children.length, op = isOp(part), chip = this.#chip(part);
    const top = make("span", { class: "top" },
      leaf ? null : make("span", { class: "sign", "aria-hidden": "true" }), text("chip", chip),
      text("name", part.title), times(part), text("word", part.mark), text("shape", part.aside));
    const tooltip = [part.path, ...this.graph.facts(part).map(([, , words]) => words)].join("\n");
    part.face = make("button", { type: "button", class: "face", title: tooltip }, top);
    if (!part.open) {
      part.face.append(...[...(part.lines ?? []).map((line) => text("line", line)), text("line alike", part.alike)].filter(Boolean));
      if (part.parts) part.face.append(make("span", { class: "inside" }, ...part.parts.map((piece) =>
        make("span", { class: "piece" },
          piece.title && make("span", { class: "name" }, piece.shortcut && shortcutMark(piece.shortcut), piece.title, times(piece)),
          ...piece.lines.map((line) => text("line", line))))));
    }
    const state = op ? "op" : part.open && !leaf ? "open" : "closed";
    part.el = make("div", { class: `part ${part.role} ${state}` }, part.face);
    if (part.mark) part.el.classList.add("marked", part.mark);
    if (!leaf) part.face.setAttribute("aria-expanded", String(Boolean(part.open)));
    this.byFace.set(part.face, part);
    part.shift = 0;
    this.#paint(part);
    Object.assign(part, { body: null, sketched: false });
    if (part.open && part.alike) part.el.append(this.#ways(part));
    if (part.open && !leaf) part.el.append(this.#fill(part));
    this.#dress(part);
    return part.el;
  }

  // In what blocks are alike; whether they are shown one by one, or the first for all.
  #ways(part) {
    const button = make("button", { type: "button", class: "way", "aria-pressed": String(Boolean(part.one)) }, "one for all");
    this.byWay.set(button, part);
    return make("div", { class: "ways" }, text("", part.alike), button);
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

  // The body of an open box: what is in it, or as much room for that.
  #fill(box) {
    box.wires = make("svg", { class: "wires", "aria-hidden": "true" });
    box.body = make("div", { class: "body", role: "group", "aria-label": box.path ? `inside ${box.path}` : "diagram" }, box.wires);
    box.arrows = linksOf(box);
    const rests = box.parent && !box.inside.some((part) => part.open);
    if (rests) box.form = this.#formOf(box);
    box.sketched = Boolean(rests && !box.filled && box.form.known && this.selected?.parent !== box);
    if (rests) box.form.known = true; // to those that are filled after this one
    if (!box.sketched) {
      const { in: into, out } = box.ports ?? {};
      const row = [into, ...box.inside, out].filter(Boolean);
      for (const one of row)
        if (one.port) one.el = make("span", { class: "port" }, `${one.port} ${one.shape}`);
        else this.#show(one);
      arrange(box, row, this.room(), this.graph.scene.direction);
    }
    box.body.classList.toggle("sketched", box.sketched);
    return box.body;
  }

  // First all boxes are measured, then all arrows are written.
  #wire(boxes) {
    const measured = boxes.filter((box) => box.body && !box.sketched).map((box) => [box, routes(box)]);
    for (const [box, paths] of measured)
      box.wires.replaceChildren(...paths.map(([one, d]) => make("path", { class: `edge ${one.kind}`, d, "marker-end": `url(#arrow-${one.kind})` },
        make("title", {}, `${this.graph.scene.words[one.kind]} ${one.label}`))));
  }
}
