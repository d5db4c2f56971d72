// A plotly figure updated in place. Streamlit calls the default export again with each new figure.

const RETRY_MS = 150;

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
        await window.Plotly.react(this.box, figure.data, { ...figure.layout, autosize: true }, config);
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
