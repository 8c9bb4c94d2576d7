// One graph on a page: its drawing, what is known of a part, search, and what the buttons do.

// What a reader knows a part by: all of a closed one, the name of an open one, whose box may be wide.
const spot = (part) => (part.open && !part.row ? part.face.querySelector(".name") : part.face);

class Viewer {
  constructor(root, page) {
    const find = (name) => root.querySelector(`.${name}`);
    this.root = root; this.page = page;
    this.view = find("view"); this.query = find("query"); this.actual = find("actual");
    this.quantity = find("quantity"); this.legend = find("legend"); this.said = find("said"); this.light = find("light");
    this.graph = new Graph(JSON.parse(find("scene").textContent));
    this.camera = new Camera(this.view, { zoomed: () => this.#zoomed() });
    this.drawing = new Drawing(this.graph, this.camera.canvas, () => this.view.clientWidth / READABLE);
    const go = (part) => { this.reveal(part); part.face.focus({ preventScroll: true }); };
    this.details = new Details(find("chosen"), this.graph, { go, wants: () => this.drawing.quantity });
    this.search = new Search(root, this.graph, { found: (parts) => { this.drawing.mark(new Set(parts)); this.#roam(); }, go: (part) => this.reveal(part) });
    this.minimap = new Minimap(find("minimap"), this.camera, this.graph);
    this.camera.canvas.classList.add(this.graph.scene.direction);
    const opens = this.graph.all.some((part) => part.children.length);
    root.classList.toggle("embedded", !page.alone);
    for (const button of root.querySelectorAll("[data-do]")) {
      button.hidden ||= !opens && ["expand", "collapse"].includes(button.dataset.do);
      button.hidden ||= page.alone && button.dataset.do === "whole" && (self === top || !document.fullscreenEnabled);
      button.addEventListener("click", () => this.act(button.dataset.do));
    }
    this.drawing.all();
    this.#recolour(this.graph.scene.quantity);
    this.#roam();
    this.#begin();
    this.#listen();
  }

  get scene() { return this.graph.scene; }
  get selected() { return this.drawing.selected; }

  // ---- what is seen

  #begin() {
    const { camera, scene, view } = this, { canvas } = camera;
    if (scene.panels.some((panel) => panel.rows.length) && camera.fits()[0] < 0.8) { // panels go below each other
      const widest = Math.max(...[...canvas.children].map((panel) => panel.offsetWidth));
      canvas.style.maxWidth = `${Math.max(view.clientWidth / 0.8, widest + 2 * EDGE)}px`;
    }
    camera.zoomTo(Math.max(READABLE, Math.min(1, camera.fits()[0])));
    view.scrollTo(0, 0);
  }

  #zoomed() {
    const words = `${Math.round(this.camera.zoom * 100)} %`;
    this.actual.textContent = words;
    this.actual.setAttribute("aria-label", `${words}: zoom to 100 %`);
    this.#later();
  }

  // Draw what depends on all else once the page is still.
  #later() {
    this.pending ??= requestAnimationFrame(() => {
      this.pending = null;
      this.minimap.draw();
      this.#names();
    });
  }

  #names() {
    const { camera, drawing } = this;
    if (drawing.meet(camera.frame(), camera.zoom)) {
      camera.measure();
      this.#later();
    }
    drawing.name(camera.frame(), camera.zoom);
  }

  // The part that a reader looks at: the selected one if it is seen, else the one nearest the middle.
  #watched() {
    if (this.#seen(this.selected)) return this.selected;
    const { left, top, width, height } = this.camera.frame();
    let nearest = null, least = Infinity;
    for (const part of this.graph.all) {
      if (!drawn(part)) continue;
      const rect = spot(part).getBoundingClientRect();
      const away = (from, to, at) => Math.max(from - at, 0, at - to);
      const far = Math.hypot(away(rect.left, rect.right, left + width / 2), away(rect.top, rect.bottom, top + height / 2));
      if (far < least) [nearest, least] = [part, far];
    }
    return nearest;
  }

  // Whatever has been done, something is in view.
  #settle() {
    const part = this.#watched();
    if (part && !this.#seen(part)) this.camera.bring(spot(part));
    this.#later();
  }

  #seen(part) {
    return drawn(part) && this.camera.sees(spot(part));
  }

  #zoom(value) {
    const part = this.#watched();
    if (this.#seen(part)) this.camera.zoomAt(value, spot(part));
    else this.camera.zoomTo(value);
    this.#settle();
  }

  // One part can be reached with Tab: the selected one, or the first.
  #roam() {
    if (this.selected && !drawn(this.selected)) this.drawing.select(null);
    const first = this.camera.canvas.querySelector(".face");
    if (!this.selected && first) first.tabIndex = 0;
  }

  // ---- opening and closing

  toggle(part, open = !part.open) {
    if (!part.children.length || Boolean(part.open) === open) return;
    this.page.step(() => {
      this.camera.keep(() => part.face, () => {
        part.open = open;
        this.drawing.again(part);
        this.#roam();
      });
      this.#frame(part);
    });
  }

  // Show blocks that are alike one by one, or the first of them, open, for all.
  turn(part) {
    this.page.step(() => {
      this.camera.keep(() => part.face, () => {
        part.one = !part.one;
        part.children[0].open = part.one;
        this.drawing.again(part);
        this.#roam();
      });
      this.#frame(part);
    });
    part.el.querySelector(".way").focus({ preventScroll: true });
  }

  // Show an open part as wide as it is, where that can be read; a closed one at the zoom before.
  #frame(part) {
    const { camera } = this, room = camera.frame().width - 2 * MARGIN;
    if (part.open) {
      const fit = camera.zoom * room / part.el.getBoundingClientRect().width;
      if (fit < camera.zoom && fit >= READABLE) {
        part.zooms = [camera.zoom, fit];
        camera.zoomAt(fit, part.face);
        part.zooms[1] = camera.zoom;
      }
    } else if (part.zooms?.[1] === camera.zoom) camera.zoomAt(part.zooms[0], part.face);
    camera.bring(part.el.getBoundingClientRect().height < camera.frame().height ? part.el : part.face);
    if (part.open) this.#besides(part);
    this.#settle();
  }

  // Of a box too wide to be seen whole, see the first of what is in it.
  #besides(part) {
    const first = part.children[0].face;
    if (!this.camera.sees(first)) this.camera.bring(first);
  }

  #openAll(open) {
    const before = this.#watched();
    let part = before;
    this.page.step(() => {
      for (const one of this.graph.all) one.open = open && one.children.length > 0;
      if (open) while (part?.children.length) part = part.children[0];
      else part = above(part).find((one) => one.face) ?? part;
      let selected = this.selected;
      if (!open) selected = above(selected).find((one) => one.face) ?? selected;
      this.drawing.all();
      this.camera.measure();
      if (selected && drawn(selected)) this.select(selected);
      this.#roam();
      if (this.camera.zoom < 0.4) this.camera.zoomTo(READABLE);
      if (!open) this.camera.zoomTo(Math.min(this.camera.zoom, Math.max(READABLE, this.camera.fits()[0])));
      if (part?.face?.isConnected) this.camera.centre(part.face, part.parent?.el, { jump: true });
      this.#settle();
    });
  }

  // Be as a graph beside this one is: open and close parts, select one, colour all (null: as before).
  mirror(changes, selected, quantity) {
    for (const [part, open] of changes) part.open = open;
    const [[only] = []] = changes;
    if (changes.length === 1 && drawn(only)) this.drawing.again(only);
    else if (changes.length) this.drawing.all();
    if (quantity !== null && quantity !== (this.drawing.quantity?.name ?? "")) this.#recolour(quantity);
    this.camera.measure();
    const shown = above(selected).findLast((one) => drawn(one)) ?? null;
    if (shown !== this.selected) this.select(shown);
    this.#roam();
    this.#later();
  }

  reveal(part) {
    this.page.step(() => this.#reveal(part));
  }

  #reveal(part) {
    const closed = uncover(part);
    if (closed) this.drawing.again(closed);
    this.camera.measure();
    this.select(part);
    if (this.camera.zoom < READABLE) this.camera.zoomTo(1);
    this.camera.centre(part.face, part.parent?.el);
    this.#later();
  }

  // ---- what a part is

  select(part) {
    for (const face of this.camera.canvas.querySelectorAll('.face[tabindex="0"]')) face.tabIndex = -1;
    this.drawing.select(part);
    if (part && !this.root.closest(".tied")) this.root.classList.add("told"); // beside others there is little room
    this.details.show(part);
  }

  // ---- colour

  colour(name) {
    this.page.step(() => {
      const part = this.#seen(this.selected) ? this.selected : this.graph.all.find((one) => this.#seen(one));
      this.camera.keep(() => part?.face, () => this.#recolour(name));
      this.#settle();
    });
  }

  #recolour(name) {
    const quantity = this.graph.quantity(name);
    this.drawing.colour(quantity);
    this.quantity.value = quantity?.name ?? "";
    this.legend.hidden = !quantity;
    for (const key of ["low", "high", "title"]) this.legend.querySelector(`.${key}`).textContent = quantity?.[key] ?? "";
    this.legend.querySelectorAll(".ramp i").forEach((one, step) => { one.style.background = `var(--heat-${quantity?.colours ?? ""}${step})`; });
    const meaning = this.root.querySelector(".meaning");
    meaning.textContent = `Colours: ${quantity?.title ?? ""}.`;
    meaning.hidden = !quantity;
    const nobody = this.legend.querySelector(".nobody");
    nobody.textContent = quantity?.unknown ?? "";
    nobody.hidden = !quantity?.unknown;
    if (this.selected) this.details.show(this.selected);
    this.#later();
  }

  // The page is dark or light now.
  dressed(dark) {
    this.light.closest("label").hidden = !dark;
    this.#later();
  }

  // ---- what the address says

  // What is selected, what it is coloured by and what is open, where that is not as the page came.
  get state() {
    const words = [this.selected ? encoded(this.selected.id) : ""];
    const name = this.drawing.quantity?.name ?? "";
    if (name !== this.scene.quantity) words.push(`color=${name}`);
    if (this.whole) words.push("whole=1");
    const open = this.graph.all.filter((part) => part.open && drawn(part));
    const implied = new Set([...this.graph.all.filter((part) => part.opened), ...above(this.selected).slice(1, -1)]);
    if (open.length !== implied.size || !open.every((part) => implied.has(part))) {
      const every = this.graph.all.every((part) => part.open || !part.children.length);
      const innermost = open.filter((part) => !part.children.some((child) => child.open));
      words.push(`open=${every ? "*" : innermost.map((part) => encoded(part.id)).join(",")}`);
    }
    const ones = open.filter((part) => part.one);
    if (ones.length) words.push(`one=${ones.map((part) => encoded(part.id)).join(",")}`);
    return words.join("&");
  }

  restore(state, place) {
    const [id, ...settings] = state.split("&"), { color, open, one: ones = "", whole } = Object.fromEntries(settings.map((word) => word.split("=")));
    const part = this.graph.byId.get(decoded(id)) ?? null, all = this.graph.all;
    const shows = () => all.map((one) => (one.one ? 2 : 0) + Number(Boolean(one.open))).join(""), before = shows();
    for (const one of all) one.one = false;
    for (const one of ones.split(",").map((id) => this.graph.byId.get(decoded(id)))) if (one?.alike) one.one = true;
    for (const one of all) one.open = one.children.length > 0 && (open === undefined ? one.opened : open === "*");
    for (const one of open?.split(",") ?? [])
      for (const box of above(this.graph.byId.get(decoded(one)))) box.open ||= box.children.length > 0;
    if (part) uncover(part);
    if (before !== shows()) this.drawing.all();
    this.#recolour(color ?? this.scene.quantity);
    this.#whole(Boolean(whole) && !this.page.alone);
    this.camera.measure();
    this.select(part);
    this.#roam();
    if (part && !place) return this.#reveal(part);
    if (place) this.camera.place = place;
    this.#settle();
  }

  get whole() { return this.root.classList.contains("whole"); }

  // Fill the screen from within a frame that another page has around this one.
  async #fill() {
    try { await (document.fullscreenElement ? document.exitFullscreen() : this.root.requestFullscreen()); }
    catch { this.said.textContent = "The page around this one does not allow that"; }
  }

  // Fill the window with it; nothing behind can be reached meanwhile.
  #whole(whole) {
    if (whole === this.whole) return;
    this.root.classList.toggle("whole", whole);
    this.root.querySelector("[data-do=whole]").setAttribute("aria-pressed", String(whole));
    for (let el = this.root; el !== document.body; el = el.parentElement)
      for (const other of el.parentElement.children) if (other !== el) other.inert = whole;
    if (!whole) this.root.scrollIntoView({ block: "nearest", behavior: "auto" });
  }

  // ---- buttons, keys, pointers

  act(name) {
    const { camera } = this;
    switch (name) {
      case "expand": return this.#openAll(true);
      case "collapse": return this.#openAll(false);
      case "larger": return this.#zoom(camera.zoom * 1.25);
      case "smaller": return this.#zoom(camera.zoom / 1.25);
      case "actual": return this.#zoom(1);
      case "fit": camera.fit(); return this.#settle();
      case "whole": return this.page.alone ? void this.#fill() : this.page.step(() => this.#whole(!this.whole));
      case "scheme": return this.page.scheme();
      case "fold": return void this.root.classList.toggle("told");
      default: return void this.#save(name);
    }
  }

  async #save(suffix) {
    this.drawing.whole(true);
    const drawing = drawnAs(this, this.light.checked), name = fileName(this, suffix);
    this.drawing.whole(false);
    const blob = suffix === "svg" ? new Blob([drawing.text], { type: "image/svg+xml" }) : await pixels(drawing);
    if (blob) download(blob, name);
    this.said.textContent = blob ? `Saved ${name}` : "Too large for pixels here: save it as SVG";
    this.#shut();
  }

  #shut() {
    this.root.querySelector("details").open = false;
  }

  #listen() {
    const { camera, drawing, view, query, root } = this;
    camera.listen();
    view.addEventListener("scroll", () => {
      this.minimap.move();
      this.scrolled ??= requestAnimationFrame(() => { this.scrolled = null; this.#names(); });
    }, { passive: true });
    addEventListener("beforeprint", () => drawing.whole(true));
    addEventListener("afterprint", () => { drawing.whole(false); this.#later(); });
    new ResizeObserver(() => { camera.measure(); this.#later(); }).observe(view);
    for (const kind of ["click", "focusin"]) view.addEventListener(kind, () => root.classList.add("awake"));
    document.addEventListener("pointerdown", ({ target }) => {
      if (root.contains(target)) this.page.active = this;
      else root.classList.remove("awake");
    }, true);
    view.addEventListener("wheel", ({ ctrlKey, metaKey }) => {
      if (ctrlKey || metaKey || this.page.alone) return;
      root.classList.add("nudged");
      clearTimeout(this.nudged);
      this.nudged = setTimeout(() => root.classList.remove("nudged"), 1800);
    }, { passive: true });
    camera.canvas.addEventListener("focusin", ({ target }) => {
      const part = drawing.byFace.get(target);
      if (!part || part === this.selected || !target.matches(":focus-visible")) return; // a click selects
      this.select(part);
      this.page.note();
    });
    camera.canvas.addEventListener("click", ({ target }) => {
      const part = drawing.byFace.get(target.closest(".face")), turned = drawing.byWay.get(target.closest(".way"));
      if (turned) return this.turn(turned);
      if (!part || camera.dragged) return;
      this.page.step(() => {
        this.select(part);
        if (part.children.length) this.toggle(part);
        else camera.bring(part.face);
      });
    });
    root.querySelector("form").addEventListener("submit", (event) => { event.preventDefault(); this.search.next(1); });
    query.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.shiftKey) { event.preventDefault(); this.search.next(-1); }
      else if (event.key === "Escape") { this.search.clear(); (this.selected?.face ?? camera.canvas.querySelector(".face")).focus(); }
    });
    query.addEventListener("input", () => this.search.run());
    document.addEventListener("pointerdown", ({ target }) => { if (!target.closest?.("details")) this.#shut(); });
    this.quantity.addEventListener("change", () => this.colour(this.quantity.value));
  }

  // Do what a key stands for; tell whether it stands for something.
  key({ key, shiftKey, target }) {
    const across = { ArrowLeft: -1, ArrowRight: 1 }[key] ?? 0, down = { ArrowUp: -1, ArrowDown: 1, PageUp: -1.6, PageDown: 1.6 }[key] ?? 0;
    const name = { "+": "larger", "=": "larger", "-": "smaller", 0: "actual", f: "fit" }[key];
    if (name) this.act(name);
    else if (key === "/") this.query.focus();
    else if (key === "Escape" && target.closest("details")) { this.#shut(); this.root.querySelector("summary").focus(); }
    else if (key === "Escape" && this.query.value) this.search.clear();
    else if (key === "Escape" && this.whole) this.act("whole");
    else if (key === "Escape" && this.root.classList.contains("awake") && !this.page.alone) this.root.classList.remove("awake");
    else if ((across && shiftKey) || (down && (shiftKey || key.startsWith("Page")))) this.camera.pan(across, down);
    else return this.drawing.byFace.has(target) && this.#walk(key, this.drawing.byFace.get(target));
    return true;
  }

  #walk(key, part) {
    const parts = this.graph.shown, here = parts.indexOf(part);
    let to = { ArrowDown: parts[here + 1], ArrowUp: parts[here - 1], Home: parts[0], End: parts.at(-1) }[key];
    if (key === "ArrowRight" && part.children.length) part.open ? (to = part.children[0]) : this.toggle(part, true);
    else if (key === "ArrowLeft") part.open ? this.toggle(part, false) : (to = part.parent);
    if (to?.face) {
      to.face.focus({ preventScroll: true });
      this.camera.bring(to.face);
    }
    return key.startsWith("Arrow") || key === "Home" || key === "End";
  }
}

const encoded = (id) => encodeURIComponent(id.replace(/\p{Surrogate}/gu, "\ufffd")).replaceAll("%2F", "/").replaceAll("%3A", ":");
function decoded(id) {
  try { return decodeURIComponent(id); } catch { return id; } // taken as it stands
}
