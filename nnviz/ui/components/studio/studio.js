// The Studio: input, network, answer, curves and time line on one screen. Streamlit calls the default export when a
// person has decided something; what moves comes by the feed.

export default function (component) {
  return mount(
    component,
    (parent) => new Studio(parent),
    (studio, message) => {
      studio.ask = (name, value) => studio.leaving || component.setTriggerValue(name, value);
      studio.keep = (value) => studio.leaving || component.setStateValue("seen", value);
      studio.receive(message);
    },
  );
}

const LEAVES_WITHIN_MS = 10_000; // or the server was not there
const KEEP_AFTER_MS = 400; // what is looked at goes into the address when nobody has changed it for so long
const [LEAST_HEIGHT, MOST_HEIGHT] = [230, 1000]; // of the network, CSS pixels
const NARROWEST_HERE = 26; // a layer's share of the width, CSS pixels, for all are to be seen on one screen
const BUTTONS = { " ": "studio-play", ArrowRight: "studio-step", e: "studio-epoch", r: "studio-reset" };
const ANY = -1;

class Studio {
  constructor(parent) {
    this.root = element(`
      <div class="studio">
        <section class="s-left" aria-label="Input">
          <div class="s-head"><b>Input</b> <span class="s-image-words" data-testid="image-words"></span></div>
          <canvas class="s-image" role="img" width="28" height="28" data-testid="image"></canvas>
          <div class="s-paper" hidden></div>
          <div class="s-buttons">
            ${["next", "random", "mistake"].map((how) => `<button type="button" data-how="${how}" data-testid="image-${how}">${how === "mistake" ? "A mistake" : how === "next" ? "Next" : "Random"}</button>`).join("")}
            <button type="button" data-testid="image-draw" aria-pressed="false">✎ Draw</button>
          </div>
          <label class="s-digit">Class <select data-testid="image-digit"></select></label>
          <div class="s-unit" data-testid="unit" hidden></div>
        </section>
        <section class="s-middle" aria-label="Network">
          <div class="s-network"></div>
          <div class="s-quantities" role="radiogroup" aria-label="What is shown"></div>
        </section>
        <section class="s-right" aria-label="Results">
          <div class="s-accuracy"><b data-testid="accuracy">–</b><span data-testid="accuracy-words"></span></div>
          <div class="s-curves"></div>
          <div class="s-key"><span class="s-train">train</span> &nbsp; <span class="s-test">test</span></div>
          <p class="s-finding" data-testid="finding" hidden></p>
        </section>
        <section class="s-slow" aria-label="One step, slowly" hidden data-testid="slow-panel">
          <div class="s-slow-head"><b data-testid="slow-title" aria-live="polite"></b></div>
          <table data-testid="slow-lines"></table>
          <p data-testid="slow-words"></p>
          <details class="s-graph"><summary>What autograd recorded</summary><ol data-testid="slow-graph"></ol></details>
          <div class="s-buttons">
            <button type="button" data-testid="slow-back" aria-label="Back">◀</button>
            <button type="button" data-testid="slow-run">Pause</button>
            <button type="button" data-testid="slow-on" aria-label="Forward">▶</button>
            <button type="button" data-testid="slow-take">Take this step</button>
            <button type="button" data-testid="slow-close">Close</button>
          </div>
        </section>
        <section class="s-time" aria-label="Time line">
          <div class="s-time-head"><button type="button" data-testid="slow" aria-pressed="false">One step, slowly</button>
            <b data-testid="step"></b> <span data-testid="progress"></span>
            <span class="s-then" hidden><button type="button" data-testid="fork">Go on from here</button> <button type="button" data-testid="live">Back to now</button></span>
          </div>
          <div class="s-rail"><input type="range" min="0" value="0" step="1" data-testid="time" aria-label="Step that is shown"><div class="s-ticks"></div></div>
        </section>
        <p class="s-lost" role="status" data-testid="demo" hidden>A demonstration. Touch anything to go on yourself.</p>
        <p class="s-lost" role="status" data-testid="lost" hidden>The connection is cut. What is shown stands still; it goes on by itself.</p>
        <p class="s-problem" role="status" data-testid="problem" hidden></p>
        <div class="s-keys">
          <kbd>Space</kbd> play, pause <kbd>→</kbd> one step <kbd>S</kbd> one step, slowly <kbd>E</kbd> one epoch <kbd>R</kbd> reset <kbd>1</kbd>–<kbd>5</kbd> what is shown
          <kbd>P</kbd> presentation <kbd>F</kbd> full screen <kbd>D</kbd> demonstration <kbd>?</kbd> help
        </div>
        <dl class="s-help" data-testid="help" hidden>
          <dt><kbd>Space</kbd></dt><dd>Play: the network learns, until Space pauses it.</dd>
          <dt><kbd>→</kbd></dt><dd>One optimizer step on the next mini-batch: W_new = W_old − α·∂L/∂W.</dd>
          <dt><kbd>S</kbd></dt><dd>That step in slow motion: forward, loss, backward, update. Arrows go through it, Escape ends it.</dd>
          <dt><kbd>E</kbd></dt><dd>To the end of this epoch: every training image once.</dd>
          <dt><kbd>R</kbd></dt><dd>Reset: untrained again, with the same initial weights.</dd>
          <dt><kbd>1</kbd>–<kbd>5</kbd></dt><dd>Weights W, gradients ∂L/∂W, updates ΔW, activations y, contributions w·x.</dd>
          <dt><kbd>P</kbd> <kbd>F</kbd></dt><dd>Larger and without the navigation, for a projector; the whole screen.</dd>
          <dt><kbd>D</kbd></dt><dd>It runs by itself until somebody touches it.</dd>
        </dl>
      </div>`);
    parent.append(this.root);
    this.wish = null;
    this.progress = null;
    this.drawing = false;
    this.at = null; // the step that the time line was put to; null: now
    this.slow = new SlowMotion(this);
    this.demo = new Demo(this);
    const find = (name) => this.root.querySelector(name);
    this.parts = Object.fromEntries([...this.root.querySelectorAll("[data-testid]")].map((one) => [one.dataset.testid, one]));
    this.left = find(".s-left");
    this.image = find(".s-image");
    this.paper = find(".s-paper");
    this.quantities = find(".s-quantities");
    this.back = find(".s-then");
    this.ticks = find(".s-ticks");
    this.network = new NetworkView(find(".s-network"), { image: false, within: () => this.height(), narrowest: NARROWEST_HERE });
    this.network.clicked = (layer, unit) => this.open(layer, unit);
    this.slow.begin();
    const curves = find(".s-curves");
    this.loss = new Curve(curves, { title: "Loss", unit: "" });
    this.accuracy = new Curve(curves, { title: "Accuracy", unit: "of the images", share: true });
    for (const curve of [this.loss, this.accuracy]) curve.root.addEventListener("click", () => this.enlarge());
    this.listen();
  }

  leave() {
    this.over.abort();
    this.feed?.leave();
    this.network.leave();
    this.sheet?.leave();
    this.slow.leave();
    this.demo.stop();
    for (const curve of [this.loss, this.accuracy]) curve.leave();
    clearTimeout(this.keeping);
    cancelAnimationFrame(this.frame);
    document.documentElement.classList.remove("nnviz-presentation");
    this.root.remove();
  }

  // As high as the window leaves room for, so that nobody has to scroll.
  height() {
    const above = this.root.getBoundingClientRect().top + (document.querySelector("[data-testid=stMain]")?.scrollTop ?? 0);
    const below = [...this.root.children].filter((one) => getComputedStyle(one).gridColumnStart === "1" && one.offsetHeight && one !== this.left);
    const others = below.reduce((sum, one) => sum + one.offsetHeight + 6, this.quantities.offsetHeight + 34);
    const high = clamp(window.innerHeight - above - others - 14, LEAST_HEIGHT, MOST_HEIGHT);
    write(this.root, "--high", `${high + this.quantities.offsetHeight + 34}px`);
    return high;
  }

  // --- what Python says

  receive(message) {
    const first = !this.message;
    const before = this.message;
    this.message = message;
    if (first) this.begin(message);
    if (message.demo && !before?.demo) this.demo.toggle();
    this.loss.colours = this.accuracy.colours = message.colours;
    write(this.root, "--train", message.colours.train);
    write(this.root, "--test", message.colours.test);
    this.asked = "";
    const other = first || before.run !== message.run || before.setup_key !== message.setup_key;
    if (!other) return;
    this.progress = null;
    this.wish = { ...this.wish, run: message.run, setup: message.setup, step: first ? message.step : null };
    this.at = this.wish.step;
    this.feed.wish(this.wish);
    this.takeFinding({ run: message.run, words: "" });
    if (!first) this.keepSoon(); // what was looked at of another run
    this.showProgress();
  }

  begin(message) {
    this.feed = new Feed(message.path, message.once, (word, value) => this.take(word, value), (cut) => this.cut(cut));
    this.wish = { quantity: message.quantity, image: message.image, unit: null, step: message.step };
    this.quantities.innerHTML = message.quantities
      .map(([name, title], place) => `<button type="button" role="radio" data-name="${name}" data-testid="show-${name}"><kbd>${place + 1}</kbd> ${title}</button>`)
      .join("");
    this.showQuantity();
    this.parts["image-digit"].innerHTML = [`<option value="${ANY}">any</option>`, ...message.classes.map((_, place) => `<option value="${place}"></option>`)].join("");
    message.classes.forEach((name, place) => (this.parts["image-digit"].options[place + 1].textContent = name));
  }

  // --- what the feed says

  take(word, value) {
    const act = { picture: this.takePicture, progress: this.takeProgress, finding: this.takeFinding, picked: this.takePicked, problem: this.takeProblem, gone: this.takeGone }[word];
    act?.call(this, value);
  }

  takePicture(bytes) {
    this.newest = bytes;
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => {
      this.takeProblem("");
      this.network.take(this.newest);
      this.showImage();
      this.showUnit();
      this.showStep();
      this.slow.show();
      this.feed.drawn();
      this.root.dataset.pictures = Number(this.root.dataset.pictures ?? 0) + 1;
    });
  }

  takeProgress(progress) {
    if (progress.run !== this.wish.run) return;
    this.progress = progress;
    this.showProgress();
    this.slow.hold();
    const state = `${progress.run} ${progress.status}`;
    if (progress.status !== this.message.status && this.asked !== state) {
      this.asked = state;
      this.ask("changed", progress.status); // other buttons are due
    }
  }

  takeFinding({ run, words }) {
    const now = run === this.wish.run ? words : "";
    this.parts.finding.hidden = !now;
    text(this.parts.finding, now);
  }

  takePicked(number) {
    this.change({ image: number, drawing: undefined });
  }

  // Deleted, by somebody else: the page says so, and has other buttons then.
  takeGone(words) {
    this.takeProblem(words);
    if (this.asked === "gone") return;
    this.asked = "gone";
    this.ask("changed", "gone");
  }

  takeProblem(words) {
    if (words && !this.network.header && (this.wish.image || this.wish.step !== null)) {
      this.at = null;
      this.change({ image: 0, step: null }); // of a link that names what is not there
    }
    this.parts.problem.hidden = !words;
    text(this.parts.problem, words);
  }

  cut(lost) {
    this.parts.lost.hidden = !lost;
  }

  // --- what people do

  listen() {
    this.over = new AbortController();
    const { signal } = this.over;
    const on = (target, type, act) => target.addEventListener(type, act, { signal });
    on(document, "keydown", (event) => this.key(event));
    for (const button of this.root.querySelectorAll("[data-how]")) on(button, "click", () => this.pick(button.dataset.how));
    on(this.parts["image-draw"], "click", () => this.draw(!this.drawing));
    on(this.quantities, "click", (event) => event.target.closest("[data-name]") && this.show(event.target.closest("[data-name]").dataset.name));
    on(this.quantities, "keydown", (event) => this.alongQuantities(event));
    on(this.parts.time, "input", () => this.goTo(Number(this.parts.time.value)));
    on(this.parts.time, "keydown", (event) => this.alongTime(event));
    on(this.parts.live, "click", () => this.goTo(Infinity));
    on(this.parts.fork, "click", () => this.ask("fork", this.at));
    for (const type of ["pointerdown", "keydown"]) {
      const stop = (event) => event.isTrusted && this.demo.on && event.key !== "d" && this.demo.stop();
      document.addEventListener(type, stop, { signal, capture: true });
    }
    on(window, "resize", () => this.network.draw());
    on(document, "fullscreenchange", () => requestAnimationFrame(() => this.network.draw()));
  }

  change(part) {
    this.wish = { ...this.wish, ...part };
    this.feed.wish(this.wish);
    this.keepSoon();
  }

  keepSoon() {
    clearTimeout(this.keeping);
    this.keeping = setTimeout(() => {
      const { quantity, image, step } = this.wish;
      this.keep({ quantity, image, step });
    }, KEEP_AFTER_MS);
  }

  // Nothing may be asked of this page any more: it would be shown anew over the one that is just being opened.
  inspect({ layer, unit }) {
    this.ask("inspect", { layer, unit, step: this.wish.step, image: this.wish.image });
    clearTimeout(this.leaving);
    this.leaving = setTimeout(() => (this.leaving = 0), LEAVES_WITHIN_MS);
  }

  show(quantity) {
    this.change({ quantity });
    this.showQuantity();
  }

  alongQuantities(event) {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const names = this.message.quantities.map(([name]) => name);
    this.show(names[(names.indexOf(this.wish.quantity) + by + names.length) % names.length]);
    this.quantities.querySelector("[aria-checked=true]").focus();
  }

  pick(how) {
    this.draw(false);
    this.feed.pick({ how, digit: Number(this.parts["image-digit"].value), after: this.wish.image ?? 0 });
  }

  draw(on) {
    if (on === this.drawing) return;
    this.drawing = on;
    this.parts["image-draw"].setAttribute("aria-pressed", String(on));
    this.root.classList.toggle("is-drawing", on);
    this.paper.hidden = !on;
    if (!on) return void this.change({ drawing: undefined });
    if (!this.sheet) {
      this.sheet = new Sheet(this.paper);
      this.sheet.receive(this.message.paper, ({ drawing }) => this.drawing && this.change({ drawing }));
    }
    this.sheet.fit();
    this.change({ drawing: { strokes: this.sheet.strokes } });
  }

  open(layer, unit) {
    const [now, number] = this.wish.unit ?? [];
    this.change({ unit: now === layer && number === unit ? null : [layer, unit] });
  }

  goTo(step) {
    const { kept, step: last, status } = this.progress;
    const over = !["queued", "running", "paused"].includes(status);
    const nearest = kept.reduce((best, one) => (Math.abs(one - step) < Math.abs(best - step) ? one : best), kept[0] ?? 0);
    const isNow = step >= last - (last - (kept.at(-2) ?? 0)) / 2 || (over && nearest === kept.at(-1));
    this.at = isNow || !kept.length ? null : nearest;
    this.change({ step: this.at });
    this.showProgress();
  }

  // To the checkpoint before or after, for between them there is nothing to see.
  alongTime(event) {
    const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    const { kept } = this.progress;
    const now = this.at ?? Infinity;
    const place = by > 0 ? kept.findIndex((step) => step > now) : kept.findLastIndex((step) => step < Math.min(now, kept.at(-1)));
    this.goTo(place < 0 ? (by > 0 ? Infinity : kept[0]) : kept[place]);
  }

  enlarge() {
    this.root.classList.toggle("has-large-curves");
    for (const curve of [this.loss, this.accuracy]) curve.draw();
  }

  // Keys for whoever stands before a class. None acts while somebody types, or on something with keys of its own.
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = event.composedPath()[0];
    if (target.closest?.("input, textarea, select, [contenteditable], [role=application], [role=dialog], [role=menu]")) return;
    if (this.slow.key(event)) return;
    const own = target.closest?.("button, a, [role=radio], [role=slider], [role=tab]");
    if (own && [" ", "ArrowRight", "Enter"].includes(event.key)) return;
    if (target.closest?.("[role=img]") && ["ArrowRight", "Enter"].includes(event.key)) return;
    if (event.key === "Escape" && !this.parts.help.hidden) this.parts.help.hidden = true;
    const name = this.message.quantities[Number(event.key) - 1]?.[0];
    const done =
      (name && (this.show(name), true)) ||
      (BUTTONS[event.key] && press(BUTTONS[event.key])) ||
      (event.key === "s" && (this.slow.toggle(), true)) ||
      (event.key === "p" && (this.present(), true)) ||
      (event.key === "d" && (this.demo.toggle(), true)) ||
      (event.key === "?" && (this.parts.help.toggleAttribute("hidden"), true)) ||
      (event.key === "f" && (this.fullScreen(), true));
    if (!done) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  present() {
    document.documentElement.classList.toggle("nnviz-presentation");
    this.network.draw();
    for (const curve of [this.loss, this.accuracy]) curve.draw();
  }

  fullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else document.documentElement.requestFullscreen?.();
  }

  // --- what is on the screen

  showQuantity() {
    for (const button of this.quantities.children) {
      const chosen = button.dataset.name === this.wish.quantity;
      button.setAttribute("aria-checked", String(chosen));
      button.tabIndex = chosen ? 0 : -1;
    }
  }

  showImage() {
    const { header, digit } = this.network;
    const pen = this.image.getContext("2d");
    pen.drawImage(digit, 0, 0);
    text(this.parts["image-words"], this.drawing && !this.sheet.strokes.length && !this.sheet.stroke ? "Draw a digit" : header.title);
    this.image.setAttribute("aria-label", header.title);
  }

  showStep() {
    const { step } = this.network.header;
    text(this.parts.step, `Step ${number(step)}`);
    if (this.at === null) this.parts.time.value = step;
  }

  showProgress() {
    const { progress } = this;
    const share = progress?.accuracy;
    text(this.parts.accuracy, share === null || share === undefined ? "–" : `${(100 * share).toFixed(2)} %`);
    text(this.parts["accuracy-words"], share === null || share === undefined ? "test accuracy, after the first epoch" : `test accuracy, epoch ${progress.epoch} of ${progress.epochs}`);
    const reason = ["interrupted", "failed", "diverged"].includes(progress?.status) ? ` · ${progress.reason}` : "";
    text(this.parts.progress, this.at === null ? (progress ? progress.words + reason : "not trained yet") : "as it was then");
    this.back.hidden = this.at === null;
    this.parts.fork.disabled = this.message.locked;
    const last = Math.max(1, progress?.step ?? 1, this.network.header?.step ?? 0);
    this.parts.time.max = last;
    this.parts.time.disabled = !progress?.kept.length;
    if (this.at !== null) this.parts.time.value = this.at;
    const ticks = [...(progress?.tested[0] ?? []).map((step) => [step, ""]), ...(progress?.marks ?? [])];
    const wanted = JSON.stringify([last, ticks]);
    if (this.ticked !== wanted) {
      this.ticked = wanted;
      this.ticks.replaceChildren(...ticks.map(([step, words]) => tick(step / last, words)));
    }
    this.drawCurves();
  }

  drawCurves() {
    const { progress, at } = this;
    if (progress) text(this.loss.unit, ` ${progress.unit}`);
    const [steps, losses, shares] = progress?.tested ?? [[], [], []];
    const common = { last: progress?.step ?? 0, marks: progress?.marks ?? [], at };
    this.loss.show({ ...common, line: progress?.loss ?? [[], []], points: [steps, losses] });
    this.accuracy.show({ ...common, line: progress?.right ?? [[], []], points: [steps, shares] });
  }

  showUnit() {
    const { unit, layers, classes } = this.network.header;
    const box = this.parts.unit;
    box.hidden = !unit;
    this.root.classList.toggle("has-unit", Boolean(unit));
    if (!unit) return;
    if (this.unitOf !== `${unit.layer} ${unit.unit}`) this.makeUnit(unit, layers, classes);
    const lines = [
      ...unit.terms.map(([x, w, product]) => [`${plain(x)} × ${plain(w)}`, plain(product)]),
      ...(unit.others ? [[`the other ${number(unit.others)}`, plain(unit.rest)]] : []),
      ["bias b", plain(unit.bias)],
      ["Wx + b", plain(unit.total)],
      [unit.activation === "Identity" ? "y" : `y = ${unit.activation}`, plain(unit.output)],
    ];
    fillTable(box.querySelector("table"), lines);
    const pictures = box.querySelector(".s-faces");
    unit.pictures.forEach(({ words, face, limit, canvas }, place) => {
      let figure = pictures.children[place];
      if (!figure) {
        figure = element(`<figure><canvas role="img"></canvas><figcaption></figcaption></figure>`);
        pictures.append(figure);
      }
      const shown = figure.firstChild;
      if (shown.width !== face[1] || shown.height !== face[0]) [shown.height, shown.width] = face;
      shown.getContext("2d").drawImage(canvas, 0, 0);
      shown.setAttribute("aria-label", words);
      text(figure.lastChild, `${words.split(" ").at(-1)} ±${short(limit)}`);
    });
    while (pictures.children.length > unit.pictures.length) pictures.lastChild.remove();
  }

  makeUnit(unit, layers, classes) {
    this.unitOf = `${unit.layer} ${unit.unit}`;
    const layer = layers.find((one) => one.name === unit.layer);
    const last = layers.at(-1).name === unit.layer;
    const box = this.parts.unit;
    box.innerHTML = `<div class="s-unit-head"><b></b><button type="button" data-testid="unit-close" aria-label="Close">×</button></div>
      <table></table><div class="s-faces"></div><button type="button" class="s-more" data-testid="unit-inspect">Open in Inspect ›</button>`;
    const name = last ? `class ${classes[unit.unit]}` : layer.drawn === "neurons" ? `neuron ${unit.unit}` : `channel ${unit.unit}`;
    text(box.querySelector("b"), `${unit.title}, ${name}`);
    box.querySelector("[data-testid=unit-close]").addEventListener("click", () => this.change({ unit: null }));
    const more = box.querySelector("[data-testid=unit-inspect]");
    more.hidden = !this.wish.run;
    more.addEventListener("click", () => this.inspect(unit));
  }
}

// A button of the page is pressed as a hand would.
function press(key) {
  const button = document.querySelector(`.st-key-${key} button`);
  if (!button || button.disabled) return false;
  button.click();
  return true;
}

// Rows of words, of which only those that differ are touched.
function fillTable(table, lines) {
  while (table.rows.length > lines.length) table.deleteRow(-1);
  lines.forEach((line, place) => {
    const row = table.rows[place] ?? table.insertRow();
    while (row.cells.length < line.length) row.insertCell();
    line.forEach((words, column) => text(row.cells[column], words));
  });
}

function tick(share, words) {
  const made = make("span", words ? "s-mark" : "s-tick", null);
  made.style.left = `${100 * share}%`;
  if (words) made.title = words;
  return made;
}

function number(value) {
  return Number(value).toLocaleString("en-US");
}

function plain(value) {
  return Math.abs(value ?? 0) < 1000 ? signed(value, 3) : (value < 0 ? "−" : "+") + number(Math.round(Math.abs(value)));
}
