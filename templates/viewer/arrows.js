// Arrows between the parts of a box, measured from where the browser has put them.

const ends = (el) => {
  const { offsetLeft: left, offsetTop: top, offsetWidth: width, offsetHeight: height } = el;
  return { left, top, right: left + width, bottom: top + height, x: left + width / 2, y: top + height / 2 };
};

function route(box, { tail, head, rail }, left) {
  const a = ends(tail.el), b = ends(head.el);
  if (rail !== null && rail !== undefined) {
    const x = left() - 18 - 12 * rail;
    return [[a.left, a.y], [x, a.y], [x, b.y], [b.left, b.y]];
  }
  if (box.across) return [[a.right, a.y], [(a.right + b.left) / 2, a.y], [(a.right + b.left) / 2, b.y], [b.left, b.y]];
  if (box.middle && tail.lane !== head.lane) {
    if (tail.lane === "track") return [[b.x > a.x ? a.right : a.left, a.y], [b.x, a.y], [b.x, b.top]];
    return [[a.x, a.bottom], [a.x, b.y], [a.x > b.x ? b.right : b.left, b.y]];
  }
  if (!box.middle && tail.el.parentElement !== head.el.parentElement) {
    const x = (ends(tail.el.parentElement).right + head.el.parentElement.offsetLeft) / 2;
    return [[a.x, a.bottom], [a.x, a.bottom + 12], [x, a.bottom + 12], [x, b.top - 13], [b.x, b.top - 13], [b.x, b.top]];
  }
  if (box.middle && Math.abs(a.x - b.x) > 2) {
    const y = b.top - 11;
    return [[a.x, a.bottom], [a.x, y], [b.x, y], [b.x, b.top]];
  }
  const x = (a.x + b.x) / 2; // the same, but for rounding
  return [[x, a.bottom], [x, b.top]];
}

// A closed block has its shortcut beside it.
const bypass = ({ left, top, bottom }) => [[left, top + 10], [left - 13, top + 10], [left - 13, bottom - 10], [left, bottom - 10]];

// The way of every arrow of a box, for all of them at once.
function routes(box) {
  let least;
  const left = () => (least ??= Math.min(...box.middle.map((part) => part.el.offsetLeft)));
  const around = box.inside.filter((part) => part.shortcut && !part.open);
  return [
    ...box.arrows.map((one) => [one, bend(route(box, one, left))]),
    ...around.map((part) => [{ kind: part.shortcut, label: part.aside }, bend(bypass(ends(part.el)))]),
  ];
}

// A polyline with round corners.
function bend(points) {
  points = points.filter((p, i) => !i || Math.hypot(p[0] - points[i - 1][0], p[1] - points[i - 1][1]) > 1);
  const pieces = [`M${points[0]}`];
  const toward = ([x, y], [u, v], r) => [x + Math.sign(u - x) * Math.min(r, Math.abs(u - x)), y + Math.sign(v - y) * Math.min(r, Math.abs(v - y))];
  for (let i = 1; i < points.length - 1; i++) {
    const [before, here, after] = points.slice(i - 1, i + 2);
    const reach = Math.min(9, Math.hypot(here[0] - before[0], here[1] - before[1]) / 2, Math.hypot(after[0] - here[0], after[1] - here[1]) / 2);
    pieces.push(`L${toward(here, before, reach)}Q${here} ${toward(here, after, reach)}`);
  }
  return `${pieces.join("")}L${points.at(-1)}`;
}
