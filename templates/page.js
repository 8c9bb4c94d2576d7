"use strict";
// A part is a node of the scene, or a row of its table. Each knows its parent; one that is drawn
// has an element `el` with a button `face`, and an open one a `body` with `wires` between parts.
const scene = JSON.parse(document.getElementById("scene").textContent);
const [view, sizer, canvas, query, hits, chosen] =
  ["view", "sizer", "canvas", "query", "hits", "chosen"].map((id) => document.getElementById(id));
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const all = [], byPath = new Map(), byFace = new WeakMap(), diagrams = [];
let zoom = 1, selected = null, found = [], hit = new Set(), step = -1, dragged = false;

const vector = document.querySelector("svg").namespaceURI;
function make(name, attributes = {}, ...inside) {
  const made = ["svg", "path", "title"].includes(name) ? document.createElementNS(vector, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...inside.filter((item) => item !== null && item !== undefined && item !== ""));
  return made;
}
const text = (style, words) => (words ? make("span", { class: style }, words) : null);

// ---- the tree and its edges

function adopt(parent, known) {
  for (const part of parent.children) {
    part.parent = parent;
    part.children ??= [];
    all.push(part);
    for (const index of [known, byPath]) if (!index.has(part.path)) index.set(part.path, part);
    adopt(part, known);
  }
}
function above(part) {
  const chain = [];
  for (; part; part = part.parent) chain.unshift(part);
  return chain;
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
// An edge is drawn where both its ends are siblings; on the way down to its ends it runs
// through the ports of the boxes between.
function lift(known, [from, to, kind, label]) {
  const tails = above(known.get(from)), heads = above(known.get(to));
  let level = 0;
  while (tails[level] && tails[level] === heads[level]) level++;
  if (!tails[level] || !heads[level]) return;
  link(tails[level - 1], tails[level], heads[level], kind, label);
  for (let i = level; i < tails.length - 1; i++) link(tails[i], tails[i + 1], port(tails[i], "out", label), "flow", label);
  for (let i = level; i < heads.length - 1; i++) link(heads[i], port(heads[i], "in", label), heads[i + 1], kind, label);
  (tails.at(-1).to ??= []).push([heads.at(-1), kind, label]);
  (heads.at(-1).from ??= []).push([tails.at(-1), kind, label]);
}

// ---- drawing

function tint(el, heat) {
  el.style.setProperty("--fill", `var(--heat-${heat[0]})`);
  el.style.setProperty("--on", `var(--on-${heat[0]})`);
}
function times(part) {
  return part.repeats > 1 ? text("times", `× ${part.repeats}`) : null;
}
function tooltip(part) {
  return [part.path, ...scene.facts[part.facts].map((fact) => fact.text)].join("\n");
}
function show(part) {
  const parent = part.parent.path, leaf = !part.children.length, op = leaf && !part.parts && part.role !== "block";
  const local = parent && part.path.startsWith(`${parent}/`) ? part.path.slice(parent.length + 1) : "";
  const chip = part.role === "stage" ? "stage" : op ? local : "";
  const top = make("span", { class: "top" },
    leaf ? null : make("span", { class: "sign", "aria-hidden": "true" }), text("chip", chip),
    text("name", part.title), times(part), text("word", part.mark), text("shape", part.aside));
  part.face = make("button", { type: "button", class: "face", tabindex: "-1", title: tooltip(part) }, top);
  if (!part.open) {
    part.face.append(...(part.lines ?? []).map((line) => text("line", line)));
    if (part.parts) part.face.append(make("span", { class: "inside" }, ...part.parts.map((piece) =>
      make("span", { class: "piece" },
        piece.title && make("span", { class: "name" }, piece.title, times(piece)),
        ...piece.lines.map((line) => text("line", line))))));
  }
  if (part.footer) part.face.append(text("cost", part.footer));
  if (part.heat) part.face.append(text("warmth", part.heat[1]));
  const state = op ? "op" : part.open && !leaf ? "open" : "closed";
  part.el = make("div", { class: `part ${part.role} ${state}${part.mark ? ` marked ${part.mark}` : ""}` }, part.face);
  if (part.heat && !part.open) tint(part.el, part.heat);
  if (!leaf) part.face.setAttribute("aria-expanded", String(Boolean(part.open)));
  byFace.set(part.face, part);
  part.body = null;
  if (part.open && !leaf) part.el.append(fill(part));
  if (part === selected) dress(part, true);
  part.el.classList.toggle("hit", hit.has(part));
  return part.el;
}
// The body of an open box: its layers in lanes, or its blocks in columns.
function fill(box) {
  const { in: into, out } = box.ports ?? {};
  const row = [into, ...box.children, out].filter(Boolean);
  for (const one of row)
    if (one.port) one.el = make("span", { class: "port" }, `${one.port} ${one.shape}`);
    else show(one);
  box.wires = make("svg", { class: "wires", "aria-hidden": "true" });
  box.body = make("div", { class: "body", role: "group", "aria-label": box.path ? `inside ${box.path}` : "diagram" }, box.wires);
  const links = box.links ?? [];
  const apart = box.children.every((part) => !part.children.length && part.role !== "block");
  if (apart && (box.parent || links.some((one) => one.kind !== "flow"))) lanes(box, row, links);
  else columns(box, row);
  return box.body;
}
// Residual branch in the middle, projection shortcut on its left, SE gate on its right.
function lanes(box, row, links) {
  const last = {};
  for (const part of row) {
    const into = links.filter((one) => one.head === part);
    const kinds = new Set(into.map((one) => one.kind));
    part.lane = kinds.size > 1 ? 2 : kinds.has("projection") ? 1 : kinds.has("gate") ? 3 : 2;
    part.rank = Math.max(last[part.lane] ?? 0, ...into.map((one) => one.tail.rank ?? 0)) + 1;
    last[part.lane] = part.rank;
    part.el.style.gridArea = `${part.rank} / ${part.lane}`;
    part.el.classList.add(`lane-${part.lane}`);
    box.body.append(part.el);
  }
  const between = (one, part) => part.lane === one.tail.lane && part.rank > one.tail.rank && part.rank < one.head.rank;
  for (const one of links) one.rail = one.tail.lane === one.head.lane && row.some((part) => between(one, part));
  box.middle = row.filter((part) => part.lane === 2);
  box.body.classList.add("lanes");
  box.body.classList.toggle("railed", links.some((one) => one.rail));
}
// Parts run down; many of them go on in the next column.
function columns(box, row) {
  box.middle = null;
  box.across = !box.parent && scene.direction === "LR";
  box.body.classList.toggle("across", box.across);
  if (box.across) return box.body.append(...row.map((part) => part.el));
  const many = box.children.length, tall = box.children.filter((part) => part.open).length > many / 2;
  const most = tall ? Math.round(Math.sqrt(many / 2.6)) : Math.max(6, Math.round(Math.sqrt(many * 1.3)));
  const height = box.parent ? Math.ceil(many / Math.ceil(many / most)) : many;
  for (let i = 0; i < many; i += height)
    box.body.append(make("div", { class: "column" }, ...box.children.slice(i, i + height).map((part) => part.el)));
  if (box.ports?.in) box.body.querySelector(".column").prepend(box.ports.in.el);
  if (box.ports?.out) box.body.lastChild.append(box.ports.out.el);
}

// ---- arrows: first all boxes are measured, then all arrows are written

const ends = (el) => {
  const { offsetLeft: left, offsetTop: top, offsetWidth: width, offsetHeight: height } = el;
  return { left, top, right: left + width, bottom: top + height, x: left + width / 2, y: top + height / 2 };
};
function route(box, { tail, head, rail }) {
  const a = ends(tail.el), b = ends(head.el);
  if (rail) {
    const x = Math.min(...box.middle.map((part) => part.el.offsetLeft)) - 18;
    return [[a.left, a.y], [x, a.y], [x, b.y], [b.left, b.y]];
  }
  if (box.across) return [[a.right, a.y], [(a.right + b.left) / 2, a.y], [(a.right + b.left) / 2, b.y], [b.left, b.y]];
  if (box.middle && tail.lane !== head.lane) {
    if (tail.lane === 2) return [[b.x > a.x ? a.right : a.left, a.y], [b.x, a.y], [b.x, b.top]];
    return [[a.x, a.bottom], [a.x, b.y], [a.x > b.x ? b.right : b.left, b.y]];
  }
  if (!box.middle && tail.el.parentElement !== head.el.parentElement) {
    const x = (ends(tail.el.parentElement).right + head.el.parentElement.offsetLeft) / 2;
    return [[a.x, a.bottom], [a.x, a.bottom + 12], [x, a.bottom + 12], [x, b.top - 13], [b.x, b.top - 13], [b.x, b.top]];
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
function wire(boxes) {
  const measured = boxes.filter((box) => box.body).map((box) => [box, (box.links ?? []).map((one) => [one, bend(route(box, one))])]);
  const [width, height] = [canvas.offsetWidth, canvas.offsetHeight];
  for (const [box, paths] of measured)
    box.wires.replaceChildren(...paths.map(([one, d]) => make("path", { class: `edge ${one.kind}`, d, "marker-end": `url(#arrow-${one.kind})` },
      make("title", {}, `${scene.words[one.kind]} ${one.label}`))));
  size(width, height);
}
function size(width = canvas.offsetWidth, height = canvas.offsetHeight) {
  sizer.style.width = `${width * zoom}px`;
  sizer.style.height = `${height * zoom}px`;
  const print = Math.min(1, 700 / width, Math.max(820 / height, 0.5)); // a page, or its width
  for (const [key, value] of [["print", print], ["width", `${width * print}px`], ["height", `${height * print}px`]])
    sizer.style.setProperty(`--${key}`, value);
}
const opened = (part) => (part.open ? [part, ...part.children.flatMap(opened)] : []);
function drawAll() {
  for (const diagram of diagrams) diagram.place.replaceChildren(fill(diagram));
  wire(diagrams.flatMap(opened));
  roam();
}
function redraw(part) {
  const focused = document.activeElement === part.face;
  const old = part.el, lane = part.el.style.gridArea;
  old.replaceWith(show(part));
  part.el.style.gridArea = lane;
  wire([...above(part.parent), ...opened(part)]);
  if (focused) part.face.focus({ preventScroll: true });
  roam();
}

// ---- opening, selecting, finding

function toggle(part, open = !part.open) {
  if (!part.children.length || Boolean(part.open) === open) return;
  const before = part.face.getBoundingClientRect();
  part.open = open;
  redraw(part);
  const after = part.face.getBoundingClientRect();
  view.scrollBy(after.left - before.left, after.top - before.top);
}
function openAll(open) {
  for (const part of all) part.open = open && part.children.length > 0;
  if (!open) while (selected?.parent?.parent) selected = selected.parent;
  drawAll();
  if (selected) select(selected);
}
function dress(part, on) {
  (part.row ? part.face : part.el).classList.toggle("selected", on);
  part.face.tabIndex = on ? 0 : -1;
  if (on) part.face.setAttribute("aria-current", "true");
  else part.face.removeAttribute("aria-current");
}
const drawn = (part) => part.face?.isConnected;
// One part can be reached with Tab: the selected one, or the first.
function roam() {
  if (selected && !drawn(selected)) selected = null;
  const first = canvas.querySelector(".face");
  if (!selected && first) first.tabIndex = 0;
}
function select(part) {
  for (const face of canvas.querySelectorAll('.face[tabindex="0"]')) face.tabIndex = -1;
  if (selected && drawn(selected)) dress(selected, false);
  selected = part;
  dress(part, true);
  detail(part);
  history.replaceState(null, "", `#${encodeURIComponent(part.path).replaceAll("%2F", "/")}`);
}
function reveal(part) {
  const closed = above(part).slice(0, -1).filter((one) => !one.open);
  for (const one of closed) one.open = true;
  if (closed.length) redraw(closed[0]);
  select(part);
  if (zoom < 0.6) zoomTo(1);
  const [frame, face] = [view, part.face].map((el) => el.getBoundingClientRect());
  const around = part.parent?.el?.getBoundingClientRect(), wide = around && around.width < frame.width ? around : face;
  view.scrollBy({
    left: wide.left + wide.width / 2 - frame.left - frame.width / 2,
    top: face.top + Math.min(face.height, frame.height) / 2 - frame.top - frame.height / 2,
    behavior: calm.matches ? "auto" : "smooth",
  });
}
function goTo(part) {
  const button = make("button", { type: "button" }, part.path);
  button.onclick = () => { reveal(part); part.face.focus({ preventScroll: true }); };
  return button;
}
const named = (key) => key.replaceAll("_", " ").replace("macs", "MACs").replace("flops", "FLOPs");
function detail(part) {
  const copy = make("button", { type: "button" }, "Copy path"), path = make("code", {}, part.path);
  copy.onclick = async () => {
    getSelection().selectAllChildren(path);
    try { await navigator.clipboard.writeText(part.path); } catch { document.execCommand("copy"); }
    copy.textContent = "Copied";
  };
  const list = make("dl");
  const fact = (key, value, exact) => list.append(make("dt", {}, key), make("dd", {}, value, exact && make("small", {}, exact)));
  fact("role", part.role);
  if (part.mark) fact("compared", part.mark);
  if (part.repeats > 1) fact("repeats", `× ${part.repeats}`);
  if (part.lines) fact("layout", part.lines.join("; "));
  for (const { key, value, text: words } of scene.facts[part.facts])
    if (typeof value === "string") fact(named(key), value);
    else fact(named(key), words, Number.isInteger(value) && value >= 1000 ? value.toLocaleString("en").replaceAll(",", "\u202f") : "");
  if (part.heat) fact("colour", part.heat[1]);
  if (part.children.length) fact("inside", `${part.children.length} parts`);
  const ways = (title, edges) => edges ? [make("h3", {}, title), make("ul", {}, ...edges.map(([to, kind, label]) =>
    make("li", {}, goTo(to), ` ${scene.words[kind]} ${label}`)))] : [];
  chosen.replaceChildren(make("h2", {}, part.title), make("div", { class: "path" }, path, copy), list,
    ...(part.parent?.path ? [make("h3", {}, "Part of"), make("ul", {}, make("li", {}, goTo(part.parent)))] : []),
    ...ways("From", part.from), ...ways("To", part.to));
}
function search() {
  const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
  const whole = words.join(" ");
  found = words.length ? all.filter((part) => {
    const told = [part.path, part.title, part.aside, ...(part.lines ?? [])].join("\n").toLowerCase();
    return words.every((word) => told.includes(word));
  }) : [];
  found.sort((a, b) => (b.path.toLowerCase() === whole) - (a.path.toLowerCase() === whole));
  step = -1;
  hits.textContent = words.length ? `${found.length || "no"} hit${found.length === 1 ? "" : "s"}` : "";
  hit = new Set(found);
  for (const part of all) if (drawn(part)) (part.row ? part.face : part.el).classList.toggle("hit", hit.has(part));
}
function next(way) {
  if (!found.length) return;
  step = (step + way + found.length) % found.length;
  if (step < 0) step = found.length - 1;
  reveal(found[step]);
  hits.textContent = `${step + 1} of ${found.length}`;
}

// ---- zoom, pan, keys

function zoomTo(value, x = view.clientWidth / 2, y = view.clientHeight / 2) {
  const spot = [(view.scrollLeft + x - sizer.offsetLeft) / zoom, (view.scrollTop + y) / zoom];
  zoom = Math.min(4, Math.max(0.03, value));
  canvas.style.transform = `scale(${zoom})`;
  size();
  document.getElementById("actual").textContent = `${Math.round(zoom * 100)} %`;
  view.scrollTo({ left: spot[0] * zoom + sizer.offsetLeft - x, top: spot[1] * zoom - y, behavior: "auto" });
}
const fits = () => [view.clientWidth / canvas.offsetWidth, view.clientHeight / canvas.offsetHeight];
const actions = {
  larger: () => zoomTo(zoom * 1.25), smaller: () => zoomTo(zoom / 1.25), actual: () => zoomTo(1),
  fit: () => zoomTo(Math.min(1.5, ...fits())), expand: () => openAll(true), collapse: () => openAll(false),
  scheme: () => {
    const dark = getComputedStyle(document.documentElement).colorScheme === "dark";
    document.documentElement.dataset.theme = dark ? "light" : "dark";
    name();
  },
};
function name() {
  const button = document.getElementById("scheme");
  if (button) button.textContent = getComputedStyle(document.documentElement).colorScheme === "dark" ? "Light" : "Dark";
}
for (const [id, act] of Object.entries(actions)) document.getElementById(id)?.addEventListener("click", act);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", name);

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target === query) {
    if (event.key === "Escape") { query.value = ""; search(); (selected?.face ?? canvas.querySelector(".face")).focus(); }
    return;
  }
  const key = { "+": "larger", "=": "larger", "-": "smaller", 0: "actual", f: "fit" }[event.key];
  if (key) actions[key]();
  else if (event.key === "/") query.focus();
  else if (event.key === "Escape" && query.value) { query.value = ""; search(); }
  else if (!byFace.has(event.target) || !walk(event.key, byFace.get(event.target))) return;
  event.preventDefault();
});
function walk(key, part) {
  const faces = [...canvas.querySelectorAll(".face")], here = faces.indexOf(part.face);
  let to = { ArrowDown: faces[here + 1], ArrowUp: faces[here - 1], Home: faces[0], End: faces.at(-1) }[key];
  if (key === "ArrowRight" && part.children.length) part.open ? (to = part.children[0].face) : toggle(part, true);
  else if (key === "ArrowLeft") part.open ? toggle(part, false) : (to = part.parent?.face);
  to?.focus({ preventScroll: true });
  to?.scrollIntoView({ block: "nearest", inline: "nearest" });
  return key.startsWith("Arrow") || key === "Home" || key === "End";
}
canvas.addEventListener("focusin", (event) => { if (byFace.has(event.target)) select(byFace.get(event.target)); });
canvas.addEventListener("click", (event) => {
  const part = byFace.get(event.target.closest(".face"));
  if (part && !dragged) { select(part); toggle(part); }
});
document.getElementById("search").addEventListener("submit", (event) => { event.preventDefault(); next(1); });
query.addEventListener("keydown", (event) => { if (event.key === "Enter" && event.shiftKey) { event.preventDefault(); next(-1); } });
query.addEventListener("input", search);

let grip = null;
view.addEventListener("pointerdown", (event) => {
  if (event.pointerType === "mouse" && event.button === 0 && event.target.closest("#sizer, #view") && event.offsetX < view.clientWidth)
    grip = { x: event.clientX, y: event.clientY, left: view.scrollLeft, top: view.scrollTop, moved: false };
});
view.addEventListener("pointermove", (event) => {
  if (!grip) return;
  if (!(event.buttons & 1)) return void (grip = null);
  const [dx, dy] = [event.clientX - grip.x, event.clientY - grip.y];
  if (!grip.moved && Math.hypot(dx, dy) > 5) { grip.moved = true; view.setPointerCapture(event.pointerId); view.classList.add("dragged"); }
  if (grip.moved) view.scrollTo({ left: grip.left - dx, top: grip.top - dy, behavior: "auto" });
});
view.addEventListener("pointerup", () => {
  dragged = Boolean(grip?.moved); // the click that ends a drag is none
  setTimeout(() => { dragged = false; });
  grip = null;
  view.classList.remove("dragged");
});
view.addEventListener("wheel", (event) => {
  if (!event.ctrlKey && !event.metaKey) return;
  event.preventDefault();
  const frame = view.getBoundingClientRect();
  zoomTo(zoom * Math.exp(-event.deltaY / 300), event.clientX - frame.left, event.clientY - frame.top);
}, { passive: false });
let pinch = 0;
view.addEventListener("touchmove", (event) => {
  if (event.touches.length !== 2) return;
  event.preventDefault();
  const [a, b] = event.touches, frame = view.getBoundingClientRect();
  const spread = Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
  if (pinch) zoomTo(zoom * spread / pinch, (a.clientX + b.clientX) / 2 - frame.left, (a.clientY + b.clientY) / 2 - frame.top);
  pinch = spread;
}, { passive: false });
view.addEventListener("touchend", () => { pinch = 0; });

// ---- begin

for (const [index, place] of [...canvas.querySelectorAll(".panel")].entries()) {
  const { nodes, edges, rows } = scene.panels[index], known = new Map();
  const faces = place.querySelectorAll(".row");
  rows.forEach((row, i) => {
    Object.assign(row, { children: [], row: true, el: faces[i].closest("tr"), face: faces[i] });
    byFace.set(row.face, row);
    all.push(row);
    if (!byPath.has(row.path)) byPath.set(row.path, row);
  });
  const diagram = { children: nodes, open: true, parent: null, place: place.querySelector(".diagram") };
  adopt(diagram, known);
  for (const edge of edges) lift(known, edge);
  if (diagram.place) diagrams.push(diagram);
}
canvas.classList.add(scene.direction);
for (const id of ["expand", "collapse"]) document.getElementById(id).hidden = !all.some((part) => part.children.length);
drawAll();
if (scene.panels.some((panel) => panel.rows.length) && fits()[0] < 0.8) canvas.style.maxWidth = `${view.clientWidth / 0.8}px`;
zoomTo(Math.max(0.4, Math.min(1, fits()[0])));
view.scrollTo(0, 0);
name();
function follow() {
  let path = location.hash.slice(1);
  try { path = decodeURIComponent(path); } catch { /* taken as it stands */ }
  if (byPath.has(path)) reveal(byPath.get(path));
}
addEventListener("hashchange", follow);
follow();
