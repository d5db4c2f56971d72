// A plotly figure updated in place. Streamlit calls the default export again with each new figure.

const RETRY_MS = 150;
const FINGERS = matchMedia("(pointer: coarse)");

export default function (component) {
  return mount(
    component,
    (parent) => new Plot(parent),
    (plot, message) => {
      plot.clicked = (value) => component.setTriggerValue("clicked", value);
      plot.show(JSON.parse(new TextDecoder().decode(message)));
    },
  );
}

class Plot {
  constructor(parent) {
    this.box = document.createElement("div");
    this.box.className = "nnviz-plot";
    this.box.setAttribute("role", "figure");
    parent.appendChild(this.box);
    this.held = false; // a finger or the mouse is down: a drawing replaced now would lose the zoom being dragged
    this.box.addEventListener("pointerdown", () => (this.held = true));
    this.release = () => (this.held = false);
    for (const kind of ["pointerup", "pointercancel"]) addEventListener(kind, this.release);
    this.pinch = new Pinch(this.box);
    this.resizing = new ResizeObserver(() => this.fit());
    this.resizing.observe(this.box);
  }

  show(message) {
    this.latest = message;
    this.box.setAttribute("aria-label", message.alt);
    this.box.style.minHeight = `${message.figure.layout.height ?? 450}px`;
    if (!this.busy) this.busy = this.draw().finally(() => (this.busy = null));
  }

  // Draws until what is drawn is the latest; what came in between is skipped.
  async draw() {
    try {
      if (!window.Plotly) await import(new URL(this.latest.plotly, document.baseURI).href);
      while (this.latest) {
        if (this.held) {
          await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
          continue;
        }
        const { figure, config } = this.latest;
        this.latest = null;
        const layout = { ...figure.layout, autosize: true };
        // One finger scrolls the page and two zoom (see Pinch); the bar of tools would lie over the legend.
        if (FINGERS.matches) Object.assign(layout, { dragmode: false });
        const options = FINGERS.matches ? { ...config, displayModeBar: false } : config;
        await window.Plotly.react(this.box, figure.data, layout, options);
        this.listen();
      }
    } catch (error) {
      console.error(error);
      this.box.className = "nnviz-plot-problem";
      this.box.textContent = `This figure can't be drawn: ${error.message}`;
    }
  }

  listen() {
    if (this.listening) return;
    this.listening = true;
    this.width = this.box.clientWidth;
    this.box.on("plotly_click", ({ points: [point] }) => {
      // A heat map may have too many cells to give each its customdata; by `meta` it asks for [y, x] instead.
      const value = point?.customdata ?? (point?.data.meta === "cell" ? [point.y, point.x] : null);
      if (value !== null) this.clicked(value);
    });
  }

  fit() {
    if (!this.listening || !this.box.clientWidth || this.box.clientWidth === this.width) return;
    this.width = this.box.clientWidth;
    window.Plotly.Plots.resize(this.box);
  }

  leave() {
    for (const kind of ["pointerup", "pointercancel"]) removeEventListener(kind, this.release);
    this.resizing.disconnect();
    if (this.listening) window.Plotly.purge(this.box);
  }
}

// Two fingers on a plot zoom into what lies between them, as far as its axes may be changed. plotly.js has no such thing.
class Pinch {
  constructor(box) {
    this.box = box;
    this.from = null; // where the fingers began, and the axes as they were then
    box.addEventListener("touchstart", (event) => this.begin(event), { passive: false, capture: true });
    box.addEventListener("touchmove", (event) => this.move(event), { passive: false, capture: true });
    for (const kind of ["touchend", "touchcancel"]) box.addEventListener(kind, () => (this.from = null));
  }

  begin(event) {
    this.from = null;
    if (event.touches.length !== 2) return;
    const { middle, apart } = fingers(event.touches);
    const axes = this.axesAt(middle);
    if (!axes.length) return;
    this.take(event);
    this.from = { apart, axes };
  }

  move(event) {
    if (!this.from || event.touches.length !== 2) return;
    this.take(event);
    const { middle, apart } = fingers(event.touches);
    const scale = this.from.apart / apart;
    const ranges = {};
    for (const { name, range, held, along, axis } of this.from.axes) {
      // What was under the fingers stays under them.
      const share = (middle[along] - this.startOf(axis, along)) / axis._length;
      const wide = (range[1] - range[0]) * scale;
      const low = held - (along === "x" ? share : 1 - share) * wide;
      ranges[`${name}.range`] = [low, low + wide];
    }
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => window.Plotly.relayout(this.box, ranges));
  }

  // The event is ours: neither the page nor plotly.js moves anything for it.
  take(event) {
    event.preventDefault();
    event.stopPropagation();
  }

  // The axes of the part of the plot at a place of the window, with the values that lie there.
  axesAt(middle) {
    const found = Object.values(this.box._fullLayout?._plots ?? {}).find(({ xaxis, yaxis }) =>
      [[xaxis, "x"], [yaxis, "y"]].every(([axis, along]) => {
        const past = middle[along] - this.startOf(axis, along);
        return past >= 0 && past <= axis._length;
      }),
    );
    if (!found) return [];
    return [[found.xaxis, "x"], [found.yaxis, "y"]]
      .filter(([axis]) => !axis.fixedrange && ["linear", "log"].includes(axis.type))
      .map(([axis, along]) => {
        const range = axis.range.map(Number);
        const share = (middle[along] - this.startOf(axis, along)) / axis._length;
        const held = range[0] + (along === "x" ? share : 1 - share) * (range[1] - range[0]);
        return { name: axis._name, axis, along, range, held };
      });
  }

  startOf(axis, along) {
    const box = this.box.getBoundingClientRect();
    return (along === "x" ? box.left : box.top) + axis._offset;
  }
}

function fingers([one, other]) {
  return {
    middle: { x: (one.clientX + other.clientX) / 2, y: (one.clientY + other.clientY) / 2 },
    apart: Math.max(10, Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY)),
  };
}
