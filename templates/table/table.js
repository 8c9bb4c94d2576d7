// Tables that are sorted, filtered, narrowed to some columns and copied. A cell of a number holds its exact value (`data-value`,
// nothing where it is not known); a row of a level (`data-level`) is part of the nearest row above of a level less.

const NATURAL = new Intl.Collator("en", { numeric: true });
const UNITS = {
  k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50,
  "%": .01, ms: 1e-3, us: 1e-6, "µs": 1e-6,
};
const TESTS = { ">": (a, b) => a > b, "<": (a, b) => a < b, ">=": (a, b) => a >= b, "<=": (a, b) => a <= b, "=": (a, b) => a === b, "!=": (a, b) => a !== b };
const CONDITION = /(?:([\p{L}_][\p{L}\d_]*)\s*)?(>=|<=|!=|>|<|=)\s*(-?[\d.]+(?:e[+-]?\d+)?)\s*(%|ms|us|µs|[kMGTP]i?|)(?:B|s)?(?=\s|$)/giu;

class DataTable {
  constructor(root) {
    root.dataset.ready = "";
    this.root = root;
    this.table = root.querySelector("table");
    this.body = this.table.tBodies[0];
    this.heads = [...this.table.tHead.rows[0].cells].map((el, n) => this.#head(el, n));
    this.levels = root.dataset.levels?.split(",") ?? [];
    this.words = "";
    this.sort = null;
    this.ordered = [...this.body.rows];
    this.#adopt();
    for (const head of this.heads) if ("hidden" in head.el.dataset) this.#hide(head, true);
    this.#dress();
    this.show();
    root.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.#close();
      event.stopPropagation(); // the page's keys are for its graphs
    });
  }

  #head(el, n) {
    const breakable = el.textContent.replaceAll("\u00ad", "-\n");
    const { key, kind, wraps } = el.dataset;
    return { el, n, key, kind, wraps: wraps !== undefined, right: el.classList.contains("right"), breakable, head: breakable.replaceAll("-\n", "").replaceAll("\n", " ") };
  }

  #make(name, properties = {}, ...inside) {
    const el = Object.assign(document.createElement(name), properties);
    el.append(...inside);
    return el;
  }

  // Finds out which rows are part of which.
  #adopt() {
    this.top = { children: [], level: -1, open: true };
    let last = this.top;
    this.rows = [...this.body.rows].map((el, place) => {
      const row = { el, place, level: Number(el.dataset.level ?? 0), children: [], open: false };
      while (last.level >= row.level) last = last.parent;
      row.parent = last;
      last.children.push(row);
      last = row;
      return row;
    });
    for (const head of this.heads) if (head.wraps) for (const { el } of this.rows) el.cells[head.n].classList.add("wraps");
    if (this.levels.length) for (const row of this.rows) this.#foldable(row);
  }

  #foldable(row) {
    const cell = row.el.cells[0];
    if (!row.children.length) { cell.classList.add("leaf"); return; }
    row.button = this.#make("button", { type: "button", className: "fold", onclick: () => { row.open = !row.open; this.show(); } });
    row.button.setAttribute("aria-label", `parts of ${cell.textContent}`);
    cell.prepend(row.button);
  }

  #dress() {
    for (const head of this.heads) {
      head.button = this.#make("button", { type: "button", className: "sorter", title: "Sort", onclick: () => this.#turn(head) }, ...head.el.childNodes);
      head.el.append(head.button);
      head.el.setAttribute("aria-sort", "none");
    }
    this.said = this.#make("output", { className: "said" });
    const filter = this.#make("input", { type: "search", placeholder: "Filter: words, or params > 1M", autocomplete: "off", spellcheck: false, oninput: () => { this.words = filter.value; this.show(); } });
    filter.setAttribute("aria-label", `Filter rows of ${this.root.dataset.title}`);
    const few = this.rows.length < 4;
    this.root.querySelector(".scroll").before(this.#make("div", { className: "bar" }, ...(few ? [] : [filter]), ...this.#folding(), this.#menu("Columns", this.#choices()), this.#menu("Copy", this.#copies()), this.said));
  }

  #folding() {
    if (this.levels.length < 2) return [];
    const choice = this.#make("select", { onchange: () => {
      for (const row of this.rows) row.open = row.level < choice.selectedIndex;
      this.show();
    } }, ...this.levels.map((name) => this.#make("option", {}, `by ${name}`)));
    choice.setAttribute("aria-label", "Rows");
    return [choice];
  }

  #menu(name, inside) {
    const menu = this.#make("details", {}, this.#make("summary", {}, name), this.#make("div", { className: "menu" }, ...inside));
    menu.addEventListener("focusout", ({ relatedTarget }) => { if (relatedTarget && !menu.contains(relatedTarget)) menu.open = false; });
    return menu;
  }

  #close() {
    for (const menu of this.root.querySelectorAll(".bar details[open]")) {
      menu.open = false;
      menu.firstChild.focus();
    }
  }

  #choices() {
    return this.heads.slice(1).map((head) => {
      const box = this.#make("input", { type: "checkbox", checked: !head.el.hidden, onchange: () => this.#hide(head, !box.checked) });
      return this.#make("label", {}, box, ` ${head.head}`);
    });
  }

  #hide({ n }, hidden) {
    for (const { cells } of this.table.rows) cells[n].hidden = hidden;
  }

  #copies() {
    return Object.keys(COPIES).map((name) => this.#make("button", { type: "button", onclick: () => this.#copy(name) }, name));
  }

  async #copy(name) {
    const text = this.as(name), rows = text && this.shown.length;
    try {
      await navigator.clipboard.writeText(text);
    } catch { // not allowed inside another page: the old way
      const area = this.#make("textarea", { value: text });
      this.root.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    this.#close();
    this.said.value = `${rows} ${rows === 1 ? "row" : "rows"} copied as ${name}`;
  }

  // What is shown, as the command line writes it.
  as(name) {
    const { title, number = "", name: label = "" } = this.root.dataset;
    const notes = (place) => [...this.root.querySelectorAll(`${place} p`)].map((el) => el.textContent);
    const totals = [...(this.table.tFoot?.rows ?? [])];
    const columns = this.heads.filter(({ el }) => !el.hidden).map((head) => {
      const cells = this.shown.map(({ el }) => el.cells[head.n]);
      return {
        ...head, texts: cells.map(DataTable.text), totals: totals.map((row) => DataTable.text(row.cells[head.n])),
        marks: cells.map((cell) => cell.querySelector("sup")?.textContent ?? ""), values: cells.map(DataTable.exact), numeric: cells.map((cell) => "value" in cell.dataset),
      };
    });
    return COPIES[name]({ title, number, name: label, lead: notes("figcaption"), notes: notes(".notes"), marked: "marked" in this.root.dataset, columns });
  }

  // What people read in a cell, less its mark and the blanks that align points.
  static text(cell) {
    return [...cell.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.data).join("").replace(/[\u2007\u2008]+$/, "");
  }

  static exact(cell) { return cell.dataset.value ?? cell.dataset.plain ?? DataTable.text(cell); }

  // The number in a cell; null for a text and for what is not known.
  static number(cell) {
    const { value } = cell.dataset;
    return value ? Number(value.replace("inf", "Infinity")) : null;
  }

  // Three states: numbers largest first and texts from A, the other way, as it came.
  #turn(head) {
    const first = head.right ? "descending" : "ascending", other = head.right ? "ascending" : "descending";
    const next = this.sort?.head !== head ? first : this.sort.way === first ? other : "none";
    for (const { el } of this.heads) el.setAttribute("aria-sort", el === head.el ? next : "none");
    this.sort = next === "none" ? null : { head, way: next };
    this.show();
  }

  #sorted(rows) {
    if (!this.sort) return rows;
    const { head: { n }, way } = this.sort, sign = way === "ascending" ? 1 : -1;
    const keyed = rows.map((row) => {
      const cell = row.el.cells[n], number = DataTable.number(cell), words = "value" in cell.dataset ? "" : DataTable.text(cell);
      return { row, number, words, rank: number !== null ? 0 : words ? 1 : 2 };
    });
    const order = (a, b) => a.rank - b.rank || sign * (a.rank ? NATURAL.compare(a.words, b.words) : a.number - b.number) || a.row.place - b.row.place;
    return keyed.sort(order).map(({ row }) => row);
  }

  // A test of rows: every word in it and every condition met, or a regular expression.
  #filter() {
    const words = this.words.trim(), pattern = /^\/(.+)\/$/.exec(words)?.[1];
    const texts = (row) => (row.words ??= [...row.el.cells].map(DataTable.text).join("\n").toLowerCase());
    if (pattern) {
      try {
        const expression = new RegExp(pattern, "im");
        return (row) => expression.test(texts(row));
      } catch { return () => false; }
    }
    const tests = [];
    const rest = words.replace(CONDITION, (all, key, sign, value, unit) => {
      const heads = this.heads.filter((head) => head.right && (!key || head.key === key.toLowerCase()));
      const found = heads.length || !key ? heads : this.heads.filter((head) => head.right && head.key.startsWith(key.toLowerCase())).slice(0, 1);
      if (!found.length) return all;
      const bound = Number(value) * (UNITS[unit] ?? 1);
      tests.push(({ el }) => found.some(({ n }) => { const held = DataTable.number(el.cells[n]); return held !== null && TESTS[sign](held, bound); }));
      return " ";
    });
    for (const word of rest.toLowerCase().split(/\s+/).filter(Boolean)) tests.push((row) => texts(row).includes(word));
    return (row) => tests.every((test) => test(row));
  }

  // Puts the rows in order and shows those that are asked for, with what encloses them.
  show() {
    const filtered = this.words.trim() !== "", passes = this.#filter();
    let hits = 0;
    this.shown = [];
    const ordered = [];
    const walk = (rows, within) => {
      let any = false;
      for (const row of this.#sorted(rows)) {
        const hit = passes(row), at = this.shown.length;
        const seen = filtered ? hit : within;
        hits += Number(filtered && hit);
        ordered.push(row.el);
        this.shown.push(row);
        const inside = walk(row.children, within && row.open);
        if (!seen && !(filtered && inside)) this.shown.splice(at, 1);
        else any = true;
        const hidden = !(seen || (filtered && inside));
        if (row.el.hidden !== hidden) row.el.hidden = hidden;
        row.button?.setAttribute("aria-expanded", String(row.open || (filtered && inside)));
      }
      return any;
    };
    walk(this.top.children, true);
    if (ordered.some((el, place) => el !== this.ordered[place])) this.body.append(...ordered);
    this.ordered = ordered;
    this.said.value = filtered ? `${hits} of ${this.rows.length} rows` : "";
  }
}

for (const root of document.querySelectorAll(".rsinspect-table:not([data-ready])")) new DataTable(root);
