// One optimizer step, phase by phase: what each shows comes with the picture (nnviz/ui/live/slow.py).

const PHASE_MS = 3000; // of a phase while it plays by itself
const PRESS_AGAIN_MS = 2000; // after so long a press that changed nothing was lost
const MOVES = ["queued", "running"];

class SlowMotion {
  constructor(studio) {
    this.studio = studio;
    this.on = false;
    this.phase = 0;
    this.plays = false;
    this.holding = false;
    this.pressed = -Infinity;
  }

  begin() {
    const { parts } = this.studio;
    parts.slow.addEventListener("click", () => this.toggle());
    parts["slow-close"].addEventListener("click", () => this.toggle());
    parts["slow-back"].addEventListener("click", () => this.goTo(this.phase - 1));
    parts["slow-on"].addEventListener("click", () => this.goTo(this.phase + 1));
    parts["slow-run"].addEventListener("click", () => this.play(!this.plays));
    parts["slow-take"].addEventListener("click", () => this.takeStep());
  }

  leave() {
    clearTimeout(this.timer);
  }

  toggle() {
    const { studio } = this;
    this.on = !this.on;
    this.phase = 0;
    studio.root.classList.toggle("is-slow", this.on);
    studio.parts["slow-panel"].hidden = !this.on;
    studio.parts.slow.setAttribute("aria-pressed", String(this.on));
    if (this.on) {
      this.before = studio.wish.quantity;
      this.holding = studio.wish.run !== null;
      this.hold();
    } else {
      studio.network.lit = null;
    }
    studio.change({ slow: this.on || undefined, quantity: this.on ? studio.wish.quantity : this.before });
    studio.showQuantity();
    studio.network.draw();
    this.play(this.on && !matchMedia("(prefers-reduced-motion: reduce)").matches);
  }

  // The net holds still while it is looked at: its button is pressed as soon as it is the one that pauses, for a page
  // that is just being drawn anew has an older one.
  hold() {
    const { message, progress } = this.studio;
    if (!this.on || !this.holding || !progress) return;
    this.holding = MOVES.includes(progress.status);
    if (!this.holding || !MOVES.includes(message.status) || performance.now() - this.pressed < PRESS_AGAIN_MS) return;
    this.pressed = performance.now();
    press("studio-play");
  }

  play(on) {
    this.plays = on;
    text(this.studio.parts["slow-run"], on ? "Pause" : "Play");
    clearTimeout(this.timer);
    if (!on || !this.on) return;
    this.timer = setTimeout(() => {
      if (this.phase >= this.phases().length - 1) return this.play(false);
      this.goTo(this.phase + 1, true);
      this.play(true);
    }, PHASE_MS);
  }

  phases() {
    return this.studio.network.header?.slow ?? [];
  }

  goTo(phase, byItself = false) {
    if (!byItself) this.play(false);
    this.phase = clamp(phase, 0, Math.max(0, this.phases().length - 1));
    this.show();
  }

  // The real step, as the button above takes it; then the next one can be looked at.
  takeStep() {
    press("studio-step");
    this.goTo(0);
  }

  show() {
    const { studio } = this;
    const phase = this.on ? this.phases()[this.phase] : null;
    if (!phase) return;
    const { parts } = studio;
    text(parts["slow-title"], phase.title);
    text(parts["slow-words"], phase.words);
    fillTable(parts["slow-lines"], phase.lines);
    const graph = studio.network.header.graph ?? [];
    while (parts["slow-graph"].children.length > graph.length) parts["slow-graph"].lastChild.remove();
    graph.forEach((line, place) => text(parts["slow-graph"].children[place] ?? make("li", "", parts["slow-graph"]), line));
    parts["slow-back"].disabled = this.phase === 0;
    parts["slow-on"].disabled = this.phase === this.phases().length - 1;
    const last = studio.network.header.layers.length - 1;
    if (phase.unit) studio.network.mark(...phase.unit);
    studio.network.lit = [phase.start ?? 0, phase.upto ?? last];
    if (phase.quantity !== studio.wish.quantity) studio.show(phase.quantity);
    else studio.network.draw();
  }

  // Arrows and the space bar, while it is open.
  key(event) {
    if (!this.on) return false;
    const act = {
      ArrowRight: () => this.goTo(this.phase + 1),
      ArrowLeft: () => this.goTo(this.phase - 1),
      " ": () => this.play(!this.plays),
      Escape: () => this.toggle(),
    }[event.key];
    const target = event.composedPath()[0];
    if (!act || (event.key === " " && target.closest?.("button, summary, a"))) return false;
    act();
    event.preventDefault();
    event.stopImmediatePropagation();
    return true;
  }
}
