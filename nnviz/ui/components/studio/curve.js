// A small plot of lines and points by step, on a canvas; the same colours as on all pages.

const [LEFT, FOOT, TOP] = [40, 18, 6];

class Curve {
  // `unit` is told by the axis; `share`: values from 0 to 1, in per cent.
  constructor(parent, { title, unit, share = false }) {
    this.share = share;
    this.colours = { train: "", test: "" };
    this.root = make("button", "s-curve", parent);
    this.root.type = "button";
    this.root.dataset.testid = `curve-${title.toLowerCase()}`;
    this.head = make("span", "s-curve-title", this.root);
    make("b", "", this.head).textContent = title;
    this.unit = make("span", "", this.head);
    text(this.unit, ` ${unit}`);
    this.canvas = make("canvas", "", this.root);
    this.pen = this.canvas.getContext("2d");
    this.show(null);
    this.watch = new ResizeObserver(() => this.draw());
    this.watch.observe(this.root);
  }

  leave() {
    this.watch.disconnect();
  }

  // {last, line: [steps, values], points: [steps, values], marks: [[step, words]], at: the step that is looked at}
  show(shown) {
    this.shown = shown ?? { last: 0, line: [[], []], points: [[], []], marks: [], at: null };
    this.draw();
  }

  draw() {
    const { last, line, points, marks, at } = this.shown;
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight];
    if (!width || !height) return;
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    const pen = this.pen;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const { color, fontFamily } = getComputedStyle(this.root);
    const values = [...line[1], ...points[1]].filter((one) => one !== null);
    const [low, high] = range(values, this.share);
    const x = (step) => LEFT + ((width - LEFT - 6) * step) / Math.max(1, last);
    const y = (value) => TOP + (height - TOP - FOOT) * (1 - (value - low) / (high - low));
    const spots = ([steps, found]) => steps.map((step, place) => [x(step), found[place] === null ? null : y(clamp(found[place], low, high))]);
    pen.font = `11px ${fontFamily}`;
    pen.fillStyle = pen.strokeStyle = color;
    pen.lineWidth = 1;
    for (const tick of [low, (low + high) / 2, high]) {
      pen.globalAlpha = 0.15;
      path(pen, [[LEFT, y(tick)], [width - 6, y(tick)]]);
      pen.globalAlpha = 0.8;
      pen.textAlign = "right";
      pen.textBaseline = "middle";
      pen.fillText(this.share ? `${Math.round(100 * tick)} %` : brief(tick), LEFT - 5, y(tick));
    }
    pen.textBaseline = "alphabetic";
    pen.fillText(`step ${last.toLocaleString("en-US")}`, width - 6, height - 4);
    pen.textAlign = "left";
    pen.fillText("0", LEFT, height - 4);
    for (const [step, words] of marks) {
      pen.globalAlpha = 0.5;
      pen.setLineDash([3, 3]);
      path(pen, [[x(step), TOP], [x(step), height - FOOT]]);
      pen.setLineDash([]);
      if (marks.length < 4) pen.fillText(words, Math.min(x(step) + 3, width - 90), TOP + 9);
    }
    pen.globalAlpha = 1;
    pen.strokeStyle = this.colours.train;
    pen.lineWidth = 1.6;
    path(pen, spots(line));
    pen.fillStyle = pen.strokeStyle = this.colours.test;
    path(pen, spots(points));
    for (const [left, top] of spots(points)) {
      if (top === null) continue;
      pen.beginPath();
      pen.arc(left, top, 3, 0, 2 * Math.PI);
      pen.fill();
    }
    if (at !== null && at < last) {
      pen.strokeStyle = color;
      path(pen, [[x(at), TOP], [x(at), height - FOOT]]);
    }
  }
}

function path(pen, places) {
  let down = false;
  pen.beginPath();
  for (const [x, y] of places) {
    if (y === null) down = false;
    else if (down) pen.lineTo(x, y);
    else {
      pen.moveTo(x, y);
      down = true;
    }
  }
  pen.stroke();
}

// A range that moves in steps, so that an axis does not crawl while it is looked at.
function range(values, share) {
  if (share) return [0, 1];
  const high = values.reduce((most, value) => Math.max(most, value), 0);
  if (!high) return [0, 2.5];
  const size = 10 ** Math.floor(Math.log10(high));
  return [0, [1, 2, 2.5, 5, 10].map((one) => one * size).find((one) => one >= high * 0.999)];
}

function brief(value) {
  return String(Number(value.toPrecision(2)));
}
