// All graphs of a page: what its address says, what the back button undoes, dark or light, keys.

class Page {
  constructor(roots) {
    this.depth = 0;
    this.ties = []; // graphs that move together
    this.alone = [...roots].every((root) => root.parentElement.matches("main")); // else they stand in a report
    this.viewers = [];
    for (const root of roots) this.viewers.push(new Viewer(root, this));
    this.active = this.alone ? this.viewers[0] : null;
    this.switches = document.querySelectorAll("[data-do=scheme]");
    for (const button of this.switches) if (!button.closest(".viewer")) button.addEventListener("click", () => this.scheme());
    const system = matchMedia("(prefers-color-scheme: dark)");
    system.addEventListener("change", () => this.#dress());
    this.#dress();
    addEventListener("popstate", ({ state }) => this.#follow(state));
    document.addEventListener("keydown", (event) => this.#key(event));
    document.addEventListener("pointerdown", ({ target }) => { if (!this.alone && !target.closest?.(".viewer")) this.active = null; }, true);
    if (location.hash.length > 1) this.#follow(history.state);
  }

  // A change that the back button undoes.
  step(change) {
    if (!this.depth) this.#write("replaceState", location.hash);
    this.depth++;
    try {
      change();
      if (this.depth === 1) this.#tied();
    } finally { this.depth--; }
    if (this.depth) return;
    const hash = this.#hash();
    this.#write(hash === (location.hash || "#") ? "replaceState" : "pushState", hash);
  }

  // A change that it does not.
  note() {
    if (this.depth) return;
    this.#tied();
    this.#write("replaceState", this.#hash());
  }

  #tied() {
    for (const tie of this.ties) tie.follow();
  }

  scheme() {
    document.documentElement.dataset.theme = this.#dark ? "light" : "dark";
    this.#dress();
  }

  get #dark() { return getComputedStyle(document.documentElement).colorScheme === "dark"; }

  #dress() {
    for (const button of this.switches) button.textContent = this.#dark ? "Light" : "Dark";
    for (const viewer of this.viewers) viewer.dressed(this.#dark);
  }

  #hash() {
    return `#${this.viewers.map((viewer) => viewer.state).join(";").replace(/;+$/, "")}`;
  }

  #write(how, hash) {
    const places = this.viewers.map(({ camera }) => camera.place);
    try { history[how]({ places }, "", hash || "#"); } catch { /* a page inside another may not */ }
  }

  // The address names what else is on the page (the browser goes there), or says what the graphs show.
  #follow(state) {
    const hash = location.hash.slice(1), said = hash.split(";");
    if (document.getElementById(decoded(hash))) return;
    this.depth++;
    this.viewers.forEach((viewer, i) => viewer.restore(said[i] ?? "", state?.places?.[i]));
    this.depth--;
    for (const tie of this.ties) tie.remember();
    const first = this.viewers[said.findIndex(Boolean)];
    if (first && !state && !this.alone) first.root.scrollIntoView({ behavior: "auto" });
  }

  #key(event) {
    const { target } = event, home = target.closest?.(".viewer");
    if (event.ctrlKey || event.metaKey || event.altKey || target.closest?.("input, select, textarea")) return;
    if (home) this.active = this.viewers.find(({ root }) => root === home) ?? null;
    else if (target !== document.body && !this.alone) return;
    if (this.active?.key(event)) event.preventDefault();
  }
}

const page = new Page(document.querySelectorAll(".viewer"));
