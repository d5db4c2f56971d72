// The Studio by itself, for open days: it learns, shows what is inside, draws and reads, until somebody touches it.

const SEVEN = [
  [70, 75], [100, 73], [130, 72], [160, 71], [190, 72], [205, 74], [196, 95], [184, 118], [172, 142], [160, 166], [148, 190], [138, 212], [130, 230],
];

class Demo {
  constructor(studio) {
    this.studio = studio;
    this.on = false;
  }

  // What happens, and after how many seconds the next.
  script() {
    const { studio } = this;
    return [
      [2, () => press("studio-reset")],
      [9, () => press("studio-play")],
      [4, () => studio.pick("random")],
      [5, () => studio.show("activations")],
      [5, () => studio.show("contributions")],
      [5, () => this.openNeuron()],
      [5, () => studio.show("gradients")],
      [5, () => studio.show("update")],
      [3, () => (studio.change({ unit: null }), studio.show("weights"))],
      [2, () => studio.draw(true)],
      [8, () => this.drawSeven()],
      [4, () => (studio.sheet?.become([]), studio.draw(false))],
      [() => 3 + (3 * PHASE_MS) / 1000 + this.studio.slow.phases().length * (PHASE_MS / 1000), () => studio.slow.on || studio.slow.toggle()],
      [2, () => studio.slow.on && studio.slow.toggle()],
      [20, () => studio.message.status === "paused" && press("studio-play")],
    ];
  }

  toggle() {
    if (this.on) return this.stop();
    this.on = true;
    this.studio.parts.demo.hidden = false;
    this.place = 0;
    this.next();
  }

  stop() {
    this.on = false;
    this.studio.parts.demo.hidden = true;
    clearTimeout(this.timer);
    clearInterval(this.pen);
  }

  next() {
    const script = this.script();
    const [seconds, act] = script[this.place % script.length];
    this.place += 1;
    act();
    this.timer = setTimeout(() => this.next(), 1000 * (typeof seconds === "function" ? seconds() : seconds));
  }

  openNeuron() {
    const { layers } = this.studio.network.header;
    const [first] = layers;
    const strongest = first.values.reduce((best, value, place) => ((value ?? 0) > (first.values[best] ?? 0) ? place : best), 0);
    this.studio.change({ unit: [first.name, first.units[strongest]] });
  }

  drawSeven() {
    let count = 1;
    this.pen = setInterval(() => {
      count += 1;
      const points = SEVEN.slice(0, count).map(([x, y], place) => [x, y, 40 * place]);
      this.studio.sheet.become([{ points, width: this.studio.message.paper.brush, erase: false }]);
      if (count >= SEVEN.length) clearInterval(this.pen);
    }, 120);
  }
}
