// Graphs side by side: what is opened, chosen, coloured and seen in one is so in all of them, part by
// part; and what differs, one thing after the other.

class Tied {
  constructor(root, page) {
    this.root = root; this.page = page; this.leader = 0; this.at = -1;
    this.viewers = page.viewers.filter((viewer) => root.contains(viewer.root));
    const { links, steps } = JSON.parse(root.querySelector(".ties").textContent);
    this.links = links.map((link) => new Map(Object.entries(link)));
    this.steps = steps;
    this.parts = this.viewers.map(({ graph }, i) => {
      const parts = new Map(); // by the path of what they are in the first graph
      for (const part of graph.all) {
        const path = this.#path(part, i);
        if (path !== null && !parts.has(path)) parts.set(path, part);
      }
      return parts;
    });
    this.together = root.querySelector(".together");
    this.where = root.querySelector(".where");
    this.remember();
    this.#listen();
  }

  // The path that a part's counterpart has in the first graph, if it has one.
  #path(part, i) {
    const link = this.links[i].get(part.path);
    return link === undefined ? part.path : link;
  }

  // The part of another graph that a part is, or that the innermost around it is.
  #twin(part, i, j) {
    for (let one = part; one?.path !== undefined; one = one.parent) {
      const other = this.parts[j].get(this.#path(one, i) ?? undefined);
      if (other) return { one, other, exact: one === part };
    }
    return {};
  }

  // What is open and chosen now is nothing new.
  remember() {
    this.states = this.viewers.map((viewer) => viewer.state);
    this.colours = this.viewers.map(({ drawing }) => drawing.quantity?.name ?? "");
    this.opens = this.viewers.map(({ graph }) => new Set(graph.all.filter((part) => part.open)));
  }

  // Something was done in one of the graphs: do it in the others.
  follow() {
    const i = this.viewers.findIndex((viewer, index) => viewer.state !== this.states[index]);
    if (i >= 0 && this.together.checked) {
      this.leader = i;
      this.viewers.forEach((_, j) => { if (j !== i) this.#mirror(i, j); });
      this.#later();
    }
    if (i >= 0) this.remember();
  }

  #mirror(i, j) {
    const { graph, selected, drawing } = this.viewers[i], boxes = graph.all.filter((part) => part.children.length);
    const changes = new Map();
    for (const part of boxes) {
      const open = Boolean(part.open), { other, exact } = this.#twin(part, i, j);
      if (open !== this.opens[i].has(part) && exact && other.children.length) changes.set(other, open);
    }
    if (changes.size > 1) // all of them were opened or closed: so are those that this one has alone
      for (const open of [true, false])
        if (boxes.every((part) => Boolean(part.open) === open))
          for (const part of this.viewers[j].graph.all) if (part.children.length) changes.set(part, open);
    const colour = drawing.quantity?.name ?? "", known = !colour || this.viewers[j].graph.quantity(colour);
    this.viewers[j].mirror([...changes].filter(([part, open]) => Boolean(part.open) !== open), selected && this.#twin(selected, i, j).other, colour !== this.colours[i] && known ? colour : null);
  }

  #later() {
    this.pending ??= requestAnimationFrame(() => {
      this.pending = null;
      if (this.together.checked) this.#align(this.leader);
    });
  }

  // Show the others at the zoom of one, with what is in its middle in their middle.
  #align(i) {
    const { camera, graph } = this.viewers[i], { left, top, width, height } = camera.frame();
    const x = left + width / 2, y = top + height / 2, chain = above(middlemost(graph, x, y)).reverse();
    this.viewers.forEach((viewer, j) => {
      if (j === i || viewer.root.offsetParent === null) return;
      if (viewer.camera.zoom !== camera.zoom) viewer.camera.zoomTo(camera.zoom);
      const pair = chain.map((part) => this.#twin(part, i, j)).find(({ one, other }) => drawn(one) && drawn(other));
      const [from, to] = pair ? [pair.one.el, pair.other.el] : [camera.canvas, viewer.camera.canvas];
      const a = from.getBoundingClientRect(), b = to.getBoundingClientRect(), frame = viewer.camera.frame();
      viewer.view.scrollBy({
        left: b.left + b.width * (x - a.left) / a.width - frame.left - frame.width / 2,
        top: b.top + b.height * (y - a.top) / a.height - frame.top - frame.height / 2, behavior: "auto",
      });
    });
  }

  // Lead a reader to the next thing that differs, or to the one before.
  go(way) {
    const { length } = this.steps;
    if (length) this.show(this.at < 0 && way < 0 ? length - 1 : (this.at + way + length) % length);
  }

  show(at) {
    this.at = at;
    const [number, a, b] = this.steps[at];
    const places = [[number, b], [0, a]].filter(([, path]) => path !== null)
      .map(([i, path]) => [i, this.viewers[i].graph.all.find((part) => part.path === path)]);
    this.page.step(() => {
      for (const [i, part] of this.together.checked ? places.slice(0, 1) : places) this.viewers[i].reveal(part);
    });
    this.leader = places[0][0];
    this.buttons.forEach((button, i) => { button.ariaCurrent = i === at ? "true" : null; });
    this.where.textContent = `${at + 1} of ${this.steps.length}`;
    this.#scroll(this.buttons[at].parentElement);
  }

  // Bring a line of the list to where it is seen; the page itself stays where it is.
  #scroll(line) {
    const list = line.closest(".steps"), box = list.getBoundingClientRect(), own = line.getBoundingClientRect();
    if (own.top < box.top || own.bottom > box.bottom) list.scrollTop += own.top - box.top - box.height / 3;
  }

  #listen() {
    this.buttons = [...this.root.querySelectorAll(".step")].map((words, at) => {
      const button = make("button", { type: "button", class: "step" }, ...words.childNodes);
      button.addEventListener("click", () => this.show(at));
      words.replaceWith(button);
      return button;
    });
    this.root.querySelector(".before").addEventListener("click", () => this.go(-1));
    this.root.querySelector(".after").addEventListener("click", () => this.go(1));
    this.together.addEventListener("change", () => { this.remember(); this.#later(); });
    this.viewers.forEach(({ root, view, camera }, i) => {
      for (const kind of ["pointerdown", "wheel", "touchstart", "keydown", "focusin"])
        root.addEventListener(kind, () => { this.leader = i; }, { capture: true, passive: true });
      const moved = () => { if (this.leader === i) this.#later(); };
      view.addEventListener("scroll", moved, { passive: true });
      const { zoomed } = camera;
      camera.zoomed = () => { zoomed(); moved(); };
    });
    document.addEventListener("keydown", ({ key, target, ctrlKey, metaKey, altKey }) => {
      if (ctrlKey || metaKey || altKey || target.closest?.("input:not([type=checkbox]), select, textarea")) return;
      if (!this.root.contains(target) && !this.viewers.includes(this.page.active)) return;
      if (key === "n" || key === "p") this.go(key === "n" ? 1 : -1);
    });
  }
}

// The innermost drawn part at a point of the window, or the one nearest to it.
function middlemost(graph, x, y) {
  const away = (from, to, at) => Math.max(from - at, 0, at - to);
  let best = null, parts = graph.diagrams.flatMap((diagram) => diagram.children);
  while (parts.length) {
    let nearest = null, least = Infinity;
    for (const part of parts) {
      if (!drawn(part)) continue;
      const rect = part.el.getBoundingClientRect();
      const far = Math.hypot(away(rect.left, rect.right, x), away(rect.top, rect.bottom, y));
      if (far < least) [nearest, least] = [part, far];
    }
    if (!nearest || best && least > 0) return best ?? nearest;
    best = nearest;
    parts = best.open ? best.children : [];
  }
  return best;
}

for (const root of document.querySelectorAll(".tied")) page.ties.push(new Tied(root, page));
