// Small images in a grid. Streamlit calls the default export with each new message; elements are made once per tile
// and kept, only pixels and words that changed are written.

export default function (component) {
  return mount(
    component,
    (parent) => new Grid(parent),
    (grid, message) => {
      grid.clicked = (index) => component.setTriggerValue("clicked", index);
      grid.show(message);
    },
  );
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
    this.foot = make("div", "foot", this.root);
    this.legend = make("div", "legend", this.foot);
    this.download = make("button", "download", this.foot);
    this.download.type = "button";
    this.download.textContent = "PNG";
    this.download.addEventListener("click", () => this.save());
    this.probe = new Probe(this);
    parent.appendChild(this.root);
  }

  show(bytes) {
    const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
    const { count, height, width, size, captions, bars, names } = (this.header = header);
    const area = height * width;
    const pixels = bytes.subarray(4 + length, 4 + length + count * area);
    this.values = names && new DataView(bytes.buffer, pixels.byteOffset + pixels.length); // not aligned for an array
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
      const part = pixels.subarray(index * area, (index + 1) * area);
      tile.paint(part, width, height, colours);
      tile.tell(captions?.[index], names ? `${names[0]} ${index}` : `${header.label} ${index + 1}`, names);
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
    this.download.hidden = !header.file;
    label(this.download, `Download as a picture: ${header.label}`);
    this.foot.hidden = !header.legend && !header.file;
    this.probe.update();
  }

  reach(index) {
    if (index < 0) return;
    this.at = index;
    this.tiles.forEach((tile, i) => (tile.box.tabIndex = i === index ? 0 : -1));
  }

  key(event) {
    if (this.probe.key(event)) return;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.columns(), ArrowUp: -this.columns() }[event.key];
    const end = { Home: 0, End: this.tiles.length - 1 }[event.key];
    const index = end ?? this.at + (step ?? NaN);
    if (!this.tiles[index]) return;
    event.preventDefault();
    this.tiles[index].box.focus();
  }

  save() {
    picture(this).toBlob((blob) => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      link.download = this.header.file;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
  }

  columns() {
    const top = this.tiles[0].box.offsetTop;
    const next = this.tiles.findIndex((tile) => tile.box.offsetTop > top);
    return next < 0 ? this.tiles.length : next;
  }
}

// Tells the value of one pixel: of the one under the pointer, or of a tile that was reached with the keyboard.
class Probe {
  constructor(grid) {
    this.grid = grid;
    this.at = null; // {index, x, y, spoken}
    this.spot = make("div", "spot", grid.root);
    this.words = make("div", "words", grid.root);
    this.hide();
    for (const kind of ["pointermove", "pointerdown"]) grid.list.addEventListener(kind, (event) => this.point(event));
    grid.list.addEventListener("pointerleave", () => this.hide());
    grid.list.addEventListener("focusin", ({ target }) => target.matches(":focus-visible") && this.largest(grid.at));
    grid.list.addEventListener("focusout", () => this.hide());
  }

  point({ target, offsetX, offsetY }) {
    const index = this.grid.tiles.findIndex((tile) => tile.canvas === target);
    if (index < 0 || !this.grid.values) return this.hide();
    const { width, height } = this.grid.header;
    const x = clamp(Math.floor((offsetX / target.clientWidth) * width), 0, width - 1);
    const y = clamp(Math.floor((offsetY / target.clientHeight) * height), 0, height - 1);
    this.show({ index, x, y, spoken: false });
  }

  largest(index) {
    if (!this.grid.values) return;
    const { width, height } = this.grid.header;
    let [best, most] = [0, -1];
    for (let i = 0; i < width * height; i++) {
      const size = Math.abs(this.value(index, i));
      if (size > most) [best, most] = [i, size];
    }
    this.show({ index, x: best % width, y: Math.floor(best / width), spoken: true });
  }

  key(event) {
    if (event.key === "Escape" && this.at) return this.hide() ?? true;
    const [dx, dy] = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key] ?? [];
    if (!event.shiftKey || dx === undefined || !this.grid.values) return false;
    event.preventDefault();
    if (this.at?.index !== this.grid.at) return this.largest(this.grid.at) ?? true;
    const { width, height } = this.grid.header;
    const [x, y] = [clamp(this.at.x + dx, 0, width - 1), clamp(this.at.y + dy, 0, height - 1)];
    this.show({ index: this.grid.at, x, y, spoken: true });
    return true;
  }

  value(index, pixel) {
    const { width, height } = this.grid.header;
    return this.grid.values.getFloat32(4 * (index * width * height + pixel), true);
  }

  show(at) {
    this.at = at;
    this.update();
  }

  hide() {
    this.at = null;
    this.spot.hidden = this.words.hidden = true;
  }

  update() {
    const { tiles, values, header, root } = this.grid;
    if (!this.at || !values || this.at.index >= tiles.length) return this.hide();
    const { index, spoken } = this.at;
    const [x, y] = [Math.min(this.at.x, header.width - 1), Math.min(this.at.y, header.height - 1)];
    const [tile, row, column] = header.names;
    const which = header.captions?.[index][0] || index;
    this.words.setAttribute("aria-live", spoken ? "polite" : "off");
    this.words.hidden = this.spot.hidden = false;
    const value = number(this.value(index, y * header.width + x));
    text(this.words, `${tile} ${which} · ${row} ${y}, ${column} ${x} · ${value}`);

    const [frame, canvas] = [root.getBoundingClientRect(), tiles[index].canvas];
    const box = canvas.getBoundingClientRect();
    const [w, h] = [canvas.clientWidth / header.width, canvas.clientHeight / header.height];
    const left = box.left - frame.left + canvas.clientLeft + x * w;
    const top = box.top - frame.top + canvas.clientTop + y * h;
    for (const [name, size] of Object.entries({ left, top, width: w, height: h })) write(this.spot, name, `${size}px`);
    const room = frame.width - this.words.offsetWidth;
    const above = top - this.words.offsetHeight - 8;
    write(this.words, "left", `${clamp(left + w / 2 - this.words.offsetWidth / 2, 0, Math.max(0, room))}px`);
    write(this.words, "top", `${above >= 0 ? above : top + h + 18}px`); // below, where above there is no room
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
    this.box.append(" "); // else the caption and the note are one word to who hears them or says them
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

  tell(caption, name, names) {
    const [title, note, good] = caption ?? ["", "", null];
    this.caption.hidden = !caption;
    this.note.hidden = !note;
    text(this.mark, good === null ? "" : good ? "✓" : "✗");
    this.mark.className = good ? "mark good" : "mark bad";
    text(this.title, title);
    text(this.note, note);
    const called = names ? `${names[0]} ${title}` : title;
    const spoken = caption ? [called, note, good === null ? "" : good ? "right" : "wrong"] : [name];
    label(this.box, spoken.filter(Boolean).join(", "));
    this.box.title = names ? "" : this.box.ariaLabel; // two tooltips would cover each other
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

// The grid as it stands on the screen, under its label, on one canvas.
function picture({ root, header, tiles, legend, parent }) {
  const [scale, margin, heading] = [2, 16, 28];
  const frame = root.getBoundingClientRect();
  const shown = [...root.querySelectorAll(".tile, .legend:not([hidden]) > *")].map((part) => part.getBoundingClientRect());
  const canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d");
  const { color, fontFamily } = getComputedStyle(root);
  pen.font = `600 14px ${fontFamily}`;
  const right = Math.max(...shown.map((box) => box.right - frame.left), pen.measureText(header.label).width);
  const bottom = Math.max(...shown.map((box) => box.bottom - frame.top), 0);
  canvas.width = scale * Math.ceil(right + 2 * margin);
  canvas.height = scale * Math.ceil(bottom + heading + 2 * margin);
  pen.scale(scale, scale);
  pen.fillStyle = getComputedStyle(parent.host ?? parent).getPropertyValue("--st-background-color");
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.translate(margin, margin);
  pen.fillStyle = color;
  pen.textBaseline = "middle";
  pen.font = `600 14px ${fontFamily}`; // a canvas forgets its font when its size is set
  pen.fillText(header.label, 0, heading / 3);
  pen.translate(-frame.left, heading - frame.top);
  pen.imageSmoothingEnabled = false;

  const outline = ({ left, top, width, height }, style) => {
    pen.strokeStyle = style.borderTopColor;
    pen.strokeRect(left + 0.5, top + 0.5, width - 1, height - 1);
  };
  for (const { canvas: image } of tiles) {
    const box = image.getBoundingClientRect();
    pen.drawImage(image, box.left + 1, box.top + 1, box.width - 2, box.height - 2);
    outline(box, getComputedStyle(image));
  }
  for (const part of root.querySelectorAll(".track, .level")) {
    const box = part.getBoundingClientRect();
    pen.fillStyle = getComputedStyle(part).backgroundColor;
    pen.fillRect(box.left, box.top, box.width, box.height);
  }
  for (const part of root.querySelectorAll(".true .track")) {
    const box = part.getBoundingClientRect();
    pen.strokeStyle = color;
    pen.lineWidth = 1.5;
    pen.strokeRect(box.left - 0.75, box.top - 0.75, box.width + 1.5, box.height + 1.5);
    pen.lineWidth = 1;
  }
  if (header.legend) {
    const strip = legend.querySelector(".strip");
    const box = strip.getBoundingClientRect();
    pen.fillStyle = pen.createLinearGradient(box.left, 0, box.right, 0);
    const stops = header.palette[root.classList.contains("dark") ? "dark" : "light"];
    stops.forEach(([at, colour]) => pen.fillStyle.addColorStop(at / 255, colour));
    pen.fillRect(box.left, box.top, box.width, box.height);
    outline(box, getComputedStyle(strip));
  }
  for (const part of root.querySelectorAll(".mark, .title, .note, .class, .legend > .low, .zero, .high")) {
    const box = part.getBoundingClientRect();
    const style = getComputedStyle(part);
    if (!box.width) continue;
    pen.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    pen.fillStyle = style.color;
    pen.globalAlpha = Number(style.opacity);
    pen.fillText(part.textContent, box.left, box.top + box.height / 2);
  }
  return canvas;
}

function label(element, words) {
  if (element.getAttribute("aria-label") !== words) element.setAttribute("aria-label", words);
}

// With its sign and the seven digits that a float32 has: "−0.03421712"; 0 has no sign.
function number(value) {
  if (Number.isNaN(value)) return "not a number";
  const size = Math.abs(value);
  const digits = size === Infinity ? "∞" : String(Number(size.toPrecision(7)));
  return (value < 0 ? "−" : value > 0 ? "+" : "") + digits.replace("e-", "e−");
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
