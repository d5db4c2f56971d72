// The builder: holds the draft, draws it, edits it, sends it to Python and shows the answer.
// Streamlit calls the default export again with each answer; the state lives in one Builder per mount.

const NARROW = 520;
const SEND_AFTER_MS = 80;
const GLIDE_MS = 220;
const DRAG_FROM_PX = 6;

// The draft with its history as the page was left, so that coming back keeps undo, and a new server hears of it.
let left = null;

export default function (component) {
  return mount(
    component,
    (parent) => new Builder(parent),
    (builder, message) => builder.receive(message, (draft) => component.setStateValue("draft", draft)),
  );
}

class Builder {
  constructor(parent) {
    this.root = element(`
      <div class="builder">
        <div class="presets" role="group" aria-label="Networks to start from"></div>
        <div class="bar">
          <span class="history"></span><span class="settings"></span>
          <span class="totals" aria-live="polite"></span>
        </div>
        <div class="frame">
          <div class="strip"><div class="stage" role="group" aria-label="The network, from input to output">
            <svg class="wires" aria-hidden="true"></svg><svg class="wires views" aria-hidden="true"></svg>
          </div></div>
        </div>
        <div class="below"></div>
        <p class="hint"></p>
      </div>`);
    parent.append(this.root);
    this.find = (selector) => this.root.querySelector(selector);
    this.strip = this.find(".strip");
    this.stage = this.find(".stage");
    this.wires = this.find(".wires");
    this.views = this.find(".views");
    this.layers = new Map();
    this.inserts = [];
    this.shownMain = new Map();
    this.plans = new Map();
    this.sent = new Map();
    this.answered = -1;
    this.selected = null;
    this.drag = null;
    this.panel = null;
    this.schema = null;
    this.timer = null;
    this.listen();
  }

  // --- talking with Python ---

  receive(data, send) {
    this.send = send;
    this.setSchema(data.schema);
    if (!this.draft) this.takeUp(data);
    const again = this.draft && data.session !== this.session;
    this.session = data.session;
    if (again) this.join(data);
    else if (data.generation !== this.generation) this.adopt(data);
    if (data.revision >= this.answered) this.accept(data);
    this.render();
  }

  // Coming back to the page: what was left is still what the session has, or the session is new and knows nothing of it.
  takeUp(data) {
    if (!left) return;
    const known = left.generation === data.generation && left.revision === data.revision;
    if (!known && left.session === data.session) return;
    Object.assign(this, left);
    this.sent.set(this.revision, this.ids());
  }

  // A session that knows nothing of this drawing, as the server was started again: it is told all of it. What the session
  // began with can be got back by undo.
  join(data) {
    const theirs = draftOf(data.draft, this.draft);
    if (![this.draft, ...this.history.past].some((one) => sameNetwork(one, theirs))) remember(this.history, theirs, null);
    this.generation = data.generation;
    this.revision = Math.max(this.revision, data.revision) + 1;
    this.answered = -1;
    this.flush(true);
  }

  // A network from elsewhere: the first one, an import, a link. What was drawn before can be got back by undo.
  adopt(data) {
    const before = this.draft;
    this.generation = data.generation;
    this.revision = data.revision;
    this.answered = -1;
    clearTimeout(this.timer);
    this.timer = null;
    this.draft = draftOf(data.draft, before);
    this.history = this.history || newHistory();
    if (before) remember(this.history, before, null);
    if (!before && this.isRow()) this.selected = this.draft.layers[0] ? this.draft.layers[0].id : null;
    this.sent.set(this.revision, this.ids());
  }

  accept(data) {
    const ids = this.sent.get(data.revision);
    if (!ids) return;
    this.answered = data.revision;
    for (const revision of this.sent.keys()) if (revision < data.revision) this.sent.delete(revision);
    const { layers, error, totals, preset } = data.answer;
    // Of a layer without an answer the last shape is still good for drawing it.
    [...ids, "output"].forEach((id, at) => this.plans.set(id, layers[at] || { shape: this.plans.get(id)?.shape }));
    this.totals = totals;
    this.good = data.good;
    if (data.revision !== this.revision) return;
    this.preset = preset;
    this.error = error && { message: error.message, id: error.index === null ? null : [...ids, "output"][error.index] };
  }

  ids() {
    return this.draft.layers.map((layer) => layer.id);
  }

  change(draft, { merge = null, wait = 0 } = {}) {
    remember(this.history, this.draft, merge);
    this.replace(draft, wait);
  }

  replace(draft, wait = 0) {
    this.draft = draft;
    this.revision += 1;
    this.preset = null;
    if (this.selected && !this.nodeOf(this.selected)) this.selected = null;
    this.render();
    if (wait === 0) this.flush(true);
    else if (!this.timer) this.timer = setTimeout(() => this.flush(true), wait);
  }

  flush(due = this.timer !== null) {
    clearTimeout(this.timer);
    this.timer = null;
    if (!due) return;
    this.sent.set(this.revision, this.ids());
    this.send({ generation: this.generation, revision: this.revision, network: networkOf(this.draft) });
  }

  leave() {
    this.stopListening.abort();
    this.watcher.disconnect();
    cancelAnimationFrame(this.frame);
    clearTimeout(this.timer);
    const { session, generation, revision, draft, history, selected, plans } = this;
    left = { session, generation, revision, draft, history, selected, plans };
    this.root.remove();
  }

  // --- what is shown ---

  setSchema(schema) {
    const text = JSON.stringify(schema);
    if (text === this.schemaText) return;
    this.schemaText = text;
    this.schema = schema;
    this.find(".presets").replaceChildren(...schema.presets.map((preset) => this.presetButton(preset)));
    this.find(".history").replaceChildren(this.historyButton("undo", "Undo", "Ctrl+Z"), this.historyButton("redo", "Redo", "Ctrl+Shift+Z"));
    this.settings = schema.network.map((field) => {
      const control = fieldControl(field, `network-${field.name}`, (value) => this.setSetting(field, value));
      return { field, control };
    });
    this.find(".settings").replaceChildren(...this.settings.map(({ control }) => control.element));
    if (this.menu) this.menu.remove();
    this.menu = kindMenu(schema.kinds, (kind, byKey) => this.insert(this.insertAt, kind, byKey));
    this.root.append(this.menu);
    this.closePanel();
  }

  presetButton(preset) {
    const button = element(`
      <button type="button" class="preset" data-testid="preset-${escapeHtml(preset.name)}" data-name="${escapeHtml(preset.name)}">
        <b>${escapeHtml(preset.title)}</b><span>${escapeHtml(preset.teaches)}</span></button>`);
    button.addEventListener("click", () => {
      const draft = draftOf(preset.network, this.draft);
      this.selected = this.isRow() ? draft.layers[0]?.id || "output" : null;
      this.change(draft);
      this.strip.scrollTo({ left: 0 });
    });
    return button;
  }

  historyButton(name, title, keys) {
    const button = element(`
      <button type="button" class="tool" data-testid="${name}" aria-label="${title}" title="${title} (${keys})">${icon(name)}</button>`);
    button.addEventListener("click", () => this[name]());
    return button;
  }

  isRow() {
    return this.strip.clientWidth >= NARROW;
  }

  // The nodes from input to output, each with all that its picture shows.
  nodes() {
    const { schema, draft } = this;
    const layers = this.drag ? withMoved(draft, this.drag.from, this.drag.to).layers : draft.layers;
    const nodes = [this.inputNode(schema.input), ...layers.map((layer, index) => this.layerNode(layer, index, layers.length)), this.outputNode(layers.length)];
    nodes.forEach((node, at) => {
      node.at = node.role === "layer" ? node.index : node.role;
      node.testid = `layer-${node.at}`;
      node.selected = node.id === this.selected;
      node.dragged = Boolean(this.drag) && this.drag.id === node.id;
      node.uncertain = !node.out;
      node.problem = this.error && this.error.id === node.id ? this.error.message : null;
    });
    return nodes;
  }

  inputNode({ shape, out, values }) {
    return {
      id: "input", role: "input", drawn: "image", title: "Input", sub: this.schema.data, shape, out, values,
      name: "", formula: "x", sizes: `${values} values from 0 (background) to 1 (ink)`,
      help: `What the network sees: one image of ${this.schema.data}. The data set is chosen where it is trained.`,
    };
  }

  outputNode(count) {
    const { classes } = this.schema;
    const plan = this.plans.get("output") || {};
    return {
      ...plan, id: "output", role: "output", drawn: "neurons", title: "Output", sub: `${classes.length} classes`, count: classes.length,
      labels: classes.every((name) => name.length <= 2) ? classes : null, index: count, kernel: null,
      help: `One number for each class of ${this.schema.data}; the largest one is the answer. This layer follows from the data set.`,
    };
  }

  layerNode(layer, index, total) {
    const kind = this.schema.kinds[layer.values.kind] || { title: String(layer.values.kind), drawn: "block", fields: [], help: "" };
    const plan = this.plans.get(layer.id) || {};
    const count = Number(layer.values[kind.counted]);
    return {
      ...plan, id: layer.id, role: "layer", drawn: kind.drawn, title: kind.title, sub: subtitle(kind, layer.values), index, last: index === total - 1,
      count: count > 0 ? Math.round(count) : null, counted: kind.counted, labels: null,
      kernel: layer.values.kernel, layer: layer.values, help: kind.help,
      shape: plan.shape && kind.counted ? [count > 0 ? count : 1, ...plan.shape.slice(1)] : plan.shape,
    };
  }

  nodeOf(id) {
    return this.nodes().find((node) => node.id === id);
  }

  render() {
    if (!this.draft || !this.strip.clientWidth) return;
    const row = this.isRow();
    this.root.classList.toggle("in-row", row);
    this.root.classList.toggle("in-column", !row);
    const nodes = this.nodes();
    this.renderPanel(nodes, row);
    this.layout = arrange(nodes, row ? ROW : COLUMN, this.strip.clientWidth, row ? new Map() : this.rooms(nodes));
    this.showEdges();
    this.renderLayers(nodes);
    this.renderInserts(nodes.length - 1);
    this.renderBar();
    this.glide(nodes);
  }

  renderLayers(nodes) {
    const alive = new Set(nodes.map((node) => node.id));
    for (const [id, shown] of this.layers) {
      if (alive.has(id)) continue;
      shown.remove();
      this.layers.delete(id);
      this.shownMain.delete(id);
      this.plans.delete(id);
    }
    for (const node of nodes) {
      if (!this.layers.has(node.id)) this.layers.set(node.id, layerElement(node));
      fillLayer(this.layers.get(node.id), node, this.layout.places.get(node.id), this.layout);
    }
  }

  renderInserts(count) {
    while (this.inserts.length > count) this.inserts.pop().remove();
    while (this.inserts.length < count) this.inserts.push(insertElement(this.inserts.length));
    const full = this.draft.layers.length >= this.schema.maxLayers;
    for (const insert of this.inserts) insert.disabled = full;
    this.orderForTab();
  }

  // The elements stand in the page in the order in which Tab should visit them. Only those out of place are moved.
  orderForTab() {
    let before = this.views;
    this.nodes().forEach((node, at) => {
      for (const wanted of [this.layers.get(node.id), this.inserts[at]]) {
        if (!wanted) continue;
        if (before.nextElementSibling !== wanted) this.moveInPage(wanted, before);
        before = wanted;
      }
    });
  }

  moveInPage(moved, after) {
    const active = moved.getRootNode().activeElement;
    const focused = active && moved.contains(active) ? active : null;
    after.after(moved);
    if (focused) focused.focus({ preventScroll: true });
  }

  renderBar() {
    for (const button of this.find(".presets").children) {
      button.setAttribute("aria-pressed", String(button.dataset.name === this.preset));
    }
    this.find("[data-testid=undo]").disabled = this.history.past.length === 0;
    this.find("[data-testid=redo]").disabled = this.history.future.length === 0;
    for (const { field, control } of this.settings) {
      control.element.hidden = Object.entries(field.only || {}).some(([name, values]) => !values.includes(this.draft[name]));
      control.show(this.draft[field.name], Boolean(this.error) && this.error.id === null && isAbout(this.error.message, field));
    }
    setContent(this.find(".totals"), this.error ? this.stillUsing() : this.totalsMarkup());
    setContent(this.find(".hint"), this.isRow() ? KEYS_HINT : TOUCH_HINT);
  }

  totalsMarkup() {
    if (!this.totals) return "";
    const { parameters, memory, batch } = this.totals;
    const items = [
      ["parameters", parameters, "parameters"],
      ["memory", memory, `to train, batches of ${batch}`],
      ["data", this.schema.data, "gives the shapes"],
    ];
    return items.map(([name, value, word]) => `<span class="total"><b data-testid="total-${name}">${escapeHtml(value)}</b> ${escapeHtml(word)}</span>`).join("");
  }

  stillUsing() {
    const whole = this.error.id === null ? `<b class="whole" data-testid="problem" role="alert">${escapeHtml(this.error.message)}.</b> ` : "";
    const same = JSON.stringify(this.good.network) === JSON.stringify(networkOf(this.draft));
    if (same) return `<span class="still">${whole}</span>`;
    return `<span class="still" data-testid="still-using">${whole}Still using the last network that works: <b>${escapeHtml(this.good.words)}</b>.
      <button type="button" class="back" data-testid="go-back">Go back to it</button></span>`;
  }

  // --- the editor panel ---

  renderPanel(nodes, row) {
    const node = nodes.find((one) => one.id === this.selected);
    if (!node) this.closePanel();
    else if (!this.panel || this.panel.id !== node.id) this.openPanel(node);
    const home = row ? this.find(".below") : this.stage;
    if (this.panel && this.panel.element.parentNode !== home) home.append(this.panel.element);
    if (this.panel) this.panel.show(node);
    if (row && this.panel) this.panel.element.style.transform = "";
    setContent(this.ensureEmpty(), node || !row ? "" : "Choose a layer to edit it, or a + to add one.");
  }

  ensureEmpty() {
    let empty = this.find(".empty");
    if (!empty) {
      empty = element(`<p class="empty"></p>`);
      this.find(".below").append(empty);
    }
    return empty;
  }

  openPanel(node) {
    this.closePanel();
    const act = (name) => this.act(name, this.indexOf(node.id));
    const change = (name, value) => this.edit(node.id, name, value);
    this.panel = layerPanel(node, node.role === "layer" ? this.schema.kinds[node.layer.kind] : null, this.schema.curves, act, change);
    this.watcher.observe(this.panel.element);
  }

  closePanel() {
    if (!this.panel) return;
    this.watcher.unobserve(this.panel.element);
    this.panel.element.remove();
    this.panel = null;
  }

  // In a column the message of a layer, and then its editor, stand below it.
  rooms(nodes) {
    const rooms = new Map(nodes.map((node) => [node.id, problemRoom(node, this.strip.clientWidth)]));
    if (this.panel) rooms.set(this.panel.id, rooms.get(this.panel.id) + this.panel.element.offsetHeight + 8);
    return rooms;
  }

  select(id, focus = false) {
    this.selected = id;
    this.render();
    if (focus && this.panel) this.panel.focus();
  }

  // --- moving things smoothly ---

  glide(nodes) {
    cancelAnimationFrame(this.frame);
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches || nodes.length > 16;
    const from = new Map(this.shownMain);
    const start = performance.now();
    const targets = new Map(nodes.map((node) => [node.id, this.mainOf(node)]));
    const moves = nodes.some((node) => from.has(node.id) && Math.abs(from.get(node.id) - targets.get(node.id)) > 0.5);
    const sameDirection = this.glidedRow === this.layout.row;
    this.glidedRow = this.layout.row;
    const frame = (now) => {
      const share = calm || !moves || !sameDirection ? 1 : Math.min(1, (now - start) / GLIDE_MS);
      const eased = 1 - (1 - share) ** 3;
      for (const [id, target] of targets) {
        const begin = from.has(id) && !(this.drag && this.drag.id === id) ? from.get(id) : target;
        this.shownMain.set(id, begin + (target - begin) * eased);
      }
      this.place(nodes);
      if (share < 1) this.frame = requestAnimationFrame(frame);
    };
    frame(start);
  }

  mainOf(node) {
    return this.drag && this.drag.id === node.id ? this.drag.main : this.layout.places.get(node.id).main;
  }

  place(nodes) {
    const { layout } = this;
    const places = new Map();
    for (const node of nodes) places.set(node.id, { ...layout.places.get(node.id), main: this.shownMain.get(node.id) });
    const shown = { ...layout, places };
    this.stage.style.width = `${layout.width}px`;
    this.stage.style.height = `${layout.height}px`;
    for (const drawn of [this.wires, this.views]) {
      drawn.setAttribute("width", layout.width);
      drawn.setAttribute("height", layout.height);
    }
    for (const node of nodes) {
      const { main, size } = places.get(node.id);
      const { style } = this.layers.get(node.id);
      style.transform = layout.row ? `translate(${main}px, 0)` : `translate(0, ${main}px)`;
      style.width = `${layout.row ? size : layout.width}px`;
      style.height = `${layout.row ? layout.height : size}px`;
    }
    this.inserts.forEach((insert, at) => {
      const [x, y] = insertPosition(places.get(nodes[at].id), shown, nodes[at].id);
      insert.style.transform = `translate(${x}px, ${y}px) translate(-50%, -50%)`;
    });
    if (this.panel && !layout.row) {
      const { main, size } = places.get(this.panel.id);
      const room = layout.rooms.get(this.panel.id) - this.panel.element.offsetHeight;
      this.panel.element.style.transform = `translate(0, ${main + size + room}px)`;
    }
    const { wires, views } = wiresMarkup(nodes, shown);
    setContent(this.wires, wires);
    setContent(this.views, views);
  }

  // --- what a person can do ---

  indexOf(id) {
    return this.draft.layers.findIndex((layer) => layer.id === id);
  }

  act(name, index) {
    const actions = {
      "move-left": () => this.move(index, index - 1),
      "move-right": () => this.move(index, index + 1),
      duplicate: () => this.duplicate(index),
      remove: () => this.remove(index),
      "close-panel": () => this.deselect(),
    };
    actions[name]();
  }

  edit(id, name, value, merge = `${id}.${name}`) {
    const index = this.indexOf(id);
    if (index < 0 || this.draft.layers[index].values[name] === value) return;
    this.change(withValue(this.draft, index, name, value), { merge, wait: SEND_AFTER_MS });
  }

  setSetting(field, value) {
    this.change({ ...this.draft, [field.name]: value }, { merge: field.name, wait: SEND_AFTER_MS });
  }

  count(index, direction) {
    const { id, values } = this.draft.layers[index];
    const { counted, fields } = this.schema.kinds[values.kind];
    if (!counted) return;
    const { low, high } = fields.find((field) => field.name === counted);
    const wanted = nextCount(Number(values[counted]) || low, direction);
    this.edit(id, counted, Math.min(high, Math.max(low, wanted)), null);
  }

  insert(index, kind, focus) {
    const draft = withLayer(this.draft, index, this.schema.kinds[kind].default);
    this.selected = draft.layers[index].id;
    this.change(draft);
    if (focus) this.panel.focus();
    this.reveal(this.selected);
  }

  duplicate(index) {
    if (this.draft.layers.length >= this.schema.maxLayers) return;
    const draft = withLayer(this.draft, index + 1, this.draft.layers[index].values);
    this.selected = draft.layers[index + 1].id;
    this.change(draft);
    this.focusLayer(this.selected);
  }

  remove(index) {
    const open = this.panel && this.selected === this.draft.layers[index].id;
    const draft = withoutLayer(this.draft, index);
    const neighbour = draft.layers[Math.min(index, draft.layers.length - 1)]?.id || "output";
    if (open) this.selected = this.isRow() ? neighbour : null;
    this.change(draft);
    this.focusLayer(neighbour);
  }

  move(from, to) {
    if (to < 0 || to >= this.draft.layers.length || to === from) return;
    this.change(withMoved(this.draft, from, to));
    this.reveal(this.draft.layers[to].id);
  }

  undo() {
    if (this.history.past.length) this.replace(stepBack(this.history, this.draft));
    this.keepFocus();
  }

  redo() {
    if (this.history.future.length) this.replace(stepForward(this.history, this.draft));
    this.keepFocus();
  }

  deselect() {
    const id = this.selected;
    this.select(null);
    if (id) this.focusLayer(id);
  }

  goBack() {
    if (!sameNetwork(this.draft, draftOf(this.good.network))) this.change(draftOf(this.good.network, this.draft));
    this.keepFocus();
  }

  focusLayer(id) {
    const shown = this.layers.get(id);
    if (!shown) return;
    shown.querySelector(".face").focus({ preventScroll: true });
    this.reveal(id);
  }

  // A layer that stands outside the visible part of the strip is brought in, without moving the page.
  reveal(id) {
    const place = this.layout.places.get(id);
    if (!place || !this.layout.row) return;
    const [start, end] = [place.main - 40, place.main + place.size + 40];
    const { scrollLeft, clientWidth } = this.strip;
    if (start < scrollLeft) this.strip.scrollTo({ left: start, behavior: "smooth" });
    else if (end > scrollLeft + clientWidth) this.strip.scrollTo({ left: end - clientWidth, behavior: "smooth" });
  }

  // Focus that was on something now gone stays in the builder, so that the next key still arrives here.
  keepFocus() {
    const active = this.root.getRootNode().activeElement;
    if (!active || !this.root.contains(active) || active.disabled) this.focusLayer(this.selected || "input");
  }

  // --- events ---

  listen() {
    this.stopListening = new AbortController();
    const { signal } = this.stopListening;
    const on = (target, type, handler, options = {}) => target.addEventListener(type, handler.bind(this), { signal, ...options });
    on(this.root, "click", this.onClick);
    on(this.root, "keydown", this.onKey);
    on(this.root, "change", this.onEditEnd);
    on(this.stage, "pointerdown", this.onGrab);
    on(this.stage, "pointerover", this.onHover);
    on(this.stage, "pointerleave", () => lightWires(this.wires, null, null));
    on(this.strip, "scroll", this.showEdges);
    on(document, "keydown", this.onStrayKey);
    on(document, "pointerdown", () => this.flush(), { capture: true });
    this.watcher = new ResizeObserver(() => requestAnimationFrame(() => this.resized()));
    this.watcher.observe(this.strip);
  }

  // A slider was let go or a box left: what comes next is another step to undo.
  onEditEnd() {
    this.history.merge = null;
    this.flush();
  }

  resized() {
    const size = `${this.strip.clientWidth} ${this.panel ? this.panel.element.offsetHeight : 0}`;
    if (this.size !== size) this.render();
    this.size = size;
    this.showEdges();
  }

  showEdges() {
    const { scrollLeft, clientWidth, scrollWidth } = this.strip;
    this.find(".frame").classList.toggle("more-left", scrollLeft > 4);
    this.find(".frame").classList.toggle("more-right", scrollLeft + clientWidth < scrollWidth - 4);
  }

  onClick(event) {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.classList.contains("back")) this.goBack();
    if (button.classList.contains("insert")) this.askKind(Number(button.dataset.index), button);
    const shown = button.closest(".layer");
    if (!shown) return;
    const { id } = shown.dataset;
    if (button.classList.contains("fewer")) this.count(this.indexOf(id), -1);
    if (button.classList.contains("more")) this.count(this.indexOf(id), 1);
    if (button.classList.contains("face") && !this.justDragged) this.toggle(id, event.detail === 0);
    this.justDragged = false;
  }

  // A tap on the open layer of a column folds it up again; in a row the editor has its own place.
  toggle(id, byKey) {
    if (id === this.selected && !byKey && !this.layout.row) this.deselect();
    else this.select(id, byKey);
  }

  askKind(index, button) {
    this.insertAt = index;
    openMenu(this.menu, button);
  }

  onHover(event) {
    const shown = event.target.closest(".layer");
    const neuron = event.target.closest(".neuron");
    lightWires(this.wires, shown && neuron ? shown.dataset.id : null, neuron ? neuron.dataset.index : null);
  }

  // Undo works also while nothing has the focus.
  onStrayKey(event) {
    if (event.target === document.body && this.historyKey(event)) event.preventDefault();
  }

  historyKey(event) {
    const key = event.key.toLowerCase();
    if (!(event.ctrlKey || event.metaKey) || event.altKey || !["z", "y"].includes(key)) return false;
    if (key === "y" || event.shiftKey) this.redo();
    else this.undo();
    return true;
  }

  onKey(event) {
    const shown = event.target.closest(".layer");
    const inPanel = event.target.closest(".panel");
    const handled =
      this.historyKey(event) ||
      (shown && this.layerKey(event, shown.dataset.id)) ||
      (inPanel && event.key === "Escape" && (this.deselect(), true));
    if (!handled) return;
    event.preventDefault();
    event.stopPropagation();
  }

  layerKey(event, id) {
    const index = this.indexOf(id);
    const control = event.ctrlKey || event.metaKey;
    const along = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (along && event.altKey) return index < 0 || (this.move(index, index + along), true);
    if (along) return this.goTo(id, along);
    if (event.key === "Home") return this.goTo(id, -Infinity);
    if (event.key === "End") return this.goTo(id, Infinity);
    if (event.key === "Escape") return this.selected !== null && (this.deselect(), true);
    if (event.key === "Insert") return this.askKind(...this.nextInsert(id)), true;
    if (index < 0) return false;
    if (event.key === "Delete" || event.key === "Backspace") return this.remove(index), true;
    if (control && event.key.toLowerCase() === "d") return this.duplicate(index), true;
    if (!control && ["+", "-"].includes(event.key)) return this.count(index, event.key === "+" ? 1 : -1), true;
    return false;
  }

  nextInsert(id) {
    const after = id === "output" ? this.inserts.length - 1 : this.indexOf(id) + 1;
    return [after, this.inserts[after]];
  }

  goTo(id, along) {
    const nodes = this.nodes();
    const now = nodes.findIndex((node) => node.id === id);
    const next = nodes[Math.min(nodes.length - 1, Math.max(0, now + along))];
    if (this.panel) this.select(next.id);
    this.focusLayer(next.id);
    return true;
  }

  // --- dragging a layer to another place ---

  onGrab(event) {
    const shown = event.target.closest(".layer.is-layer");
    const byGrip = event.target.closest(".grip");
    const byMouse = event.pointerType === "mouse" && event.button === 0 && event.target.closest(".face");
    if (!shown || !(byGrip || byMouse)) return;
    this.justDragged = false;
    const { id } = shown.dataset;
    const along = (moved) => (this.layout.row ? moved.clientX + this.strip.scrollLeft : moved.clientY);
    const begin = along(event);
    const place = this.layout.places.get(id);
    const over = new AbortController();
    const options = { signal: over.signal };
    const move = (moved) => {
      const by = along(moved) - begin;
      if (!this.drag && Math.abs(by) < DRAG_FROM_PX) return;
      if (!this.drag) this.drag = { id, from: this.indexOf(id), to: this.indexOf(id) };
      this.drag.main = place.main + by;
      this.drag.to = this.dropIndex(id, this.drag.main + place.size / 2);
      this.render();
    };
    const end = (drop) => {
      over.abort();
      const { drag } = this;
      this.drag = null;
      if (!drag) return;
      this.justDragged = true;
      setTimeout(() => (this.justDragged = false), 0);
      if (drop && drag.to !== drag.from) this.move(drag.from, drag.to);
      else this.render();
    };
    if (byGrip) event.preventDefault();
    window.addEventListener("pointermove", move, options);
    window.addEventListener("pointerup", () => end(true), options);
    window.addEventListener("pointercancel", () => end(false), options);
    window.addEventListener("keydown", (key) => key.key === "Escape" && end(false), { ...options, capture: true });
  }

  // Before how many of the other layers' centres the dragged one's centre lies.
  dropIndex(id, centre) {
    const others = this.draft.layers.filter((layer) => layer.id !== id);
    return others.filter((layer) => {
      const { main, size } = this.layout.places.get(layer.id);
      return main + size / 2 < centre;
    }).length;
  }
}

const KEYS_HINT =
  "<kbd>←</kbd> <kbd>→</kbd> choose · <kbd>Enter</kbd> edit · <kbd>Insert</kbd> add · <kbd>Delete</kbd> remove · <kbd>Ctrl</kbd>+<kbd>D</kbd> duplicate · " +
  "<kbd>Alt</kbd>+<kbd>←</kbd> <kbd>→</kbd> or drag to move · <kbd>+</kbd> <kbd>−</kbd> neurons · <kbd>Ctrl</kbd>+<kbd>Z</kbd> undo";
const TOUCH_HINT = "Tap a layer to edit it, + to add one; drag the dots to move it.";

// "ReLU", "kernel 2, stride 2": what a layer's fields say in a few words; the count stands in its shape already.
function subtitle(kind, values) {
  const activation = kind.fields.find((field) => field.name === "activation");
  const words = kind.fields
    .filter((field) => field !== activation && field.name !== kind.counted)
    .slice(0, activation ? 1 : 2)
    .map((field) => (field.name === "kernel" ? `${values.kernel} × ${values.kernel}` : `${field.label} ${values[field.name]}`));
  if (activation) words.push(Object.fromEntries(activation.options)[values.activation] || String(values.activation));
  return words.join(", ");
}
