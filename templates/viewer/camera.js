// What of a drawing is seen: zoom, scroll, and the small map of the whole.

const MARGIN = 14; // pixels between what is brought into view and the edge
const READABLE = 0.6; // the zoom below which nobody is sent to read

class Camera {
  constructor(view, { zoomed }) {
    this.view = view; this.zoomed = zoomed; this.zoom = 1; this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    this.sizer = view.querySelector(".sizer");
    this.canvas = view.querySelector(".canvas");
  }

  // Room for the zoomed drawing to scroll in, and its size on paper.
  measure() {
    const { canvas: { offsetWidth: width, offsetHeight: height }, sizer, zoom } = this;
    sizer.style.width = `${width * zoom}px`;
    sizer.style.height = `${height * zoom}px`;
    const print = Math.min(1, 700 / width, Math.max(820 / height, 0.5)); // a page, or its width
    for (const [key, value] of [["print", print], ["width", `${width * print}px`], ["height", `${height * print}px`]])
      sizer.style.setProperty(`--${key}`, value);
  }

  fits() {
    return [this.view.clientWidth / this.canvas.offsetWidth, this.view.clientHeight / this.canvas.offsetHeight];
  }

  // Zoom and leave the point at x, y of the view where it is.
  zoomTo(value, x = this.view.clientWidth / 2, y = this.view.clientHeight / 2) {
    const { view, sizer } = this;
    const spot = [(view.scrollLeft + x - sizer.offsetLeft) / this.zoom, (view.scrollTop + y) / this.zoom];
    this.zoom = Math.min(4, Math.max(Math.min(0.03, ...this.fits()), value));
    this.canvas.style.transform = `scale(${this.zoom})`;
    this.measure();
    view.scrollTo({ left: spot[0] * this.zoom + sizer.offsetLeft - x, top: spot[1] * this.zoom - y, behavior: "auto" });
    this.zoomed();
  }

  zoomAt(value, el) {
    const [frame, rect] = [this.frame(), el.getBoundingClientRect()];
    this.zoomTo(value, rect.left + rect.width / 2 - frame.left, rect.top + rect.height / 2 - frame.top);
  }

  fit() {
    this.zoomTo(Math.min(1.5, ...this.fits()));
    this.view.scrollTo({ left: 0, top: 0, behavior: "auto" });
  }

  frame() {
    const { left, top } = this.view.getBoundingClientRect(), { clientWidth: width, clientHeight: height } = this.view;
    return { left, top, width, height, right: left + width, bottom: top + height };
  }

  // Whether a reader sees something of it that can be pointed at.
  sees(el) {
    const [frame, rect] = [this.frame(), el.getBoundingClientRect()];
    const wide = Math.min(rect.right, frame.right) - Math.max(rect.left, frame.left);
    const high = Math.min(rect.bottom, frame.bottom) - Math.max(rect.top, frame.top);
    return wide >= Math.min(24, rect.width) && high >= Math.min(12, rect.height) && wide > 0 && high > 0;
  }

  // Scroll no further than it takes to see all of it, or as much as there is room for.
  bring(el) {
    const [frame, rect] = [this.frame(), el.getBoundingClientRect()];
    const way = (from, to, low, high) => {
      if (to - from > high - low - 2 * MARGIN) return from - low - MARGIN;
      return from < low + MARGIN ? from - low - MARGIN : Math.max(0, to - high + MARGIN);
    };
    this.view.scrollBy({
      left: way(rect.left, rect.right, frame.left, frame.right),
      top: way(rect.top, rect.bottom, frame.top, frame.bottom), behavior: "auto",
    });
  }

  // Put it in the middle, with what it is in where there is room for that.
  centre(el, around, { jump = this.calm.matches } = {}) {
    const [frame, rect] = [this.frame(), el.getBoundingClientRect()], outer = around?.getBoundingClientRect();
    const wide = outer && outer.width < frame.width ? outer : rect;
    const middle = Math.min(wide.left, rect.left) + wide.width / 2 - frame.left - frame.width / 2;
    const left = wide.width > frame.width ? rect.left - frame.left - MARGIN : middle; // its name is on the left
    const top = rect.top + Math.min(rect.height, frame.height) / 2 - frame.top - frame.height / 2;
    const near = Math.hypot(left, top) < frame.width; // farther than that nobody can follow
    this.view.scrollBy({ left, top, behavior: near && !jump ? "smooth" : "auto" });
  }

  // Change what is drawn and leave an element where it was.
  keep(element, change) {
    const before = element()?.getBoundingClientRect();
    change();
    this.measure();
    const after = before && element()?.getBoundingClientRect();
    if (after) this.view.scrollBy({ left: after.left - before.left, top: after.top - before.top, behavior: "auto" });
  }

  pan(across, down) {
    const { clientWidth, clientHeight } = this.view;
    this.view.scrollBy({ left: across * clientWidth / 2, top: down * clientHeight / 2, behavior: this.calm.matches ? "auto" : "smooth" });
  }

  get place() {
    return [this.zoom, this.view.scrollLeft, this.view.scrollTop];
  }

  set place([zoom, left, top]) {
    this.zoomTo(zoom);
    this.view.scrollTo({ left, top, behavior: "auto" });
  }

  // A mouse that drags pans; a wheel with Ctrl and two fingers zoom.
  listen() {
    const { view } = this;
    let grip = null, pinch = 0;
    this.dragged = false;
    view.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "mouse" && event.button === 0 && event.offsetX < view.clientWidth)
        grip = { x: event.clientX, y: event.clientY, left: view.scrollLeft, top: view.scrollTop, moved: false };
    });
    view.addEventListener("pointermove", (event) => {
      if (!grip) return;
      if (!(event.buttons & 1)) return void (grip = null);
      const [dx, dy] = [event.clientX - grip.x, event.clientY - grip.y];
      if (!grip.moved && Math.hypot(dx, dy) > 5) { grip.moved = true; view.setPointerCapture(event.pointerId); view.classList.add("dragged"); }
      if (grip.moved) view.scrollTo({ left: grip.left - dx, top: grip.top - dy, behavior: "auto" });
    });
    view.addEventListener("pointerup", () => {
      this.dragged = Boolean(grip?.moved); // the click that ends a drag is none
      setTimeout(() => { this.dragged = false; });
      grip = null;
      view.classList.remove("dragged");
    });
    view.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const frame = this.frame();
      this.zoomTo(this.zoom * Math.exp(-event.deltaY / 300), event.clientX - frame.left, event.clientY - frame.top);
    }, { passive: false });
    view.addEventListener("touchmove", (event) => {
      if (event.touches.length !== 2) return;
      event.preventDefault();
      const [a, b] = event.touches, frame = this.frame();
      const spread = Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
      if (pinch) this.zoomTo(this.zoom * spread / pinch, (a.clientX + b.clientX) / 2 - frame.left, (a.clientY + b.clientY) / 2 - frame.top);
      pinch = spread;
    }, { passive: false });
    view.addEventListener("touchend", () => { pinch = 0; });
  }
}

// The whole drawing, small, with a frame around what is seen; a drag or a click moves the frame.
// Keys do the same, so it is not there for a screen reader.
class Minimap {
  constructor(el, camera, graph) {
    this.el = el; this.camera = camera; this.graph = graph;
    this.sheet = el.children[0]; this.frame = el.children[1];
    const go = (event) => {
      const box = el.getBoundingClientRect(), { view, zoom } = camera;
      view.scrollTo({
        left: (event.clientX - box.left) / this.scale * zoom - view.clientWidth / 2,
        top: (event.clientY - box.top) / this.scale * zoom - view.clientHeight / 2, behavior: "auto",
      });
    };
    el.addEventListener("pointerdown", (event) => { event.preventDefault(); el.setPointerCapture(event.pointerId); go(event); });
    el.addEventListener("pointermove", (event) => { if (el.hasPointerCapture(event.pointerId)) go(event); });
  }

  draw() {
    const { camera: { view, canvas, zoom }, graph, el } = this;
    const [width, height] = [canvas.offsetWidth, canvas.offsetHeight];
    const over = [width * zoom / view.clientWidth, height * zoom / view.clientHeight];
    const { position, borderColor: line } = getComputedStyle(el), covers = position === "absolute"; // on a narrow page: it has to be worth it
    el.hidden = covers ? over[0] < 1.2 && over[1] < 4 : over[0] <= 1.001 && over[1] <= 1.001;
    const scale = Math.min((covers ? 90 : 300) / width, (covers ? 110 : 170) / height);
    el.hidden ||= width * scale < 12; // a line, no map
    if (el.hidden) return;
    this.scale = scale;
    const shows = [width, height, scale, line, graph.changes].join();
    if (shows !== this.shows) this.#draw(width * scale, height * scale, line);
    this.shows = shows;
    this.move();
  }

  #draw(width, height, line) {
    const { camera: { canvas, zoom }, sheet, el, graph } = this, sharp = devicePixelRatio || 1, fills = new Map();
    [sheet.width, sheet.height] = [width, height].map((side) => Math.max(1, Math.round(side * sharp)));
    el.style.width = `${width}px`;
    el.style.height = `${height}px`;
    const pen = sheet.getContext("2d"), origin = canvas.getBoundingClientRect(), pixels = this.scale * sharp;
    pen.strokeStyle = line;
    pen.lineWidth = 0.5;
    const fillOf = (key, element) => {
      if (!fills.has(key)) fills.set(key, getComputedStyle(element).getPropertyValue("--fill"));
      return fills.get(key);
    };
    const draw = (x, y, w, h, fill, opacity = 1) => {
      const box = [x * pixels, y * pixels, Math.max(1, w * pixels), Math.max(1, h * pixels)];
      pen.fillStyle = fill;
      pen.globalAlpha = opacity;
      pen.fillRect(...box);
      pen.globalAlpha = 1;
      if (box[3] > 3) pen.strokeRect(...box);
    };
    for (const part of graph.all) {
      if (!drawn(part)) continue;
      const { left, top, width: w, height: h } = part.el.getBoundingClientRect();
      const [x, y] = [(left - origin.left) / zoom, (top - origin.top) / zoom], element = part.row ? part.el.firstElementChild : part.el;
      draw(x, y, w / zoom, h / zoom, fillOf(`${element.className} ${element.style.getPropertyValue("--fill")}`, element), part.body ? 0.35 : 1);
      if (!part.sketched) continue;
      const body = part.body.getBoundingClientRect();
      for (const shape of part.body.querySelectorAll(".shade"))
        for (const [, ...place] of shape.getAttribute("d").matchAll(/M(\S+) (\S+)h(\S+)v([\d.]+)/g)) {
          const [left, top, wide, high] = place.map(Number);
          draw((body.left - origin.left) / zoom + left, (body.top - origin.top) / zoom + top, wide, high,
            fillOf(`${shape.getAttribute("class")} ${shape.getAttribute("style")}`, shape));
        }
    }
  }

  move() {
    if (this.el.hidden || !this.scale) return;
    const { view, zoom, canvas } = this.camera, scale = this.scale / zoom;
    const [width, height] = [canvas.offsetWidth * zoom, canvas.offsetHeight * zoom];
    Object.assign(this.frame.style, {
      width: `${Math.min(view.clientWidth, width) * scale}px`, height: `${Math.min(view.clientHeight, height) * scale}px`,
      transform: `translate(${view.scrollLeft * scale}px, ${view.scrollTop * scale}px)`,
    });
  }
}
