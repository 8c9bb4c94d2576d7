// A table as text, as the command line writes it: CSV of exact values, Markdown and LaTeX of what people read.
// Given: `title`, `number`, `name`, `lead`, `notes`, `marked` (marks of footnotes are a column for programs) and `columns`, each with `key`, `kind`, `head` on one line, `breakable`, `right`,
// `wraps` and, row by row, `texts`, `values`, `marks` and `totals`.

const NONE = "–";
const heading = ({ number, title }) => (number ? `${number}. ${title}` : title);
const chars = (words) => [...words];
const most = (numbers) => numbers.reduce((a, b) => Math.max(a, b), 0);

function asCsv({ columns: [first, ...others], marked }) {
  const marks = { key: "note", values: first.marks, numeric: [] };
  const columns = [first, ...(marked ? [marks] : []), ...others];
  const cell = (words) => (/[",\r\n]/.test(words) ? `"${words.replaceAll('"', '""')}"` : words);
  const value = (column, row) => (column.numeric[row] ? column.values[row] : harmless(column.values[row]));
  const rows = first.texts.map((_, row) => columns.map((column) => cell(value(column, row))));
  if (columns.length === 1) for (const row of rows) row[0] ||= '""';
  return [columns.map(({ key }) => cell(key)), ...rows].map((row) => `${row.join()}\n`).join("");
}

// A text that a spreadsheet does not take for a formula.
function harmless(words) {
  const line = words.replaceAll("\n", " ").replaceAll("×", "x");
  return /^[=+\-@\t\r＝＋－＠]/.test(line) ? `'${line}` : line;
}

function asMarkdown(table) {
  const { columns, lead, notes } = table;
  const escape = (words) => words.replaceAll("\n", " ").replace(/[\\`*_|<>[\]~&$#]/g, "\\$&").replace(/(?<=[A-Za-z])(?::\/\/|@)|(?<=[Ww]{3})\./g, "\\$&");
  const line = (cells) => `| ${cells.join(" | ")} |`;
  const mark = (words) => (words ? `<sup>${escape(words)}</sup>` : "");
  const bold = (words) => (words ? `**${words}**` : "");
  const lines = [
    `**${escape(heading(table))}**`, "", ...lead.flatMap((note) => [escape(note), ""]),
    line(columns.map(({ head }) => escape(head))),
    line(columns.map(({ right }) => (right ? "---:" : ":---"))),
    ...columns[0].texts.map((_, row) => line(columns.map(({ texts, marks }) => escape(texts[row]) + mark(marks[row])))),
    ...columns[0].totals.map((_, row) => line(columns.map(({ totals }) => bold(escape(totals[row]))))),
    "", ...notes.map((note) => `- ${escape(note)}`),
  ];
  return `${lines.join("\n").trimEnd()}\n`;
}

const PAGE = 345; // points of the text width of an article
const SIGNS = {
  "\\": "\\textbackslash{}", "{": "\\{", "}": "\\}", $: "\\$", "&": "\\&", "#": "\\#", "%": "\\%", _: "\\_", "^": "\\textasciicircum{}",
  "~": "\\textasciitilde{}", "<": "\\textless{}", ">": "\\textgreater{}", "|": "\\textbar{}", '"': "\\texttt{\\symbol{34}}",
  "`": "\\textasciigrave{}", "→": "$\\rightarrow$", "×": "$\\times$", "·": "$\\cdot$", "−": "$-$", "–": "\\textendash{}", "µ": "$\\mu$",
  "≥": "$\\geq$", "≤": "$\\leq$", "…": "\\dots{}", "[": "{[}", "]": "{]}",
};
const WIDTHS = [[" !',.:;[]_`il", .28], ["fj-I()rst", .38], ["cez", .45], ["kqvxySbdhnpu", .56], ["ZLFEPBCTwRAHNUVXYD", .74], ["&+=@GKOQ#%m×–→−", .83], ["MW", 1]];
const SETTINGS = [false, true].flatMap((folded) => [
  { command: "small", em: 9.3, gap: 8 }, { command: "footnotesize", em: 8.55, gap: 8 }, { command: "footnotesize", em: 8.55, gap: 5 },
].flatMap((size) => [false, true].map((broken) => ({ folded, ...size, broken }))));
const LETTER = new Map(WIDTHS.flatMap(([letters, width]) => chars(letters).map((letter) => [letter, width])));

const wide = (words, em) => em * chars(words).reduce((sum, letter) => sum + (LETTER.get(letter) ?? .5), 0);

function tex(words) {
  let escaped = chars(words.replaceAll("\n", " ").replaceAll("->", "→")).map((letter) => SIGNS[letter]
    ?? (/[ -~À-ÖØ-Ýß-öø-ýÿ]/.test(letter) ? letter : /\s/.test(letter) ? " " : `\\texttt{U+${letter.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}}`)).join("");
  while (escaped.includes("--")) escaped = escaped.replaceAll("--", "-{}-");
  return escaped.replace(/(?<=\d) (?=\d{3}(?!\d)|(?:[kKMGTP]i?B?|B|\\%|ms|s|\$\\mu\$s)(?![A-Za-z]))/g, "\\,");
}
const breakable = (escaped) => escaped.replace(/(?<=[\p{L}\p{N}_*.}])(\/|\\_|\*|=)(?=[\p{L}\p{N}_*\\])/gu, "$1\\allowbreak{}");
const raised = (mark) => (mark ? `\\textsuperscript{${tex(mark)}}` : "");

// Digits that numbers lack for their points to be below each other.
function lacking({ kind, texts, totals }) {
  const ends = kind === "number" || kind === "rate" ? [...texts, ...totals].filter((words) => /\d$/.test(words)).map((words) => [words, /(\.\d*)?$/.exec(words)[0].length]) : [];
  const widest = most(ends.map(([, end]) => end));
  return new Map(ends.map(([words, end]) => [words, widest - end]));
}

class Latex {
  constructor(table) {
    this.table = table;
    this.columns = table.columns;
    for (const column of this.columns) {
      column.lacks = lacking(column);
      column.all = [...column.texts, ...column.totals];
      column.marked = column.marks.reduce((a, b) => (b.length > a.length ? b : a), "");
    }
    const total = (widths, gap) => widths.reduce((a, b) => a + b, 0) + gap * (widths.length - 1);
    this.total = total;
    this.set = SETTINGS.find((setting) => total(this.needed(setting), setting.gap) <= PAGE) ?? SETTINGS.at(-1);
    this.need = this.needed(this.set);
    this.bands = this.banded();
    const notes = [...table.lead, ...table.notes].reduce((sum, note) => sum + 1 + Math.floor(chars(note).length / 85), 0);
    this.long = this.bands.length * this.columns[0].texts.length + notes > 42;
  }

  heads(column, { broken }) { return broken ? column.breakable.split("\n") : [column.head]; }

  wanted(column, { em }) {
    return most(column.all.flatMap((words) => words.split("\n").map((line) => wide(line, em) + em * .5 * (column.lacks.get(words) ?? 0)))) + wide(column.marked, .8 * em);
  }

  needed(setting) {
    return this.columns.map((column) => most([
      Math.min(this.wanted(column, setting), column.wraps && setting.folded ? 60 : PAGE),
      ...this.heads(column, setting).map((part) => wide(part, setting.em)),
    ]));
  }

  banded() {
    const { need, set: { gap } } = this, bands = [[0]];
    let used = need[0];
    for (let n = 1; n < need.length; n++) {
      if (used + gap + need[n] > PAGE && bands.at(-1).length > 1) {
        bands.push([0]);
        used = need[0];
      }
      bands.at(-1).push(n);
      used += gap + need[n];
    }
    return bands;
  }

  // What is left of the line goes to the columns that fold their texts.
  widths(band) {
    const widths = band.map((n) => this.need[n]), wanted = band.map((n) => this.wanted(this.columns[n], this.set));
    const hungry = [...widths.keys()].filter((n) => wanted[n] > widths[n]).sort((a, b) => wanted[a] - wanted[b]);
    hungry.forEach((n, turn) => {
      const left = (PAGE - this.set.gap * (band.length - 1) - widths.reduce((a, b) => a + b, 0)) / (hungry.length - turn);
      widths[n] = Math.min(wanted[n], widths[n] + Math.max(left, 0));
    });
    return widths;
  }

  letters(band, widths) {
    return band.map((n, place) => {
      const column = this.columns[n], width = widths[place];
      const folds = column.wraps && (width < this.wanted(column, this.set) || column.texts.some((words) => words.includes("\n")));
      return folds ? `>{\\raggedright\\arraybackslash}p{${(width / PAGE).toFixed(3)}\\linewidth}` : column.right ? "r" : "l";
    }).join("");
  }

  cell(column, words) {
    if (words === NONE) return "--";
    if (column.wraps) return words.split("\n").map((line) => breakable(tex(line))).join("\\newline ");
    const after = column.lacks.get(words) ?? 0;
    if (column.right && /^-\d/.test(words)) words = `−${words.slice(1)}`;
    return tex(words) + (after ? `\\phantom{.${"0".repeat(after - 1)}}` : "");
  }

  rows(band) {
    const columns = band.map((n) => this.columns[n]), line = (cells) => `${cells.join(" & ")} \\\\`;
    const heads = columns.map((column) => this.heads(column, this.set)), tall = most(heads.map((head) => head.length));
    return {
      heads: Array.from({ length: tall }, (_, row) => line(heads.map((head) => tex(head[row - tall + head.length] ?? "")))),
      body: [
        ...columns[0].texts.map((_, row) => line(columns.map((column) => this.cell(column, column.texts[row]) + raised(column.marks[row])))),
        ...(columns[0].totals.length ? ["\\midrule"] : []),
        ...columns[0].totals.map((_, row) => line(columns.map((column) => this.cell(column, column.totals[row])))),
      ],
    };
  }

  get caption() {
    const { number, title, name } = this.table, after = number ? ` (after ${number} of Bello et al., 2021)` : "";
    const label = (name || heading(this.table)).toLowerCase().replace(/[^a-z0-9.]+/g, "-").replace(/^[-.]+|[-.]+$/g, "");
    return `\\caption{${tex(title + after)}}\\label{tab:${label}}`;
  }

  get notes() {
    return [...this.table.lead, ...this.table.notes].map((note) => {
      const [, mark, words] = /^([a-z]): (.*)$/s.exec(note) ?? [null, "", note];
      return `  \\item[${raised(mark)}${mark ? "\\," : ""}]${breakable(tex(words))}`;
    });
  }

  get text() {
    const lines = [`% needs \\usepackage{array,booktabs,${this.long ? "longtable" : "threeparttable"}}`, ...(this.long ? this.longtable() : this.float())];
    return `${lines.map((line) => line.trimEnd()).join("\n")}\n`;
  }

  float() {
    const { set, notes } = this;
    const tabulars = this.bands.flatMap((band, number) => {
      const widths = this.widths(band), columns = this.letters(band, widths), share = this.bands.length > 1 ? 1 : .6;
      const spread = share === 1 || this.total(widths, set.gap) < share * PAGE, kind = spread ? "tabular*" : "tabular";
      const open = spread ? `{tabular*}{${share}\\linewidth}{@{\\extracolsep{\\fill}}${columns}@{}}` : `{tabular}{@{}${columns}@{}}`;
      const { heads, body } = this.rows(band);
      return [
        ...(number ? ["", "    \\medskip"] : []), `    \\begin${open}`,
        ...["\\toprule", ...heads, "\\midrule", ...body, "\\bottomrule"].map((line) => `      ${line}`), `    \\end{${kind}}`,
      ];
    });
    return [
      "\\begin{table}[htbp]", "  \\centering", `  \\${set.command}`, `  \\setlength{\\tabcolsep}{${set.gap / 2}pt}`,
      "  \\begin{threeparttable}", `    ${this.caption}`, ...tabulars,
      ...(notes.length ? ["    \\begin{tablenotes}[flushleft]\\footnotesize\\raggedright\\labelsep=0pt", ...notes.map((note) => `    ${note}`), "    \\end{tablenotes}"] : []),
      "  \\end{threeparttable}", "\\end{table}",
    ];
  }

  longtable() {
    const { set, notes } = this, inside = (lines) => lines.map((line) => `  ${line}`);
    const tables = this.bands.flatMap((band, number) => {
      const { heads, body } = this.rows(band), head = ["\\toprule", ...heads, "\\midrule"];
      return [
        `\\begin{longtable}{@{}${this.letters(band, this.widths(band))}@{}}`,
        ...(number ? [] : [`  ${this.caption} \\\\`, ...inside([...head, "\\endfirsthead"])]),
        `  \\multicolumn{${band.length}}{@{}l}{\\emph{continued}} \\\\`,
        ...inside([...head, "\\endhead", "\\bottomrule", "\\endfoot", ...body]), "\\end{longtable}",
        ...(number ? ["\\addtocounter{table}{-1}"] : []),
      ];
    });
    return [
      `{\\${set.command}\\setlength{\\tabcolsep}{${set.gap / 2}pt}`, "\\setlength{\\LTcapwidth}{\\linewidth}", ...tables,
      ...(notes.length ? ["\\begin{list}{}{\\footnotesize\\leftmargin=0pt\\itemsep=0pt\\parsep=0pt}", "  \\labelsep=0pt\\raggedright", ...notes, "\\end{list}"] : []), "}",
    ];
  }
}

const COPIES = { CSV: asCsv, Markdown: asMarkdown, LaTeX: (table) => new Latex(table).text };
