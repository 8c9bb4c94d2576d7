// What a reader is told of the part that they chose: what is known of it, and why it is so.

const CALLED = { output_shape: "output", activation_bytes: "activations", latency_s: "latency", weight_std: "weights", weight_max: "range" };
const named = (key) => CALLED[key] ?? key.replaceAll("_", " ").replace("macs", "MACs").replace("flops", "FLOPs");
const grouped = (words) => String(words).replace(/\d{5,}/g, (digits) => digits.replace(/\B(?=(\d{3})+$)/g, "\u202f"));
const formula = (words) => grouped(words).replaceAll("*", "\u2009·\u2009").replaceAll("^2", "²");

class Details {
  constructor(root, graph, { go, wants }) {
    this.root = root; this.graph = graph; this.go = go; this.wants = wants;
    const level = Number(root.closest(".viewer").dataset.level);
    this.title = `h${level}`; this.topic = `h${level + 1}`;
    graph.scene.panels.forEach(({ called = [], sees = [] }, i) => {
      const leaves = graph.diagrams[i].children.flatMap(function inner(part) { return part.children.length ? part.children.flatMap(inner) : [part]; });
      let name = "";
      leaves.forEach((part, at) => {
        const [, alike, rest] = /^(\d+) (.*)$/s.exec(called[at] ?? "0 ");
        name = [...name].slice(0, Number(alike)).join("") + rest;
        part.called = name === part.path ? "" : name;
        part.sees = sees[at];
      });
    });
  }

  show(part) {
    this.root.replaceChildren(...(part ? this.#told(part) : []));
    this.root.parentElement.scrollTop = 0;
  }

  #told(part) {
    const copy = make("button", { type: "button" }, "Copy path"), path = make("code", {}, part.path);
    copy.onclick = async () => {
      getSelection().selectAllChildren(path);
      try { await navigator.clipboard.writeText(part.path); } catch { document.execCommand("copy"); }
      copy.textContent = "Copied";
    };
    return [make(this.title, {}, part.title), make("div", { class: "path" }, path, copy), this.#facts(part), ...this.#why(part),
      ...this.#ways("Part of", part.parent?.path ? [[part.parent]] : []),
      ...this.#ways("Reads", part.from), ...this.#ways("Is read by", part.to)];
  }

  #facts(part) {
    const list = make("dl"), { scene } = this.graph;
    const say = (key, value, more) => list.append(make("dt", {}, key), make("dd", {}, value, more && make("small", {}, more)));
    say("role", part.role);
    if (part.called) say("Keras name", make("span", { class: "mono" }, part.called));
    if (part.mark) say("compared", part.mark);
    if (part.repeats > 1) say("repeats", `× ${part.repeats}`);
    if (part.lines) say("layout", part.lines.join("; "));
    for (const [key, value, words] of this.graph.facts(part)) {
      if (typeof value === "string") { say(named(key), value); continue; }
      const quantity = scene.quantities.find((one) => one.key === key), share = quantity && this.graph.heat(part, quantity)?.[2];
      const exact = Number.isInteger(value) && value >= 1000 ? grouped(value) : "";
      say(named(key), make("data", { value }, words), [exact, share && `${share} of the whole`].filter(Boolean).join(", "));
    }
    const [size, stride] = this.#seen(part);
    if (size) say("sees", `${size}\u2009×\u2009${size} pixels of the image`, stride > 1 ? `a place every ${stride} pixels` : "");
    const heat = this.graph.heat(part, this.wants()), quantity = this.wants();
    if (heat && !this.graph.facts(part).some(([key]) => key === quantity.key)) say(quantity.words, heat[1]);
    if (part.children.length) say("inside", `${part.children.length} part${part.children.length > 1 ? "s" : ""}`);
    return list;
  }

  // How much of the image a position of the output sees; of a box, that of its last layer.
  #seen(part) {
    while (part.children.length) part = part.children.at(-1);
    return part.sees ?? [];
  }

  #why(part) {
    const why = this.graph.explained(part);
    if (!why) return [];
    const [formulas, flops] = why, list = make("dl", { class: "why" });
    for (const [quantity, words, numbers, value] of formulas) {
      const result = value === null ? "" : make("data", { value }, grouped(value));
      list.append(make("dt", {}, quantity), make("dd", {}, make("span", { class: "mono" }, formula(words)),
        numbers && numbers !== String(value) && make("span", { class: "mono" }, `= ${formula(numbers)}`), result && make("span", { class: "mono" }, "= ", result)));
    }
    const others = make("dl", { class: "other" });
    flops.forEach((value, i) => others.append(make("dt", {}, this.graph.scene.conventions[i]), make("dd", {}, make("data", { value }, grouped(value)))));
    return [...(formulas.length ? [make(this.topic, {}, "How the numbers come about"), list] : []),
      ...(flops.length ? [make(this.topic, {}, "FLOPs by convention"), others] : [])];
  }

  #ways(title, edges) {
    return edges?.length ? [make(this.topic, {}, title), make("ul", {}, ...edges.map(([to, kind, label]) => {
      const button = make("button", { type: "button" }, to.path);
      button.onclick = () => this.go(to);
      return make("li", {}, button, kind && ` ${this.graph.scene.words[kind]} ${label}`);
    }))] : [];
  }
}
