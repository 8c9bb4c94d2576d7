// Where the parts of a box stand: its layers in lanes, or its parts in columns where they are a chain.

const COLUMN = 372; // pixels of a block and the gap beside it
const CHAIN = 40; // layers one after the other that are worth several columns
const TALLEST = 60; // parts of a column, though the others are seen by scrolling only

// What of a box follows what, its ports included.
function arrange(box, row, room, direction) {
  const links = box.arrows, at = new Map(row.map((part, i) => [part, i]));
  const chain = links.every(({ tail, head }) => at.get(head) - at.get(tail) === 1);
  const apart = box.inside.every((part) => !part.children.length && part.role !== "block");
  const plain = links.every((one) => one.kind === "flow");
  if (!chain || apart && (!plain || box.parent && row.length < CHAIN)) inLanes(box, row, links);
  else inColumns(box, row, room, direction);
}

// Paths of data on tracks side by side, projection shortcut on their left, SE gate on their right.
function inLanes(box, row, links) {
  const into = new Map(row.map((part) => [part, []])), out = new Map(row.map((part) => [part, []]));
  for (const one of links) { into.get(one.head).push(one); out.get(one.tail).push(one); }
  const last = { left: 0, right: 0 };
  for (const part of row) {
    const kinds = new Set(into.get(part).map((one) => one.kind));
    part.lane = kinds.size > 1 ? "track" : kinds.has("projection") ? "left" : kinds.has("gate") ? "right" : "track";
    part.rank = Math.max(last[part.lane] ?? 0, ...into.get(part).map((one) => one.tail.rank ?? 0)) + 1;
    if (part.lane !== "track") last[part.lane] = part.rank;
  }
  const reach = new Map(row.map((part) => [part, Math.max(part.rank, ...out.get(part).map((one) => one.head.rank))]));
  const most = Math.max(...row.map((part) => part.rank)), ranks = Array.from({ length: most + 2 }, () => []);
  for (const part of row) ranks[part.rank].push(part);
  const tracks = []; // the last part of each
  const put = (part, track) => { part.track = track; tracks[track] = part; };
  for (const standing of ranks) {
    const parting = []; // that do not go on in a track, but leave one
    for (const part of standing.filter((one) => one.lane === "track")) {
      const tails = into.get(part).map((one) => one.tail).filter((tail) => tail.lane === "track");
      const went = tails.filter((tail) => tracks[tail.track] === tail).map((tail) => tail.track);
      if (went.length) put(part, Math.min(...went));
      else parting.push([part, Math.min(part.rank - 1, ...tails.map((tail) => tail.rank))]);
    }
    for (const [part, begin] of parting) {
      const free = tracks.findIndex((end) => Math.max(end.rank, reach.get(end) - 1) <= begin);
      put(part, free < 0 ? tracks.length : free);
    }
  }
  const busy = ranks.map((standing) => standing.length); // parts of a rank, and what passes it
  for (const part of row) for (let rank = part.rank + 1; rank < reach.get(part); rank++) busy[rank]++;
  for (const part of row) {
    part.centred = tracks.length > 1 && part.lane === "track" && busy[part.rank] === 1;
    const column = part.lane === "left" ? 1 : part.lane === "right" ? tracks.length + 2 : part.track + 2;
    part.el.style.gridRow = part.rank;
    part.el.style.gridColumn = part.centred ? `2 / ${tracks.length + 2}` : column;
    part.el.classList.add(part.lane);
    part.el.classList.toggle("centred", part.centred);
    box.body.append(part.el);
  }
  const stands = (part) => (part.centred ? part.lane : `${part.lane} ${part.track}`);
  const between = ({ tail, head }) => ranks.slice(tail.rank + 1, head.rank).some((standing) => standing.some((part) =>
    part.lane === tail.lane && (tail.centred || part.centred || part.track === tail.track)));
  const passing = links.filter((one) => stands(one.tail) === stands(one.head) && between(one));
  const long = (one) => one.head.rank - one.tail.rank;
  const meet = (one, other) => one.tail.rank < other.head.rank && other.tail.rank < one.head.rank;
  for (const one of links) one.rail = null;
  for (const one of passing.sort((a, b) => long(a) - long(b))) {
    const taken = passing.filter((other) => other.rail !== null && meet(one, other)).map((other) => other.rail);
    one.rail = [...passing.keys()].find((level) => !taken.includes(level));
  }
  box.middle = row.filter((part) => part.lane === "track");
  box.body.classList.add("lanes");
  const rails = Math.max(0, ...passing.map((one) => one.rail + 1));
  box.body.classList.toggle("several", tracks.length > 1);
  box.body.classList.toggle("railed", rails > 0);
  box.body.style.setProperty("--rails", rails);
}

// Parts run down; many of them go on in the next column, as far as there is room.
function inColumns(box, row, room, direction) {
  box.middle = null;
  box.across = !box.parent && direction === "LR";
  box.body.classList.toggle("across", box.across);
  if (box.across) return box.body.append(...row.map((part) => part.el));
  const many = box.inside.length, tall = box.inside.filter((part) => part.open).length > many / 2;
  const most = tall ? Math.round(Math.sqrt(many / 2.6)) : Math.max(6, Math.round(Math.sqrt(many * 1.3)));
  const fit = Math.max(1, Math.floor(room / COLUMN), Math.ceil(many / TALLEST));
  const columns = tall ? Math.ceil(many / most) : Math.min(Math.ceil(many / most), fit);
  const height = box.parent ? Math.ceil(many / columns) : many;
  for (let i = 0; i < many; i += height)
    box.body.append(make("div", { class: "column" }, ...box.inside.slice(i, i + height).map((part) => part.el)));
  if (box.ports?.in) box.body.querySelector(".column").prepend(box.ports.in.el);
  if (box.ports?.out) box.body.lastChild.append(box.ports.out.el);
}
