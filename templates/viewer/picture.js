// The drawing as it stands, as an SVG document that needs nothing of this page, and as PNG pixels.

const UNWRITABLE = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|\p{Surrogate}/gu; // in XML
const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escaped = (words) => words.replace(UNWRITABLE, "\ufffd").replace(/[&<>"]/g, (sign) => ESCAPES[sign]);
const round = (value) => Math.round(value * 100) / 100;
const EDGE = 28; // pixels around the drawing
const MOST_PIXELS = matchMedia("(pointer: coarse)").matches ? 1.6e7 : 6e7; // that phones, and others, make a picture of

// Words are set to the width they have here, so they stay in their boxes in another font.
class Pen {
  constructor() {
    this.out = [];
    this.ruler = document.createElement("canvas").getContext("2d");
    this.ascents = new Map();
  }

  tag(name, attributes, inside) {
    const said = Object.entries(attributes).filter(([, value]) => value !== "" && value !== null && value !== undefined);
    const start = ["<" + name, ...said.map(([key, value]) => `${key}="${typeof value === "number" ? round(value) : escaped(value)}"`)].join(" ");
    this.out.push(inside === undefined ? `${start}/>` : `${start}>${inside}</${name}>`);
  }

  font(style) {
    this.ruler.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    return this.ruler.font;
  }

  // How much of a line is above its foot.
  ascent(style) {
    const font = this.font(style);
    if (!this.ascents.has(font)) {
      const { fontBoundingBoxAscent: above, fontBoundingBoxDescent: below } = this.ruler.measureText("x");
      this.ascents.set(font, above / (above + below));
    }
    return this.ascents.get(font);
  }

  width(words, style) {
    this.font(style);
    return this.ruler.measureText(words).width;
  }

  words(words, x, y, style, width = this.width(words, style)) {
    this.tag("text", {
      x, y, "font-size": parseFloat(style.fontSize), "font-weight": style.fontWeight >= 600 ? "bold" : "",
      fill: style.color, textLength: width, lengthAdjust: "spacingAndGlyphs",
    }, escaped(words));
  }

  // All that shows of an element of the page; `origin` is the corner of the drawing, `zoom` its scale.
  element(el, origin, zoom) {
    const style = getComputedStyle(el);
    if (style.display === "none" || el.matches("noscript")) return;
    const rect = el.getBoundingClientRect();
    const box = [rect.left - origin.left, rect.top - origin.top, rect.width, rect.height].map((side) => side / zoom);
    if (el.matches(".wires")) return this.wires(el, box);
    if (el.matches(".sign")) return this.words(getComputedStyle(el, "::before").content.slice(1, -1), box[0], box[1] + box[3] / 2 + 4, style);
    this.box(style, ...box);
    for (const child of el.childNodes)
      if (child.nodeType === Node.ELEMENT_NODE) this.element(child, origin, zoom);
      else if (child.nodeType === Node.TEXT_NODE && child.data.trim()) this.lines(child, style, origin, zoom);
  }

  box(style, x, y, width, height) {
    const fill = /, 0\)$|^transparent$/.test(style.backgroundColor) ? "none" : style.backgroundColor;
    const sides = ["Top", "Right", "Bottom", "Left"].map((side) =>
      style[`border${side}Style`] === "none" ? 0 : parseFloat(style[`border${side}Width`]));
    const all = sides.every((side) => side && side === sides[0]), line = all ? sides[0] : 0;
    if (fill !== "none" || all)
      this.tag("path", {
        d: outline(x + line / 2, y + line / 2, width - line, height - line, corners(style, width, height, line / 2)),
        fill, stroke: all ? style.borderTopColor : "", "stroke-width": all && line !== 1 ? line : "",
        "stroke-dasharray": all && style.borderTopStyle === "dashed" ? "6 4" : "",
      });
    if (all) return;
    const [top, , bottom, left] = sides;
    if (top) this.tag("path", { d: `M${round(x)} ${round(y + top / 2)}h${round(width)}`, stroke: style.borderTopColor });
    if (bottom) this.tag("path", { d: `M${round(x)} ${round(y + height - bottom / 2)}h${round(width)}`, stroke: style.borderBottomColor });
    if (left) this.tag("path", { d: `M${round(x + left / 2)} ${round(y)}v${round(height)}`, stroke: style.borderLeftColor });
  }

  lines(node, style, origin, zoom) {
    const ascent = this.ascent(style), range = document.createRange();
    range.selectNodeContents(node);
    const rects = [...range.getClientRects()].filter((rect) => rect.width);
    const lines = rects.length === 1 ? [[node.data.trim(), rects[0]]] : wrapped(node, range);
    for (const [words, { left, top, width, height }] of lines)
      this.words(words.replace(/\s+/g, " "), (left - origin.left) / zoom, (top - origin.top + height * ascent) / zoom, style, width / zoom);
  }

  wires(el, corner) {
    const [x, y] = corner;
    for (const kind of new Set([...el.children].map((path) => path.classList[1]))) {
      const paths = [...el.querySelectorAll(`.${kind}`)];
      this.tag("g", { transform: `translate(${round(x)} ${round(y)})`, ...edge(kind, paths[0]) },
        paths.map((path) => `<path d="${path.getAttribute("d").replace(/\d+\.\d+/g, (digits) => round(Number(digits)))}"/>`).join(""));
    }
  }
}

function edge(kind, path) {
  const { stroke, strokeWidth, strokeDasharray } = getComputedStyle(path);
  return { fill: "none", stroke, "stroke-width": parseFloat(strokeWidth),
    "stroke-dasharray": strokeDasharray === "none" ? "" : strokeDasharray.replaceAll("px", ""), "marker-end": `url(#${kind})` };
}

function corners(style, width, height, inset) {
  return ["TopLeft", "TopRight", "BottomRight", "BottomLeft"].map((corner) =>
    Math.max(0, Math.min(parseFloat(style[`border${corner}Radius`]), width / 2, height / 2) - inset));
}

function outline(x, y, width, height, radii) {
  const [a, b, c, d] = radii;
  const arc = (r, dx, dy) => (r ? `a${round(r)} ${round(r)} 0 0 1 ${round(dx)} ${round(dy)}` : "");
  return `M${round(x + a)} ${round(y)}h${round(width - a - b)}${arc(b, b, b)}v${round(height - b - c)}${arc(c, -c, c)}` +
    `h${round(c + d - width)}${arc(d, -d, -d)}v${round(a + d - height)}${arc(a, a, -a)}z`;
}

// The lines that a text is broken into, each with its place.
function wrapped(node, range) {
  const lines = [];
  for (const { 0: word, index } of node.data.matchAll(/\S+/g)) {
    range.setStart(node, index);
    range.setEnd(node, index + word.length);
    const { left, top, right, width, height } = range.getBoundingClientRect(), line = lines.at(-1);
    if (!width) continue;
    if (line && Math.abs(line[1].top - top) < height / 2) {
      line[0] += ` ${word}`;
      line[1].width = right - line[1].left;
    } else lines.push([word, { left, top, width, height }]);
  }
  return lines;
}

// The whole drawing with its title and keys, open and coloured as it is now.
function picture(viewer) {
  const { camera: { canvas, zoom }, graph: { scene }, root } = viewer, pen = new Pen();
  const page = getComputedStyle(document.body), muted = getComputedStyle(root.querySelector(".about p"));
  const plain = { fontFamily: page.fontFamily, fontSize: "13px", fontWeight: "400", color: page.color };
  const bold = { ...plain, fontSize: "18px", fontWeight: "650" }, small = { ...plain, fontSize: "12px", color: muted.color };
  const width = Math.ceil(Math.max(canvas.offsetWidth, 640, pen.width(scene.title, bold) + 2 * EDGE));
  const head = scene.title ? 48 : 0;
  if (head) pen.words(scene.title, EDGE, 38, bold);
  const drawing = canvas.getBoundingClientRect(), aside = (width - canvas.offsetWidth) / 2;
  const origin = { left: drawing.left - aside * zoom, top: drawing.top - head * zoom };
  for (const panel of canvas.children) pen.element(panel, origin, zoom);
  const bottom = foot(pen, viewer, head + canvas.offsetHeight, width, { plain, small });
  const kinds = [...root.querySelectorAll(".key .edge")].map((path) => [path.classList[1], getComputedStyle(path).stroke]);
  const marks = kinds.map(([kind, colour]) => `<marker id="${kind}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="9" ` +
    `markerHeight="9" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 1L10 5L0 9Z" fill="${colour}"/></marker>`);
  const [shown, family] = [page.backgroundColor, escaped(page.fontFamily)];
  return { width, height: bottom, text: `<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="${VECTOR}" width="${width}" height="${bottom}" viewBox="0 0 ${width} ${bottom}" role="img" font-family="${family}">
<title>${escaped(scene.title || scene.name)}</title>
<desc>${escaped(scene.description)}</desc>
<defs>${marks.join("")}</defs>
<rect width="${width}" height="${bottom}" fill="${shown}"/>
${pen.out.join("\n")}
</svg>
` };
}

// Write arrows, colours and what the numbers mean below; give the height of all.
function foot(pen, viewer, top, width, { plain, small }) {
  const quantity = viewer.drawing.quantity;
  let x = EDGE, y = top + 10;
  const room = (wide) => { if (x > EDGE && x + wide > width - EDGE) { x = EDGE; y += 22; } };
  for (const item of viewer.root.querySelectorAll(".key li")) {
    const words = item.textContent.trim(), path = item.querySelector(".edge"), wide = pen.width(words, plain);
    room(46 + wide);
    if (path) pen.tag("path", { d: `M${round(x)} ${round(y - 4)}h36`, ...edge(path.classList[1], path) });
    else pen.box(getComputedStyle(item.querySelector(".swatch")), x + 14, y - 10, 22, 12);
    pen.words(words, x + 44, y, plain);
    x += 44 + wide + 24;
  }
  if (quantity) {
    const wide = [quantity.low, quantity.high, quantity.title].map((words) => pen.width(words, plain));
    room(wide[0] + wide[1] + wide[2] + 190);
    pen.words(quantity.low, x, y, plain);
    x += wide[0] + 8;
    const steps = viewer.root.querySelectorAll(".ramp i");
    for (const [index, step] of [...steps].entries())
      pen.tag("rect", { x: x + index * 144 / steps.length, y: y - 11, width: 144 / steps.length + 0.5, height: 13, fill: getComputedStyle(step).backgroundColor });
    pen.words(quantity.high, x + 152, y, plain);
    x += 152 + wide[1] + 16;
    room(wide[2]);
    pen.words(quantity.title, x, y, plain);
  }
  y += 24;
  let line = "";
  for (const word of viewer.graph.scene.caption.split(/\s+/).filter(Boolean)) {
    if (line && pen.width(`${line} ${word}`, small) > width - 2 * EDGE) {
      pen.words(line, EDGE, y, small);
      y += 17;
      line = "";
    }
    line += line ? ` ${word}` : word;
  }
  if (line) pen.words(line, EDGE, y, small);
  return Math.ceil(line ? y + 16 : y - 8);
}

// Give the document in the colours of paper where that is wanted, else in those of the page.
function drawnAs(viewer, light) {
  const { dataset } = document.documentElement, theme = dataset.theme;
  if (light) dataset.theme = "light";
  viewer.camera.canvas.classList.add("saved");
  try { return picture(viewer); }
  finally {
    viewer.camera.canvas.classList.remove("saved");
    if (theme) dataset.theme = theme;
    else delete dataset.theme;
  }
}

async function pixels({ width, height, text: document_ }) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(document_)}`;
  await image.decode();
  const scale = Math.min(2, 16000 / width, 16000 / height, Math.sqrt(MOST_PIXELS / (width * height)));
  const sheet = make("canvas", { width: Math.floor(width * scale), height: Math.floor(height * scale) });
  sheet.getContext("2d").drawImage(image, 0, 0, sheet.width, sheet.height);
  return new Promise((done) => { sheet.toBlob(done, "image/png"); });
}

function fileName({ graph: { scene }, drawing: { quantity } }, suffix) {
  const words = [scene.name, scene.view, quantity?.name ?? ""].map((word) => word.replace(/[^\w.@+-]+/g, "-").replace(/^[-.]+|[-.]+$/g, ""));
  return `${words.filter(Boolean).join("-")}.${suffix}`;
}

function download(blob, name) {
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
