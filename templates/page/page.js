// All graphs of a page: what its address says, what the back button undoes, dark or light, keys.

class Page {
  constructor(roots) {
    this.depth = 0;
    this.viewers = [];
    for (const root of roots) this.viewers.push(new Viewer(root, this));
    this.active = this.viewers[0];
    const system = matchMedia("(prefers-color-scheme: dark)");
    system.addEventListener("change", () => this.#dress());
    this.#dress();
    addEventListener("popstate", ({ state }) => this.#follow(state));
    document.addEventListener("keydown", (event) => this.#key(event));
    if (location.hash.length > 1) this.#follow(history.state);
  }

  // A change that the back button undoes.
  step(change) {
    if (!this.depth) this.#write("replaceState", location.hash);
    this.depth++;
    try { change(); } finally { this.depth--; }
    if (this.depth) return;
    const hash = this.#hash();
    this.#write(hash === (location.hash || "#") ? "replaceState" : "pushState", hash);
  }

  // A change that it does not.
  note() {
    if (!this.depth) this.#write("replaceState", this.#hash());
  }

  scheme() {
    document.documentElement.dataset.theme = this.#dark ? "light" : "dark";
    this.#dress();
  }

  get #dark() { return getComputedStyle(document.documentElement).colorScheme === "dark"; }

  #dress() {
    for (const viewer of this.viewers) viewer.dressed(this.#dark);
  }

  #hash() {
    return `#${this.viewers.map((viewer) => viewer.state).join(";").replace(/;+$/, "")}`;
  }

  #write(how, hash) {
    const places = this.viewers.map(({ camera }) => camera.place);
    try { history[how]({ places }, "", hash || "#"); } catch { /* a page inside another may not */ }
  }

  #follow(state) {
    const said = location.hash.slice(1).split(";");
    this.depth++;
    this.viewers.forEach((viewer, i) => viewer.restore(said[i] ?? "", state?.places?.[i]));
    this.depth--;
  }

  #key(event) {
    const { target } = event, home = target.closest?.(".viewer");
    if (event.ctrlKey || event.metaKey || event.altKey || target.closest?.("input, select")) return;
    this.active = this.viewers.find(({ root }) => root === home) ?? this.active;
    if (this.active.key(event)) event.preventDefault();
  }
}

new Page(document.querySelectorAll(".viewer"));
