// What is in a box, as few shapes as will do: where it is too small or too far to be read.

// How large a form is, where in it parts stand and how its arrows run.
function measure(box) {
  const { offsetWidth: width, offsetHeight: height } = box.body;
  const parts = box.inside.map(({ el }) => [el.offsetLeft, el.offsetTop, el.offsetWidth, el.offsetHeight]);
  const arrows = new Map();
  for (const [{ kind }, d] of routes(box)) arrows.set(kind, (arrows.get(kind) ?? "") + d);
  Object.assign(box.form, { width, height, parts, arrows });
}

const rectangle = ([x, y, width, height]) => `M${x} ${y}h${width}v${height}h${-width}z`;

// The arrows of a kind are one shape, and so are the parts of a colour.
function sketch(box, heat) {
  const { parts, arrows } = box.form, colours = new Map();
  box.inside.forEach((part, i) => {
    const step = heat(part), colour = step === undefined ? part.role : `heat-${step}`;
    colours.set(colour, (colours.get(colour) ?? "") + rectangle(parts[i]));
  });
  return [
    ...[...arrows].map(([kind, d]) => make("path", { class: `edge ${kind}`, d })),
    ...[...colours].map(([colour, d]) => make("path", colour.startsWith("heat-")
      ? { class: "shade", style: `--fill: var(--${colour})`, d } : { class: `shade ${colour}`, d })),
  ];
}

// The parts of a sketch that were found are another.
function markFound(box, hits) {
  const found = box.inside.map((part, i) => (hits.has(part) ? rectangle(box.form.parts[i]) : "")).join("");
  box.wires.querySelector(".found")?.remove();
  if (found) box.wires.append(make("path", { class: "shade found", d: found }));
}
