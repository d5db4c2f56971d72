// Small images in a grid. Streamlit calls the default export with each new message; elements are made once per tile
// and kept, only pixels and words that changed are written.

const grids = new WeakMap(); // by parent element, so that every mount has its own

export default function ({ data, parentElement, setTriggerValue }) {
  if (!data) return;
  let grid = grids.get(parentElement);
  if (!grid) grids.set(parentElement, (grid = new Grid(parentElement)));
  grid.clicked = (index) => setTriggerValue("clicked", index);
  grid.show(data);
}

class Grid {
  constructor(parent) {
    this.parent = parent;
    this.tiles = [];
    this.at = 0; // the tile that the Tab key reaches; arrow keys go on from it
    this.root = make("div", "root");
    this.list = make("div", "grid", this.root);
    this.list.setAttribute("role", "group");
    this.list.addEventListener("keydown", (event) => this.key(event));
    this.list.addEventListener("focusin", (event) => this.reach(this.tiles.findIndex((t) => t.box === event.target)));
    this.list.addEventListener("click", (event) => {
      const index = this.tiles.findIndex((tile) => tile.box.contains(event.target));
      if (index >= 0 && this.header.clickable) this.clicked(index);
    });
    this.legend = make("div", "legend", this.root);
    parent.appendChild(this.root);
  }

  show(data) {
    const bytes = data instanceof ArrayBuffer ? new Uint8Array(data) : data;
    const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
    const pixels = bytes.subarray(4 + length);
    const { count, height, width, size, captions, bars } = (this.header = header);
    const dark = isDark(this.parent);
    const stops = header.palette[dark ? "dark" : "light"];
    this.root.classList.toggle("dark", dark);
    const colours = table(stops);
    const scale = size / Math.max(height, width);
    write(this.root, "--picture-width", `${Math.max(6, scale * width)}px`);
    write(this.root, "--picture-height", `${Math.max(6, scale * height)}px`);
    write(this.root, "--column", `${Math.max(size, bars ? 96 : 0, captions ? 7.5 * header.letters : 0)}px`);
    label(this.list, header.label);
    this.list.classList.toggle("clickable", header.clickable);

    while (this.tiles.length > count) this.tiles.pop().box.remove();
    while (this.tiles.length < count) this.tiles.push(new Tile(this.list, header.clickable));
    this.tiles.forEach((tile, index) => {
      const part = pixels.subarray(index * height * width, (index + 1) * height * width);
      tile.paint(part, width, height, colours);
      tile.tell(captions?.[index], `${header.label} ${index + 1}`);
      tile.bars(bars?.percent[index], bars?.classes, bars?.true?.[index]);
    });
    this.reach(Math.min(this.at, count - 1));

    this.legend.hidden = !header.legend;
    if (header.legend) {
      const [low, zero, high] = header.legend;
      if (!this.legend.firstChild) for (const name of ["low", "strip", "high"]) make("span", name, this.legend);
      const [before, strip, after] = this.legend.children;
      text(before, low);
      text(after, high);
      if (!strip.firstChild) make("span", "zero", strip);
      text(strip.firstChild, zero);
      write(strip, "--strip", `linear-gradient(90deg, ${stops.map(([at, colour]) => `${colour} ${at / 2.55}%`).join(", ")})`);
      this.legend.setAttribute("role", "img");
      label(this.legend, `Colours from ${low} over 0 to ${high}`);
    }
  }

  reach(index) {
    if (index < 0) return;
    this.at = index;
    this.tiles.forEach((tile, i) => (tile.box.tabIndex = i === index ? 0 : -1));
  }

  key(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.columns(), ArrowUp: -this.columns() }[event.key];
    const end = { Home: 0, End: this.tiles.length - 1 }[event.key];
    const index = end ?? this.at + (step ?? NaN);
    if (!this.tiles[index]) return;
    event.preventDefault();
    this.tiles[index].box.focus();
  }

  columns() {
    const top = this.tiles[0].box.offsetTop;
    const next = this.tiles.findIndex((tile) => tile.box.offsetTop > top);
    return next < 0 ? this.tiles.length : next;
  }
}

class Tile {
  constructor(list, clickable) {
    this.box = make(clickable ? "button" : "div", "tile", list);
    if (clickable) this.box.type = "button";
    else this.box.setAttribute("role", "img");
    this.canvas = make("canvas", "picture", this.box);
    this.context = this.canvas.getContext("2d");
    this.caption = make("span", "caption", this.box);
    this.mark = make("span", "mark", this.caption);
    this.title = make("span", "title", this.caption);
    this.note = make("span", "note", this.box);
    this.chart = make("span", "bars", this.box);
  }

  paint(bytes, width, height, colours) {
    if (this.canvas.width !== width || this.canvas.height !== height || !this.image) {
      this.canvas.width = width;
      this.canvas.height = height;
      this.image = this.context.createImageData(width, height);
      this.words = new Uint32Array(this.image.data.buffer);
    }
    for (let i = 0; i < bytes.length; i++) this.words[i] = colours[bytes[i]];
    this.context.putImageData(this.image, 0, 0);
  }

  tell(caption, name) {
    const [title, note, good] = caption ?? ["", "", null];
    this.caption.hidden = !caption;
    this.note.hidden = !note;
    text(this.mark, good === null ? "" : good ? "✓" : "✗");
    this.mark.className = good ? "mark good" : "mark bad";
    text(this.title, title);
    text(this.note, note);
    const spoken = caption ? [title, note, good === null ? "" : good ? "right" : "wrong"] : [name];
    label(this.box, spoken.filter(Boolean).join(", "));
  }

  bars(percent, classes, truth) {
    this.chart.hidden = !percent;
    if (!percent) return;
    while (this.chart.children.length > classes.length) this.chart.lastChild.remove();
    while (this.chart.children.length < classes.length) {
      const bar = make("span", "bar", this.chart);
      make("span", "level", make("span", "track", bar));
      make("span", "class", bar);
    }
    [...this.chart.children].forEach((bar, index) => {
      write(bar, "--share", percent[index] / 100);
      bar.classList.toggle("true", index === truth);
      text(bar.lastChild, classes[index].length > 2 ? "" : classes[index]);
    });
    label(this.chart, classes.map((name, index) => `${name}: ${percent[index]} %`).join(", "));
  }
}

function make(tag, className, parent) {
  const made = document.createElement(tag);
  made.className = className;
  parent?.appendChild(made);
  return made;
}

function text(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

function label(element, words) {
  if (element.getAttribute("aria-label") === words) return;
  element.setAttribute("aria-label", words);
  if (element.classList.contains("tile")) element.title = words;
}

function write(element, property, value) {
  if (element.style.getPropertyValue(property) !== String(value)) element.style.setProperty(property, value);
}

function isDark(parent) {
  const host = parent.host ?? parent;
  const [r, g, b] = channels(getComputedStyle(host).getPropertyValue("--st-background-color").trim());
  return 0.2126 * r + 0.7152 * g + 0.0722 * b < 128;
}

// "#rrggbb" or "rgb(…)" to three numbers; white if it is neither.
function channels(colour) {
  const hex = /^#([0-9a-f]{6})/i.exec(colour);
  if (hex) return [0, 2, 4].map((at) => parseInt(hex[1].slice(at, at + 2), 16));
  return (/^rgb/.test(colour) && colour.match(/\d+/g)?.slice(0, 3).map(Number)) || [255, 255, 255];
}

// 256 colours as the words of a canvas (little-endian: ABGR) between stops [[position, "#rrggbb"], …].
function table(stops) {
  const colours = new Uint32Array(256);
  for (let i = 1; i < stops.length; i++) {
    const [[from, a], [to, b]] = [stops[i - 1], stops[i]];
    const [low, high] = [channels(a), channels(b)];
    for (let at = from; at <= to; at++) {
      const [r, g, bl] = low.map((value, k) => Math.round(value + ((high[k] - value) * (at - from)) / (to - from)));
      colours[at] = ((255 << 24) | (bl << 16) | (g << 8) | r) >>> 0;
    }
  }
  return colours;
}
