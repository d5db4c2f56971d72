// The paper: holds the strokes, draws them, hands them over, and shows the answer as bars, which never touch the drawing.

const SEND_EVERY_MS = 120;
const CLOSEST_PX = 0.8; // points nearer to the last one than this tell nothing new; in canvas pixels, as all below
const KEY_STEP_PX = 8;
const FINE_STEP_PX = 2;
const BRUSHES = [6, 40];
const MAX_HISTORY = 200;
const BEGINNING_MS = 500; // a finger that joins a stroke so young, or so short, means to pinch
const BEGINNING_PX = 12;
const PALM_MS = 500; // so long after the pen was seen a touch is the palm of its hand
const TYPED = "input:not([type=range], [type=checkbox], [type=radio], [type=button]), textarea, select";
const MAX_PHOTO_BYTES = 20e6;
const PHOTO_SIDE_PX = 1200; // pasted and dropped pictures are made this small before they are sent
const ICONS = {
  undo: "M9 14 4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3",
  redo: "m15 14 5-5-5-5M20 9H10a6 6 0 0 0 0 12h3",
  clear: "M4 7h16M10 11v6m4-6v6M6 7l1 13h10l1-13M9 7V4h6v3",
  pen: "M4 20l1-5L16 4l4 4L9 19zM14 6l4 4",
  eraser: "M8 20h12M5 12 13 4l7 7-8 9H9l-5-5 5-5 7 7",
};

// Drawings by key and generation, so that they are there again when the person comes back to the page.
const left = new Map();

class Sheet {
  constructor(parent) {
    this.erasing = false;
    this.stroke = null; // the one being drawn
    this.pointer = null; // whose it is: a pointer's id, or "keys"
    this.cursor = null; // where the keyboard's pen is
    this.held = new Set(); // arrow keys
    this.touches = new Set(); // fingers and palms that are down, by their pointers' ids
    this.pinching = false; // until all of them are lifted
    this.penSeen = -Infinity;
    this.root = element(`
      <div class="canvas"><div class="parts">
        <div class="desk">
          <div class="paper">
            <canvas class="sheet" tabindex="0" role="application" data-testid="drawing" aria-roledescription="drawing area"
              aria-label="Drawing area. Arrow keys move the pen, Space puts it down or lifts it, Control Z undoes, Delete clears."></canvas>
            <div class="invitation" aria-hidden="true"></div>
            <div class="found" aria-hidden="true" data-testid="found"></div>
            <div class="ring" hidden></div>
          </div>
          <div class="tools" role="toolbar" aria-label="Drawing">
            <div class="group">${tool("pen", "Pen")}${tool("eraser", "Eraser (E)")}</div>
            <div class="group">${tool("undo", "Undo (Ctrl+Z)")}${tool("redo", "Redo (Ctrl+Shift+Z)")}${tool("clear", "Clear (Delete)")}</div>
            <label class="brush"><span class="dot" aria-hidden="true"></span>
              <input type="range" min="${BRUSHES[0]}" max="${BRUSHES[1]}" step="1" data-testid="brush" aria-label="Width of the line"></label>
          </div>
          <div class="keys">By keyboard: <kbd>←</kbd> <kbd>↑</kbd> <kbd>↓</kbd> <kbd>→</kbd> move, <kbd>Space</kbd> pen down or up</div>
          <div class="spoken" role="status" data-testid="spoken"></div>
        </div>
        <div class="answer" data-testid="answer"><div class="guess">
          <span class="refusal" data-testid="refused"><b></b><span class="reason" data-testid="refused-reason"></span></span>
          <span class="first" data-testid="first-guess"></span>
          <span class="guesses"><span class="probability" data-testid="first-percent"></span><br><span class="second" data-testid="second-guess"></span></span>
        </div><ol class="bars" data-testid="bars"></ol><div class="spoken" role="status" data-testid="spoken-answer"></div></div>
      </div></div>`);
    parent.append(this.root);
    const find = (selector) => this.root.querySelector(selector);
    this.canvas = find(".sheet");
    this.context = this.canvas.getContext("2d");
    this.done = document.createElement("canvas"); // finished strokes, so that a move of the pen draws one stroke only
    this.paper = find(".paper");
    this.ring = find(".ring");
    this.invitation = find(".invitation");
    this.found = find(".found");
    this.spoken = find(".spoken");
    this.brush = find(".brush input");
    this.dot = find(".dot");
    this.tools = Object.fromEntries([...this.root.querySelectorAll(".tool")].map((button) => [button.dataset.testid, button]));
    this.answer = find(".answer");
    this.bars = find(".bars");
    this.listen();
  }

  // --- talking with Python ---

  receive(data, send) {
    this.send = send;
    this.limits = data;
    this.size = data.size;
    this.key = data.key;
    write(this.root, "--side", `${data.height}px`);
    text(this.invitation, data.hint);
    const again = this.session !== undefined && data.session !== this.session;
    this.session = data.session;
    if (again) this.join(data);
    else if (data.generation !== this.generation) this.adopt(data);
    this.fit();
    this.showFound(data);
    this.showAnswer(data);
    if (!this.stroke && data.revision === this.revision) this.announce();
  }

  // Tell those parts of the page that follow the drawing (follow.js) what has just been answered.
  announce() {
    const detail = { key: this.key, state: `${this.generation}/${this.revision}` };
    document.dispatchEvent(new CustomEvent("nnviz-drawing", { detail }));
  }

  // A session that knows nothing of this drawing, as the server was started again: it is told all of it.
  join(data) {
    this.generation = data.generation;
    this.revision = Math.max(this.revision, data.revision);
    if (this.stroke || this.strokes.length) this.hand();
  }

  // Other strokes than those on the canvas: the first ones, or those of a new generation.
  adopt(data) {
    const kept = this.generation === undefined ? left.get(this.key) : null;
    this.drop();
    this.generation = data.generation;
    this.past = [];
    this.future = [];
    this.revision = data.revision;
    this.cursor = null;
    if (kept?.generation === data.generation) {
      Object.assign(this, kept);
      if (this.revision > data.revision) this.hand(); // what was drawn last didn't arrive before the page was left
    } else {
      this.strokes = data.strokes;
      if (this.width === undefined) this.width = data.brush;
      this.begun = null;
    }
    this.brush.value = this.width;
    this.repaint();
    this.tell();
  }

  // Hand the drawing over, at once or when the last time is long enough ago.
  hand(at = 0) {
    this.revision += 1;
    clearTimeout(this.timer);
    const wait = at - performance.now();
    if (wait > 0) {
      this.timer = setTimeout(() => this.hand(), wait);
      return;
    }
    this.timer = null;
    this.handedAt = performance.now();
    const strokes = this.stroke ? [...this.strokes, this.stroke] : this.strokes;
    this.root.dataset.sent = this.revision;
    this.root.dataset.strokes = strokes.length;
    this.send({ generation: this.generation, revision: this.revision, drawing: { width: this.size, height: this.size, strokes } });
  }

  leave() {
    this.end();
    const { generation, strokes, past, future, revision, width, erasing, begun } = this;
    if (this.timer) clearTimeout(this.timer);
    left.set(this.key, { generation, strokes, past, future, revision, width, erasing, begun });
    this.stopListening.abort();
    this.watcher.disconnect();
    cancelAnimationFrame(this.frame);
    this.root.remove();
  }

  // --- strokes ---

  begin(x, y, erase, pointer) {
    if (this.stroke || this.strokes.length >= this.limits.maxStrokes) return false;
    if (this.begun === null || !this.strokes.length) this.begun = performance.now();
    this.pointer = pointer;
    this.startedAt = performance.now();
    this.stroke = { points: [], width: this.width, erase };
    this.extend(x, y, performance.now());
    return true;
  }

  extend(x, y, time) {
    const { points } = this.stroke;
    const limit = 2 * this.size; // a captured pointer may be far outside
    [x, y] = [x, y].map((place) => Math.round(10 * Math.max(-limit, Math.min(limit, place))) / 10);
    const last = points.at(-1);
    if (last && Math.hypot(x - last[0], y - last[1]) < CLOSEST_PX) return;
    if (points.length + this.strokes.reduce((sum, stroke) => sum + stroke.points.length, 0) >= this.limits.maxPoints) return;
    points.push([x, y, Math.max(last?.[2] ?? 0, Math.round(time - this.begun))]);
    this.paintSoon();
    this.hand((this.handedAt ?? 0) + SEND_EVERY_MS);
  }

  end() {
    const { stroke } = this;
    if (!stroke) return;
    this.drop();
    this.change([...this.strokes, stroke]);
  }

  // As if the stroke being drawn had never begun, also for who was told of its beginning.
  cancel() {
    if (!this.stroke) return;
    this.drop();
    this.become(this.strokes);
  }

  // Forget the stroke being drawn.
  drop() {
    this.stroke = this.pointer = null;
    this.held.clear();
  }

  change(strokes) {
    this.past = [...this.past, this.strokes].slice(-MAX_HISTORY);
    this.future = [];
    this.become(strokes);
  }

  become(strokes) {
    this.strokes = strokes;
    this.repaint();
    this.tell();
    this.hand();
  }

  undo() {
    this.end();
    if (!this.past.length) return;
    this.future.push(this.strokes);
    this.become(this.past.pop());
  }

  redo() {
    this.end();
    if (!this.future.length) return;
    this.past.push(this.strokes);
    this.become(this.future.pop());
  }

  clear() {
    this.end();
    if (this.strokes.length) this.change([]);
    this.say("Cleared");
  }

  // --- what people do ---

  listen() {
    this.stopListening = new AbortController();
    const { signal } = this.stopListening;
    const on = (target, kind, act, options) => target.addEventListener(kind, act, { signal, ...options });
    on(this.canvas, "pointerdown", (event) => this.down(event));
    on(this.canvas, "pointermove", (event) => this.move(event));
    for (const kind of ["pointerup", "pointercancel", "lostpointercapture"]) on(this.canvas, kind, (event) => this.up(event));
    on(this.canvas, "pointerleave", () => this.pointer === null && this.showRing(null));
    on(this.canvas, "contextmenu", (event) => event.preventDefault());
    on(this.canvas, "touchstart", (event) => event.cancelable && event.preventDefault(), { passive: false }); // no zoom by double tap
    on(this.canvas, "keydown", (event) => this.keyDown(event));
    on(this.canvas, "keyup", (event) => this.held.delete(event.key));
    on(this.canvas, "focus", () => this.canvas.matches(":focus-visible") && this.showCursor());
    on(this.canvas, "blur", () => this.putAway());
    on(this.root, "keydown", (event) => this.shortcut(event));
    on(document, "paste", (event) => this.paste(event));
    on(this.paper, "dragover", (event) => this.limits.photos && event.preventDefault());
    on(this.paper, "drop", (event) => this.photo(event, event.dataTransfer));
    on(this.brush, "input", () => this.setBrush(Number(this.brush.value)));
    for (const name of ["undo", "redo", "clear"]) on(this.tools[name], "click", () => this[name]());
    on(this.tools.pen, "click", () => this.setErasing(false));
    on(this.tools.eraser, "click", () => this.setErasing(true));
    on(matchMedia(`(resolution: ${devicePixelRatio}dppx)`), "change", () => this.fit());
    this.watcher = new ResizeObserver(() => this.fit());
    this.watcher.observe(this.canvas);
  }

  // Where on the canvas an event is, in canvas pixels.
  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [((event.clientX - box.left) * this.size) / box.width, ((event.clientY - box.top) * this.size) / box.height];
  }

  down(event) {
    const penEraser = event.button === 5;
    if (event.button !== 0 && !penEraser) return;
    event.preventDefault(); // no selection, no drag; the focus is set by hand
    this.canvas.focus({ preventScroll: true });
    if (this.pointer === "keys") this.end();
    if (event.pointerType === "touch" && !this.mayDraw(event)) return;
    if (event.pointerType === "pen" && this.touches.has(this.pointer)) this.cancel(); // it was the palm
    if (!this.begin(...this.place(event), this.erasing || penEraser, event.pointerId)) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.tell();
  }

  // Whether a touch that begins may be a stroke: it is none while a hand pinches or holds a pen.
  mayDraw(event) {
    if (event.isPrimary) this.touches.clear(); // none is down any more, whatever was missed
    this.pinching = this.pinching && this.touches.size > 0;
    const joins = this.touches.has(this.pointer);
    this.touches.add(event.pointerId);
    if (performance.now() - this.penSeen < PALM_MS) return false;
    if (joins && this.isBeginning()) {
      this.cancel();
      this.pinching = true;
    }
    return !this.pinching;
  }

  isBeginning() {
    const [[x, y], ...others] = this.stroke.points;
    const far = Math.max(0, ...others.map(([otherX, otherY]) => Math.hypot(otherX - x, otherY - y)));
    return performance.now() - this.startedAt < BEGINNING_MS || far < BEGINNING_PX;
  }

  move(event) {
    if (event.pointerType === "pen") this.penSeen = performance.now();
    if (this.stroke && event.pointerId === this.pointer) {
      const events = event.getCoalescedEvents?.() ?? [];
      for (const one of events.length ? events : [event]) this.extend(...this.place(one), performance.now() + one.timeStamp - event.timeStamp);
    }
    this.showRing(this.erasing && event.pointerType !== "touch" ? this.place(event) : null);
  }

  up(event) {
    if (event.type !== "lostpointercapture") this.touches.delete(event.pointerId);
    if (event.pointerType === "pen") this.penSeen = performance.now();
    if (event.pointerId !== this.pointer) return;
    // A touch that the system takes back was no finger that draws.
    if (event.type === "pointercancel" && event.pointerType === "touch") return this.cancel();
    if (event.type === "pointerup") this.extend(...this.place(event), performance.now());
    this.end();
  }

  shortcut(event) {
    const key = event.key.toLowerCase();
    if (!(event.ctrlKey || event.metaKey) || event.altKey || (key !== "z" && key !== "y")) return;
    event.preventDefault();
    if (key === "y" || event.shiftKey) this.redo();
    else this.undo();
  }

  keyDown(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const act = {
      " ": () => !event.repeat && this.togglePen(),
      Delete: () => this.clear(),
      Backspace: () => this.clear(),
      Escape: () => this.pointer === "keys" && this.togglePen(),
      e: () => this.setErasing(!this.erasing),
      "+": () => this.setBrush(this.width + 2),
      "-": () => this.setBrush(this.width - 2),
    }[event.key];
    if (steps[event.key]) {
      this.held.add(event.key); // two keys held together move aslant
      const far = event.shiftKey ? FINE_STEP_PX : KEY_STEP_PX;
      this.moveCursor(...[0, 1].map((axis) => far * [...this.held].reduce((sum, name) => sum + steps[name][axis], 0)));
    } else if (act) act();
    else return;
    event.preventDefault();
    event.stopPropagation(); // the page has shortcuts of its own
  }

  moveCursor(right, down) {
    const [x, y] = this.cursor ?? [this.size / 2, this.size / 2];
    this.cursor = [x + right, y + down].map((place) => Math.max(0, Math.min(this.size, place)));
    if (this.pointer === "keys") this.extend(...this.cursor, performance.now());
    this.showCursor();
  }

  togglePen() {
    this.cursor ??= [this.size / 2, this.size / 2];
    if (this.pointer === "keys") {
      this.end();
      this.say("Pen up");
    } else if (this.begin(...this.cursor, this.erasing, "keys")) this.say(this.erasing ? "Eraser down" : "Pen down");
    this.tell();
    this.showCursor();
  }

  putAway() {
    if (this.pointer === "keys") this.end();
    this.held.clear();
    this.showRing(null);
  }

  // Where somebody types, a paste is theirs, also if a picture comes with the words.
  paste(event) {
    const [target] = event.composedPath();
    if (target.matches?.(TYPED) || target.isContentEditable) return;
    this.photo(event, event.clipboardData);
  }

  // A picture that was pasted or dropped goes to Python as it is, only smaller; text pasted elsewhere is none of ours.
  async photo(event, transfer) {
    const file = [...(transfer?.files ?? [])].find((one) => one.type.startsWith("image/") || /\.(heic|heif|avif)$/i.test(one.name)); // many browsers have no type for these
    if (!file || !this.limits.photos) return;
    event.preventDefault();
    this.sendPhoto(await smaller(file));
    this.say("Picture taken");
  }

  setBrush(width) {
    this.width = Math.max(BRUSHES[0], Math.min(BRUSHES[1], width));
    this.brush.value = this.width;
    this.tell();
  }

  setErasing(erasing) {
    if (this.pointer === "keys") this.end();
    this.erasing = erasing;
    this.say(erasing ? "Eraser" : "Pen");
    this.tell();
  }

  // --- what is shown ---

  // As many pixels as the screen has for it. Setting the size wipes a canvas, so it is painted again in the same breath.
  fit() {
    const { width } = this.canvas.getBoundingClientRect();
    const pixels = Math.round(width * devicePixelRatio);
    const ink = getComputedStyle(this.canvas).color;
    if (!pixels || !this.strokes || (pixels === this.canvas.width && ink === this.ink)) return;
    if (pixels !== this.canvas.width) this.canvas.width = this.canvas.height = this.done.width = this.done.height = pixels;
    this.ink = ink;
    this.tell();
    this.repaint();
  }

  repaint() {
    const context = this.done.getContext("2d");
    context.clearRect(0, 0, this.done.width, this.done.height);
    for (const stroke of this.strokes) this.draw(context, stroke);
    this.paint();
  }

  paintSoon() {
    this.frame ??= requestAnimationFrame(() => this.paint());
  }

  paint() {
    cancelAnimationFrame(this.frame);
    this.frame = undefined;
    this.context.globalCompositeOperation = "copy"; // the old picture gives way to the new one in one go
    this.context.drawImage(this.done, 0, 0);
    if (this.stroke) this.draw(this.context, this.stroke);
    this.invitation.hidden = this.strokes.length > 0 || this.stroke !== null;
  }

  // A round pen along quadratic curves from middle to middle of the legs; nnviz.data.drawing.rasterise does the same.
  draw(context, { points, width, erase }) {
    const scale = this.canvas.width / this.size;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.globalCompositeOperation = erase ? "destination-out" : "source-over";
    context.strokeStyle = context.fillStyle = this.ink;
    context.lineWidth = width;
    context.lineCap = context.lineJoin = "round";
    const [[x, y], ...rest] = points;
    context.beginPath();
    if (rest.length) context.moveTo(x, y);
    rest.slice(0, -1).forEach(([bx, by], at) => {
      const [nx, ny] = rest[at + 1];
      if (at === 0) context.lineTo((x + bx) / 2, (y + by) / 2);
      context.quadraticCurveTo(bx, by, (bx + nx) / 2, (by + ny) / 2);
    });
    if (rest.length) {
      context.lineTo(rest.at(-1)[0], rest.at(-1)[1]);
      context.stroke();
    } else {
      context.arc(x, y, width / 2, 0, 2 * Math.PI);
      context.fill();
    }
    context.setTransform(1, 0, 0, 1, 0, 0);
  }

  tell() {
    const blank = this.strokes.length === 0;
    this.tools.undo.disabled = !this.past.length && !this.stroke;
    this.tools.redo.disabled = !this.future.length;
    this.tools.clear.disabled = blank && !this.stroke;
    this.tools.pen.setAttribute("aria-pressed", String(!this.erasing));
    this.tools.eraser.setAttribute("aria-pressed", String(this.erasing));
    const shown = (this.width * this.canvas.clientWidth) / this.size;
    write(this.ring, "--ring", `${shown}px`);
    write(this.dot, "--dot", `${Math.max(4, this.width * 0.62)}px`);
  }

  showCursor() {
    this.showRing((this.cursor ??= [this.size / 2, this.size / 2]));
  }

  showRing(place) {
    this.ring.hidden = !place;
    if (!place) return;
    const scale = this.canvas.clientWidth / this.size;
    this.ring.classList.toggle("down", this.pointer === "keys");
    write(this.ring, "transform", `translate(${place[0] * scale}px, ${place[1] * scale}px) translate(-50%, -50%)`);
  }

  say(words) {
    text(this.spoken, words);
  }

  // Boxes around several digits, each with its answer; not while the pen is down, for then they lag behind.
  showFound({ found = [], place, revision }) {
    const shown = this.stroke || revision < this.revision ? [] : found.filter(([left]) => left >= 0);
    while (this.found.children.length > shown.length) this.found.lastChild.remove();
    while (this.found.children.length < shown.length) this.found.append(element(`<div class="box"><b></b></div>`));
    const share = 100 / this.size;
    shown.forEach(([left, top, right, bottom, name], index) => {
      const box = this.found.children[index];
      Object.entries({ left, top, width: right - left, height: bottom - top }).forEach(([side, value]) => write(box, side, `${value * share}%`));
      box.classList.toggle("looked-at", index === place);
      text(box.firstChild, name);
    });
  }

  showAnswer({ percent, classes, hint, revision, found = [], refused = "", reason = "" }) {
    this.answer.hidden = !classes.length;
    if (this.answer.hidden) return;
    while (this.bars.children.length > classes.length) this.bars.lastChild.remove();
    while (this.bars.children.length < classes.length) {
      this.bars.append(element(`<li class="bar"><span class="class"></span><span class="track"><span class="level"></span></span><span class="percent"></span></li>`));
    }
    const order = percent ? classes.map((_, index) => index).sort((a, b) => percent[b] - percent[a]) : [];
    [...this.bars.children].forEach((bar, index) => {
      const [name, track, share] = bar.children;
      bar.dataset.testid = `bar-${index}`;
      text(name, classes[index]);
      write(track.firstChild, "--share", percent ? percent[index] / 100 : 0);
      text(share, percent ? inPercent(percent[index]) : "");
      bar.classList.toggle("best", index === order[0]);
    });
    this.answer.classList.toggle("waiting", !percent);
    this.answer.classList.toggle("refused", Boolean(percent && refused));
    const [headline, why] = this.answer.querySelector("[data-testid=refused]").children;
    text(headline, percent ? refused : "");
    text(why, percent && refused ? reason : "");
    this.answer.classList.toggle("words", classes.some((name) => name.length > 2));
    const [first, probability, second] = ["first-guess", "first-percent", "second-guess"].map((name) => this.answer.querySelector(`[data-testid=${name}]`));
    const several = percent && found.length > 1;
    const read = found.filter((one) => !one[6]);
    const least = read.reduce((a, b) => (b[5] < a[5] ? b : a), read[0]);
    const answer = several ? found.map((one) => one[4]).join(classes.some((name) => name.length > 1) ? ", " : "") : percent ? classes[order[0]] : "?";
    const sure = several ? `${found.length} ${read.length < found.length ? "side by side" : "digits"}` : percent ? `probability ${inPercent(percent[order[0]])}` : hint;
    text(first, answer);
    text(probability, sure);
    text(second, several ? (least ? `least sure: ${least[4]}, ${inPercent(least[5])}` : "") : percent && order.length > 1 ? `or ${classes[order[1]]}: ${inPercent(percent[order[1]])}` : "");
    this.answer.dataset.revision = revision; // which drawing the bars answer
    // Bars that move with the pen would be read out without end: only the answer to a finished stroke is.
    if (!this.stroke && revision === this.revision) {
      const said = percent ? `${answer}, ${sure}` : "";
      text(this.answer.querySelector(".spoken"), percent && refused ? `${refused}. ${reason}` : said);
    }
  }
}

// A picture file as base64 of a PNG; a file that the browser can't read is passed on for Python to say what it is.
async function smaller(file) {
  let blob = file;
  try {
    const picture = await createImageBitmap(file);
    const scale = Math.min(1, PHOTO_SIDE_PX / Math.max(picture.width, picture.height));
    const canvas = new OffscreenCanvas(Math.max(1, Math.round(scale * picture.width)), Math.max(1, Math.round(scale * picture.height)));
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
    blob = await canvas.convertToBlob({ type: "image/png" });
  } catch (error) {
    console.warn(error);
  }
  const url = await new Promise((resolve) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result));
    reader.readAsDataURL(blob.size <= MAX_PHOTO_BYTES ? blob : blob.slice(0, 1));
  });
  return url.slice(url.indexOf(",") + 1);
}

function inPercent(share) {
  const whole = Math.round(share);
  if (whole === 100 && share < 100) return "> 99 %";
  return whole === 0 && share > 0 ? "< 1 %" : `${whole} %`;
}

function tool(name, title) {
  const spoken = title.replace(/ \(.*/, "");
  return `<button type="button" class="tool" data-testid="${name}" aria-label="${spoken}" title="${title}"><svg class="icon" width="20" height="20" viewBox="0 0 24 24" aria-hidden="true"><path d="${ICONS[name]}"/></svg></button>`;
}
