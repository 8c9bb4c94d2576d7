// Parts found by what they are called, what they do and what comes out of them, listed and stepped through.

const MOST_LISTED = 200;

class Search {
  constructor(root, graph, { found, go }) {
    const find = (name) => root.querySelector(`.${name}`);
    this.graph = graph; this.go = go; this.told = found; this.found = []; this.at = -1;
    this.query = find("query"); this.hits = find("hits"); this.listed = find("listed");
    this.list = make("ol");
    this.listed.append(this.list);
    this.texts = new Map();
  }

  // What is looked for: all of some words, or /a regular expression/; null of one that is none.
  static test(words) {
    if (!words.startsWith("/")) {
      const all = words.toLowerCase().replace(/(?<=\d)x(?=\d)/g, "×").split(/\s+/).filter(Boolean);
      return ({ lower }) => all.every((word) => lower.includes(word));
    }
    const [, pattern, flags] = /^\/(.*?)(?:\/([a-z]*))?$/.exec(words);
    try {
      const expression = new RegExp(pattern, flags?.replace(/[gy]/g, "") || "i");
      return ({ fields }) => fields.some((field) => expression.test(field));
    } catch { return null; }
  }

  text(part) {
    if (!this.texts.has(part)) {
      const fields = [part.path, part.title, part.aside, part.called, ...(part.lines ?? [])].filter(Boolean);
      this.texts.set(part, { fields, lower: fields.join("\n").toLowerCase() });
    }
    return this.texts.get(part);
  }

  run() {
    const words = this.query.value.trim(), asked = words.replace(/^\/$/, "") !== "", test = asked ? Search.test(words) : () => false;
    this.found = test ? this.graph.all.filter((part) => test(this.text(part))) : [];
    const whole = words.toLowerCase();
    this.found.sort((a, b) => Number(b.path.toLowerCase() === whole) - Number(a.path.toLowerCase() === whole));
    this.at = -1;
    const { length } = this.found;
    this.query.setAttribute("aria-invalid", String(!test));
    this.hits.textContent = !test ? "no such pattern" : asked ? `${length || "no"} hit${length === 1 ? "" : "s"}` : "";
    this.listed.hidden = !length;
    this.list.replaceChildren(...this.found.slice(0, MOST_LISTED).map((part, at) => {
      const button = make("button", { type: "button" }, make("code", {}, part.path), " ", make("span", {}, part.title === part.path ? "" : part.title));
      button.onclick = () => this.#step(at);
      return make("li", {}, button);
    }), length > MOST_LISTED ? make("li", {}, `and ${length - MOST_LISTED} more`) : "");
    this.told(this.found);
  }

  next(way) {
    const { length } = this.found;
    if (length) this.#step(this.at < 0 && way < 0 ? length - 1 : (this.at + way + length) % length);
  }

  #step(at) {
    this.at = at;
    for (const button of this.list.querySelectorAll("[aria-current]")) button.removeAttribute("aria-current");
    const button = this.list.children[at]?.querySelector("button");
    button?.setAttribute("aria-current", "true");
    if (button) this.list.scrollTop = button.offsetTop - this.list.clientHeight / 2;
    this.go(this.found[at]);
    this.hits.textContent = `${at + 1} of ${this.found.length}`;
  }

  clear() {
    this.query.value = "";
    this.run();
  }
}
