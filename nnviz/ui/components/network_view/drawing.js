// The whole network on one canvas. What is pointed at stays while the pictures change.

const SETTLE = 0.15; // how far a colour scale moves towards its new range with each message, so that it doesn't flicker

class NetworkView {
  // `within` tells the height that is to be filled; `image`: whether the image stands beside the layers; `narrowest`:
  // CSS pixels for a layer, below which they stand below each other.
  constructor(parent, { image = true, within = () => HEIGHT, narrowest = NARROWEST } = {}) {
    this.parent = parent;
    this.imageWidth = image ? IMAGE : 0;
    [this.within, this.narrowest] = [within, narrowest];
    this.clicked = () => {};
    this.lit = null;
    this.root = make("div", "root", parent);
    this.canvas = make("canvas", "", this.root);
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "img");
    this.pen = this.canvas.getContext("2d");
    this.foot = make("div", "foot", this.root);
    this.legend = make("span", "legend", this.foot);
    for (const name of ["low", "strip", "high", "quantity"]) make("span", name, this.legend);
    this.lock = make("button", "lock", this.legend);
    this.lock.type = "button";
    this.lock.dataset.testid = "scale-lock";
    this.lock.title = "Keep this range of the colours, to compare what comes with what was";
    text(this.lock, "Lock");
    this.lock.setAttribute("aria-pressed", "false");
    this.lock.addEventListener("click", () => this.lock.setAttribute("aria-pressed", String(!this.isLocked())));
    this.words = make("span", "words", this.foot);
    this.at = null; // {layer, place}: the unit that is pointed at or reached with the keyboard
    this.limits = new Map();
    this.scale = "";
    this.faces = []; // one small canvas for each layer, its pictures in a row
    this.canvas.addEventListener("pointermove", (event) => this.reach(this.under(event)));
    this.canvas.addEventListener("pointerdown", (event) => {
      const at = this.under(event);
      this.known = same(at, this.at);
      this.reach(at);
    });
    this.canvas.addEventListener("pointerleave", (event) => event.pointerType === "touch" || this.reach(null));
    this.canvas.addEventListener("blur", () => this.reach(null));
    // A finger can't point without pressing: its first press tells the numbers, its second opens the neuron.
    this.canvas.addEventListener("click", (event) => (event.pointerType !== "touch" || this.known) && this.open());
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    this.watch = new ResizeObserver(() => this.draw());
    this.watch.observe(this.root);
  }

  leave() {
    this.watch.disconnect();
  }

  take(bytes) {
    const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
    let from = 4 + length;
    const next = (size) => bytes.subarray(from, (from += size));
    if (this.scale !== header.scale) {
      this.limits.clear();
      this.lock.setAttribute("aria-pressed", "false");
    }
    this.scale = header.scale;
    this.header = header;
    const dark = isDark(this.parent);
    const { negative, neutral, positive } = header.colours;
    this.dark = dark;
    this.digit = picture(this.digit, next(header.image[0] * header.image[1]), header.image, 1, inks());
    readNumbers(header, next);
    header.layers.forEach((layer, index) => {
      if (!layer.face) return;
      const body = next(layer.units.length * layer.face[0] * layer.face[1]);
      const limit = this.settle(layer.name, layer.limit);
      const colours = diverging(negative, neutral, positive, limit > 0 ? layer.limit / limit : 0);
      this.faces[index] = picture(this.faces[index], body, layer.face, layer.units.length, colours);
    });
    for (const shown of header.unit?.pictures ?? []) {
      shown.canvas = picture(null, next(shown.face[0] * shown.face[1]), shown.face, 1, diverging(negative, neutral, positive, 1));
    }
    this.canvas.setAttribute("aria-label", header.title);
    if (this.at && !header.layers[this.at.layer]?.units[this.at.place]) this.at = null;
    this.draw();
  }

  isLocked() {
    return this.lock.getAttribute("aria-pressed") === "true";
  }

  // A range that follows the true one slowly, and at once where it would be off by half; a locked one stays.
  settle(name, wanted) {
    const before = this.limits.get(name);
    if (before !== undefined && this.isLocked()) return before;
    const far = before === undefined || wanted > 1.5 * before || wanted < 0.5 * before;
    const limit = far ? wanted : before + SETTLE * (wanted - before);
    this.limits.set(name, limit);
    return limit;
  }

  // --- where everything stands

  arrange(width) {
    const { layers } = this.header;
    const hidden = pictured(layers);
    const narrow = breadth(hidden, width, this.imageWidth) < this.narrowest;
    const place = narrow ? inRows(hidden, width, this.imageWidth) : inColumns(hidden, width, this.within(), this.imageWidth);
    const classes = layers.at(-1).units.length;
    const [w, h] = [place.output.width / (narrow ? classes : 1), place.output.height / (narrow ? 1 : classes)];
    place.classes = layers.at(-1).units.map((_, index) => ({
      x: place.output.x + (narrow ? (index + 0.5) * w : 14),
      y: place.output.y + (narrow ? 14 : (index + 0.5) * h),
    }));
    return { ...place, narrow };
  }

  centre(index, position) {
    const { layers, classes } = this.place;
    if (index >= layers.length) return classes[position];
    const tile = tileAt(layers[index], position);
    return { x: tile.x + tile.size / 2, y: tile.y + tile.size / 2 };
  }

  // --- drawing

  draw() {
    const width = this.root.clientWidth;
    if (!width || !this.header) return;
    this.place = this.arrange(width);
    const ratio = window.devicePixelRatio || 1;
    const [wide, high] = [Math.round(width * ratio), Math.round(this.place.height * ratio)];
    if (this.canvas.width !== wide || this.canvas.height !== high) {
      this.canvas.width = wide;
      this.canvas.height = high;
      this.canvas.style.height = `${this.place.height}px`;
    }
    const pen = this.pen;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, this.place.height);
    pen.imageSmoothingEnabled = false;
    this.ink = getComputedStyle(this.root).color;
    this.font = getComputedStyle(this.root).fontFamily;
    this.shown = this.chosenClass();
    this.drawLinks();
    this.drawImage();
    pictured(this.header.layers).forEach((layer, index) => this.drawLayer(layer, index));
    this.drawOutput();
    this.drawVeil();
    this.tell();
  }

  // The class that frames and bold connections are of: the one pointed at, else the answer.
  chosenClass() {
    const last = this.header.layers.length - 1;
    if (this.at?.layer === last) return this.header.layers[last].units[this.at.place];
    const { probabilities } = this.header;
    return probabilities.reduce((best, value, index) => ((value ?? -1) > (probabilities[best] ?? -1) ? index : best), 0);
  }

  write(words, x, y, { size = 12, weight = 400, align = "left", alpha = 1 } = {}) {
    const pen = this.pen;
    pen.font = `${weight} ${size}px ${this.font}`;
    pen.fillStyle = this.ink;
    pen.globalAlpha = alpha;
    pen.textAlign = align;
    pen.textBaseline = "middle";
    pen.fillText(words, x, y);
    pen.globalAlpha = 1;
    return pen.measureText(words).width;
  }

  colour(value) {
    const { negative, positive } = this.header.colours;
    return value < 0 ? negative : positive;
  }

  drawImage() {
    if (!this.imageWidth) return;
    const { x, y, size } = this.place.image;
    this.pen.drawImage(this.digit, x, y, size, size);
    this.outline(x, y, size, size);
    this.write("Input", x, y - 12, { weight: 600 });
  }

  outline(x, y, width, height, colour = this.ink, thick = 1, alpha = 0.25) {
    const pen = this.pen;
    pen.globalAlpha = alpha;
    pen.strokeStyle = colour;
    pen.lineWidth = thick;
    pen.strokeRect(x - thick / 2, y - thick / 2, width + thick, height + thick);
    pen.globalAlpha = 1;
  }

  drawLayer(layer, index) {
    const pen = this.pen;
    const box = this.place.layers[index];
    const last = index === this.header.layers.length - 2;
    const most = largest(layer.values);
    const shares = last ? this.header.shares[this.shown] : null;
    const widest = shares ? largest(shares) : 0;
    const some = layer.units.length < layer.size ? `${layer.units.length} largest of ${layer.size}` : `${layer.size}`;
    const head = this.write(layer.title, box.x, box.y - 12, { weight: 600 });
    if (box.width > 130) this.write(`${some} ${layer.drawn}`, box.x + head + 10, box.y - 12, { alpha: 0.75 });
    layer.units.forEach((unit, position) => {
      const { x, y, size } = tileAt(box, position);
      const value = layer.values[position];
      if (layer.face) {
        const [h, w] = layer.face;
        pen.drawImage(this.faces[index], 0, position * h, w, h, x, y, size, size);
      } else {
        pen.fillStyle = this.header.colours.neutral;
        pen.fillRect(x, y, size, size);
        pen.fillStyle = value === null ? "#000" : this.colour(value);
        pen.globalAlpha = value === null ? 1 : most ? Math.abs(value) / most : 0;
        pen.fillRect(x, y, size, size);
        pen.globalAlpha = 1;
      }
      const share = shares?.[position];
      if (share && widest) {
        const strength = Math.abs(share) / widest;
        this.outline(x, y, size, size, this.colour(share), 0.5 + 2 * strength, 0.25 + 0.75 * strength);
      } else this.outline(x, y, size, size, this.ink, 0.5);
      if (layer.face && box.bar) {
        pen.fillStyle = this.ink;
        pen.globalAlpha = 0.12;
        pen.fillRect(x, y + size + 2, size, 3);
        pen.globalAlpha = 1;
        pen.fillRect(x, y + size + 2, most ? (size * Math.abs(value ?? 0)) / most : 0, 3);
      }
      if (this.at?.layer === index && this.at.place === position) this.outline(x, y, size, size, this.ink, 2.5, 1);
    });
  }

  drawLinks() {
    const { layers, links } = this.header;
    const last = layers.length - 1;
    links.forEach(({ source, target, value }, before) => {
      const most = largest(value);
      value.forEach((one, number) => {
        const [from, to] = [source[number], target[number]];
        const lit = this.at && ((this.at.layer === before && this.at.place === from) || (this.at.layer === before + 1 && this.at.place === to));
        const strength = most && one ? Math.abs(one) / most : 0;
        this.link(this.centre(before, from), this.centre(before + 1, to), one, lit ? 1 + 2 * strength : 0.5 + strength, lit ? 0.9 : 0.06 + 0.3 * strength);
      });
    });
    const shares = this.header.shares[this.shown];
    if (!shares?.length) return;
    const most = largest(shares);
    const goal = this.place.classes[layers[last].units.indexOf(this.shown)];
    shares.forEach((share, position) => {
      const strength = most && share ? Math.abs(share) / most : 0;
      if (strength > 0.08) this.link(this.centre(last - 1, position), goal, share, 3 * strength, 0.75 * strength);
    });
  }

  link(from, to, value, thick, alpha) {
    const pen = this.pen;
    pen.strokeStyle = this.colour(value ?? 0);
    pen.lineWidth = thick;
    pen.globalAlpha = alpha;
    pen.beginPath();
    pen.moveTo(from.x, from.y);
    const [mx, my] = [(from.x + to.x) / 2, (from.y + to.y) / 2];
    if (this.place.narrow) pen.bezierCurveTo(from.x, my, to.x, my, to.x, to.y);
    else pen.bezierCurveTo(mx, from.y, mx, to.y, to.x, to.y);
    pen.stroke();
    pen.globalAlpha = 1;
  }

  // What a step in slow motion has not reached yet is pale: `lit` is the first and the last place among the layers with
  // weights that is not, the output being the last of them.
  drawVeil() {
    if (!this.lit) return;
    const pen = this.pen;
    const { layers } = this.header;
    pen.fillStyle = this.dark ? "#10141d" : "#fff";
    pen.globalAlpha = 0.85;
    pictured(layers).forEach((_, index) => {
      const { x, y, width, height } = this.place.layers[index];
      if (index < this.lit[0] || index > this.lit[1]) pen.fillRect(x - 4, y - 4, width + 8, height + 8);
    });
    const { x, y, width, height } = this.place.output;
    const last = layers.length - 1;
    if (last < this.lit[0] || last > this.lit[1]) pen.fillRect(x - 4, y - 4, width + 8, height + 12);
    pen.globalAlpha = 1;
  }

  drawOutput() {
    const pen = this.pen;
    const { layers, classes, logits, probabilities, label } = this.header;
    const { output, narrow } = this.place;
    const wide = output.width - 128;
    if (!narrow) this.write(layers.at(-1).title, output.x, output.y - 12, { weight: 600 });
    if (!narrow) this.write("logit, probability", output.x + 56, output.y - 12, { alpha: 0.75 });
    layers.at(-1).units.forEach((unit, position) => {
      const { x, y } = this.place.classes[position];
      const probability = probabilities[unit] ?? 0;
      const chosen = unit === this.shown;
      pen.beginPath();
      pen.arc(x, y, 11, 0, 2 * Math.PI);
      pen.fillStyle = chosen ? this.header.colours.positive : this.dark ? "#1a202d" : "#fff";
      pen.fill();
      pen.strokeStyle = this.ink;
      pen.globalAlpha = unit === label ? 1 : 0.35;
      pen.lineWidth = unit === label ? 2 : 1;
      pen.stroke();
      pen.globalAlpha = 1;
      const name = classes[unit] ?? String(unit);
      const ink = this.ink;
      if (chosen) this.ink = "#fff";
      this.write(name.length > 2 ? name.slice(0, 2) : name, x, y + 0.5, { weight: 700, align: "center" });
      this.ink = ink;
      if (narrow) {
        this.write(percent(probabilities[unit]), x, y + 24, { size: 9, align: "center" });
        return;
      }
      this.write(signed(logits[unit], 1), x + 50, y, { align: "right", alpha: 0.85 });
      pen.fillStyle = ink;
      pen.globalAlpha = 0.1;
      pen.fillRect(x + 58, y - 7, wide, 14);
      pen.globalAlpha = 1;
      pen.fillStyle = this.header.colours.positive;
      pen.fillRect(x + 58, y - 7, wide * probability, 14);
      this.write(percent(probabilities[unit]), x + 58 + wide + 52, y, { align: "right", weight: chosen ? 700 : 400 });
    });
  }

  // --- words

  tell() {
    const { layers, colours } = this.header;
    const coloured = layers[this.at?.layer]?.face ? layers[this.at.layer] : layers.find((layer) => layer.face);
    this.legend.style.display = coloured ? "" : "none";
    if (coloured) {
      const limit = short(this.limits.get(coloured.name));
      const [low, strip, high, words] = this.legend.children;
      text(low, `−${limit}`);
      text(high, `+${limit}`);
      text(words, `${coloured.quantity} of ${coloured.title}`);
      write(strip, "--strip", `linear-gradient(90deg, ${colours.negative}, ${colours.neutral}, ${colours.positive})`);
    }
    text(this.words, this.at ? this.describe(this.at) : this.verdict());
  }

  verdict() {
    const { classes, label, loss, probabilities } = this.header;
    if (probabilities.some((one) => one === null)) return "The answer is not a number: the weights have diverged.";
    const told = `Answer ${classes[this.answer()]}, ${percent(probabilities[this.answer()])}`;
    return label === null || loss === null ? told : `${told} · true class ${classes[label]} · loss ${short(loss)}`;
  }

  answer() {
    const { probabilities } = this.header;
    return probabilities.indexOf(Math.max(...probabilities));
  }

  describe({ layer, place }) {
    const { layers, classes, logits, probabilities, shares } = this.header;
    const [one, unit] = [layers[layer], layers[layer].units[place]];
    if (layer === layers.length - 1)
      return `${one.title}, class ${classes[unit] ?? unit}: logit ${signed(logits[unit], 3)}, probability ${percent(probabilities[unit])}`;
    const share = layer === layers.length - 2 ? shares[this.shown]?.[place] : undefined;
    const gives = share === undefined ? "" : `, adds ${signed(share, 3)} to the logit of ${classes[this.shown]}`;
    return `${one.title}, ${one.drawn === "neurons" ? "neuron" : "channel"} ${unit}: output ${signed(one.values[place], 3)}${gives}`;
  }

  // --- hands and keys

  under(event) {
    const frame = this.canvas.getBoundingClientRect();
    return this.find(event.clientX - frame.left, event.clientY - frame.top);
  }

  find(x, y) {
    if (!this.place) return null;
    for (const [layer, box] of this.place.layers.entries()) {
      const count = this.header.layers[layer].units.length;
      const [column, row] = [Math.floor((x - box.x) / box.pitch), Math.floor((y - box.y) / box.step)];
      const place = row * box.columns + column;
      if (column >= 0 && column < box.columns && row >= 0 && place < count) return { layer, place };
    }
    const last = this.header.layers.length - 1;
    const { output, narrow, classes } = this.place;
    const inside = x >= output.x - 4 && x <= output.x + output.width && y >= output.y && y <= output.y + output.height;
    if (!inside) return null;
    const away = classes.map((one) => (narrow ? Math.abs(one.x - x) : Math.abs(one.y - y)));
    return { layer: last, place: away.indexOf(Math.min(...away)) };
  }

  // Point at a unit as a hand would; it may not be among those shown.
  mark(layer, unit) {
    const place = this.header.layers[layer]?.units.indexOf(unit) ?? -1;
    this.at = place < 0 ? null : { layer, place };
  }

  reach(at) {
    if (same(at, this.at)) return;
    this.at = at;
    this.words.setAttribute("aria-live", "off");
    this.draw();
  }

  key(event) {
    const { layers } = this.header;
    if (event.key === "Enter" && this.at) return this.open();
    if (event.key === "Escape") return this.reach(null);
    const columns = this.at && this.place.layers[this.at.layer]?.columns;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns ?? 1, ArrowUp: -(columns ?? 1) }[event.key];
    const leap = { PageDown: 1, PageUp: -1 }[event.key];
    if (step === undefined && leap === undefined) return;
    event.preventDefault();
    const layer = clamp((this.at?.layer ?? 0) + (leap ?? 0), 0, layers.length - 1);
    const place = this.at && !leap ? this.at.place + step : 0;
    this.reach({ layer, place: clamp(place, 0, layers[layer].units.length - 1) });
    this.words.setAttribute("aria-live", "polite");
  }

  open() {
    if (!this.at) return;
    const layer = this.header.layers[this.at.layer];
    this.clicked(layer.name, layer.units[this.at.place]);
  }
}

// The layers with a place of their own beside the output: the hidden ones, or the output's weights where there is none.
function pictured(layers) {
  return layers.length > 1 ? layers.slice(0, -1) : layers;
}

function same(one, other) {
  return one?.layer === other?.layer && one?.place === other?.place;
}

// --- places: pure arithmetic

const HEAD = 26;
const [HEIGHT, IMAGE] = [440, 132];
const NARROWEST = 70; // so that all are easily told apart

// Between two layers; deep nets have many.
function gapOf(layers) {
  return layers.length > 3 ? 22 : 46;
}

// What each layer would have in a row, on average.
function breadth(layers, width, image = IMAGE) {
  return (width - image - outputs(width) - gapOf(layers) * (layers.length + (image ? 1 : 0))) / Math.max(1, layers.length);
}

// Of the output with its bars.
function outputs(width) {
  return clamp(0.42 * width, 170, 250);
}

// Left to right: image, layers, output.
function inColumns(layers, width, height = HEIGHT, image = IMAGE) {
  const free = breadth(layers, width, image) * layers.length;
  const shares = layers.map((layer) => (layer.face ? 3 : 1));
  const all = shares.reduce((total, share) => total + share, 0);
  const gap = gapOf(layers);
  let x = image ? image + gap : 0;
  const boxes = layers.map((layer, index) => {
    const room = (free * shares[index]) / all;
    const box = grid(layer, x, HEAD, room, height - HEAD - 8);
    x += room + gap;
    return box;
  });
  return {
    height,
    image: { x: 1, y: HEAD + (height - HEAD - image) / 2 - 20, size: image },
    layers: boxes,
    output: { x: width - outputs(width), y: HEAD, width: outputs(width), height: height - HEAD - 8 },
  };
}

// Top to bottom, on a phone.
function inRows(layers, width, image = IMAGE) {
  const gap = 44;
  let y = image ? HEAD + 112 + gap : HEAD;
  const boxes = layers.map((layer) => {
    const box = grid(layer, 2, y, width - 4, layer.face ? 320 : 150, true);
    y += box.height + gap;
    return box;
  });
  return {
    height: y + 46,
    image: { x: (width - 112) / 2, y: HEAD, size: 112 },
    layers: boxes,
    output: { x: 0, y, width, height: 40 },
  };
}

const LARGEST = 96; // CSS pixels of a unit's picture

// The largest squares with which all units fit into the room, in its middle; `flat`: in as few rows as that allows.
function grid(layer, x, y, width, height, flat = false) {
  const count = layer.units.length;
  const bar = layer.face ? 6 : 0;
  let best = null;
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const space = columns * rows > 300 || width < 60 ? 2 : 5;
    const size = Math.floor(Math.min(width / columns - space, height / rows - space - bar, LARGEST));
    if (!best || size > best.size || (flat && size === best.size)) best = { columns, size, space, rows };
  }
  const size = Math.max(3, best.size);
  const [pitch, step] = [size + best.space, size + best.space + bar];
  const left = x + Math.max(0, (width - best.columns * pitch) / 2);
  return { x: left, y, width, height: best.rows * step, columns: best.columns, size, pitch, step, bar: bar > 0 && size >= 12 };
}

function tileAt(box, position) {
  const [row, column] = [Math.floor(position / box.columns), position % box.columns];
  return { x: box.x + column * box.pitch, y: box.y + row * box.step, size: box.size };
}

// --- colours and words

// The numbers that stand behind the header as bytes, where the drawing looks for them; null for what is not finite.
function readNumbers(header, next) {
  const { layers, links, shares } = header;
  const [rows, columns] = shares;
  const floats = (count) => Array.from(new Float32Array(next(4 * count).slice().buffer), (one) => (Number.isFinite(one) ? one : null));
  const places = (count) => new Uint16Array(next(2 * count).slice().buffer);
  for (const layer of layers) layer.values = floats(layer.units.length);
  const values = links.map((count) => floats(count));
  header.shares = Array.from({ length: rows }, () => floats(columns));
  header.links = links.map((count, at) => ({ source: places(count), target: places(count), value: values[at] }));
}

// `count` pictures of bytes below each other on a canvas that is kept.
function picture(canvas, bytes, [height, width], count, colours) {
  const made = canvas ?? document.createElement("canvas");
  if (made.width !== width || made.height !== height * count) {
    made.width = width;
    made.height = height * count;
  }
  const pen = made.getContext("2d");
  const image = pen.createImageData(width, height * count);
  const words = new Uint32Array(image.data.buffer);
  for (let at = 0; at < bytes.length; at += 1) words[at] = colours[bytes[at]];
  pen.putImageData(image, 0, 0);
  return made;
}

function inks() {
  return Uint32Array.from({ length: 256 }, (_, at) => ((255 << 24) | (at << 16) | (at << 8) | at) >>> 0);
}

// 256 colours as the words of a canvas (little-endian: ABGR); 128 is zero, `stretch` of the way to an end is the last byte.
function diverging(negative, neutral, positive, stretch) {
  const [low, middle, high] = [negative, neutral, positive].map(channels);
  return Uint32Array.from({ length: 256 }, (_, at) => {
    const share = clamp(((at - 128) / 127) * stretch, -1, 1);
    const end = share < 0 ? low : high;
    const [r, g, b] = middle.map((value, k) => Math.round(value + (end[k] - value) * Math.abs(share)));
    return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
  });
}

function largest(values) {
  return values.reduce((most, value) => Math.max(most, Math.abs(value ?? 0)), 0);
}

function signed(value, digits) {
  if (value === null || value === undefined) return "not a number";
  const size = Math.abs(value);
  const words = size >= 1e5 ? size.toExponential(1).replace("e+", "e") : size.toFixed(digits);
  return (Number(words) === 0 ? "" : value < 0 ? "−" : "+") + words;
}

function short(value) {
  const words = value && Math.abs(value) < 1e-3 ? value.toExponential(1) : String(Number(value.toPrecision(2)));
  return words.replace("e-", "e−");
}

function percent(value) {
  if (value === null || value === undefined) return "–";
  return value > 0 && value < 0.0005 ? "< 0.1 %" : `${(100 * value).toFixed(1)} %`;
}
