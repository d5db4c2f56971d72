// The drawing: one element for each layer, kept as long as the layer lives, and one SVG of wires behind them.

const ICONS = {
  undo: "M9 14 4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3",
  redo: "m15 14 5-5-5-5M20 9H10a6 6 0 0 0 0 12h3",
  left: "M19 12H5m6-6-6 6 6 6",
  right: "M5 12h14m-6-6 6 6-6 6",
  up: "M12 19V5m-6 6 6-6 6 6",
  down: "M12 5v14m-6-6 6 6 6-6",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  remove: "M4 7h16M10 11v6m4-6v6M6 7l1 13h10l1-13M9 7V4h6v3",
  close: "M6 6l12 12M18 6 6 18",
  plus: "M12 6v12M6 12h12",
  minus: "M6 12h12",
  grip: "M9 6h.01M15 6h.01M9 12h.01M15 12h.01M9 18h.01M15 18h.01",
};

function icon(name, size = 18) {
  return `<svg class="icon icon-${name}" width="${size}" height="${size}" viewBox="0 0 24 24" aria-hidden="true"><path d="${ICONS[name]}"/></svg>`;
}

function escapeHtml(text) {
  const entities = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return String(text).replace(/[&<>"']/g, (letter) => entities[letter]);
}

// Replaces the content only if it differs: no flicker, and focus and hover stay.
function setContent(target, markup) {
  if (target.shownMarkup === markup) return;
  target.shownMarkup = markup;
  target.innerHTML = markup;
}

// --- one layer -------------------------------------------------------------------------------------------------------

function layerElement(node) {
  const made = element(`
    <div class="layer is-${node.role}" data-id="${node.id}">
      <button type="button" class="face"><span class="head"></span><span class="picture"></span><span class="foot"></span></button>
      <span class="problem" role="alert" hidden></span>
    </div>`);
  if (node.role !== "layer") return made;
  made.append(element(`<span class="grip" title="Drag to move" aria-hidden="true">${icon("grip", 16)}</span>`));
  made.append(
    element(`
    <span class="counts">
      <button type="button" class="fewer" tabindex="-1">${icon("minus", 14)}</button>
      <button type="button" class="more" tabindex="-1">${icon("plus", 14)}</button>
    </span>`),
  );
  return made;
}

function fillLayer(shown, node, place, layout) {
  const face = shown.querySelector(".face");
  shown.className = `layer is-${node.role} draws-${node.drawn}`;
  shown.classList.toggle("is-selected", node.selected);
  shown.classList.toggle("is-bad", Boolean(node.problem));
  shown.classList.toggle("is-dragged", node.dragged);
  face.dataset.testid = node.testid;
  face.setAttribute("aria-pressed", String(node.selected));
  setContent(shown.querySelector(".head"), headOf(node));
  setContent(shown.querySelector(".picture"), pictureOf(node, place, layout));
  setContent(shown.querySelector(".foot"), footOf(node));
  const problem = shown.querySelector(".problem");
  problem.hidden = !node.problem;
  problem.dataset.testid = node.problem ? "problem" : "";
  setContent(problem, node.problem ? escapeHtml(node.problem) : "");
  fillCounts(shown.querySelector(".counts"), node);
}

function fillCounts(counts, node) {
  if (!counts) return;
  counts.hidden = !node.counted;
  for (const [name, word] of [["fewer", "Fewer"], ["more", "More"]]) {
    const button = counts.querySelector(`.${name}`);
    button.dataset.testid = `${name}-${node.index}`;
    button.setAttribute("aria-label", `${word} ${node.counted || ""}`);
    button.title = button.getAttribute("aria-label");
  }
}

function headOf(node) {
  return `<span class="title">${escapeHtml(node.title)}</span> <span class="sub">${escapeHtml(node.sub)}</span>`;
}

function footOf(node) {
  const shape = `<span class="shape" data-testid="shape-${node.at}">${escapeHtml(node.out || "–")}</span>`;
  const learned = node.parameters === "0" ? "no parameters" : `${node.parameters} parameters`;
  const text = node.role === "input" ? `${node.values} values` : node.parameters ? learned : "";
  const problem = node.problem ? unseen(`, ${node.problem}`) : "";
  return `${node.out ? unseen(", output ") : ""}${shape}${unseen(", ")}<span class="parameters" data-testid="parameters-${node.at}">${escapeHtml(text)}</span>${problem}`;
}

// The face of a layer has no other name than what is written on it; these words join it for those who hear it.
function unseen(words) {
  return `<span class="unseen">${escapeHtml(words)}</span>`;
}

// The picture lies in a box as large as the layer, drawn in the coordinates of the layer's own corner.
function pictureOf(node, place, layout) {
  const own = { ...place, main: 0 };
  const [width, height] = layout.row ? [place.size, layout.height] : [layout.width, place.size];
  const drawn = { image: imageMarkup, neurons: neuronsMarkup, maps: mapsMarkup, block: blockMarkup }[place.art.type];
  return `<svg width="${width}" height="${height}" aria-hidden="true">${drawn(node, own, layout)}</svg>`;
}

function neuronsMarkup(node, place, layout) {
  const point = pointOf(layout);
  let index = -1;
  return place.art.neurons
    .map((neuron) => {
      const [x, y] = point(place.size / 2, neuron.offset).split(",").map(Number);
      if (neuron.rest) return restMarkup(x, y, layout.row, node.count - place.art.ports.length);
      index += 1;
      const label = neuron.label === null ? "" : `<text class="digit" x="${x}" y="${y}">${escapeHtml(neuron.label)}</text>`;
      return `<circle class="neuron" data-index="${index}" cx="${x}" cy="${y}" r="${place.art.radius}"/>${label}`;
    })
    .join("");
}

function restMarkup(x, y, row, rest) {
  const dots = [-5, 0, 5].map((d) => `<circle class="rest" cx="${row ? x : x + d}" cy="${row ? y + d : y}" r="1.5"/>`);
  const [left, top, anchor] = row ? [x + 10, y, "start"] : [x, y - 14, "middle"];
  return `${dots.join("")}<text class="rest-count" text-anchor="${anchor}" x="${left}" y="${top}">+${rest.toLocaleString("en")}</text>`;
}

function mapsMarkup(node, place, layout) {
  let markup = "";
  for (let number = 0; number < place.art.depth; number += 1) {
    const { x, y, side } = faceAt(place, layout, number);
    const front = number === place.art.depth - 1 ? " front" : "";
    markup += `<rect class="map${front}" x="${x}" y="${y}" width="${side}" height="${side}" rx="2"/>`;
  }
  return markup;
}

function blockMarkup(node, place, layout) {
  const { extent, side } = place.art;
  const [width, height] = layout.row ? [extent, side] : [side, extent];
  const centre = pointOf(layout)(place.size / 2, 0).split(",").map(Number);
  const box = `<rect class="block" x="${centre[0] - width / 2}" y="${centre[1] - height / 2}" width="${width}" height="${height}" rx="7"/>`;
  if (!layout.row) return box;
  const turned = `translate(${centre[0]} ${centre[1]}) rotate(-90)`;
  return `${box}<text class="block-title" transform="${turned}">${escapeHtml(node.title)}</text>`;
}

function imageMarkup(node, place, layout) {
  const { x, y, side } = faceAt(place, layout, 0);
  const clip = `<clipPath id="frame"><rect x="${x}" y="${y}" width="${side}" height="${side}" rx="5"/></clipPath>`;
  return `${clip}<image class="digit-image" clip-path="url(#frame)" href="${digitImage()}" x="${x}" y="${y}" width="${side}" height="${side}"/>`;
}

// A hand-drawn "5" in 28 × 28 pixels, as the data have them.
let drawnDigit = null;

function digitImage() {
  if (drawnDigit) return drawnDigit;
  const canvas = document.createElement("canvas");
  canvas.width = 28;
  canvas.height = 28;
  const pen = canvas.getContext("2d");
  pen.fillRect(0, 0, 28, 28);
  pen.strokeStyle = "#fff";
  pen.lineWidth = 2.5;
  pen.lineCap = "round";
  pen.lineJoin = "round";
  pen.stroke(new Path2D("M20 5.5C16 6.5 13 6.4 10.4 6.6L9.6 13C13 11.2 19.4 12 19.2 16.8C19 21.6 12 23.8 7.6 21.4"));
  drawnDigit = canvas.toDataURL();
  return drawnDigit;
}

// --- the wires and the places to insert ------------------------------------------------------------------------------

// {wires, views}: the wires behind the layers, and what a filter sees, which lies on top of the maps.
function wiresMarkup(nodes, layout) {
  const markup = { wires: "", views: "" };
  for (let at = 1; at < nodes.length; at += 1) {
    const [from, to] = [nodes[at - 1], nodes[at]];
    const [start, end] = [layout.places.get(from.id), layout.places.get(to.id)];
    const kernel = { size: Number(to.kernel) || 2, of: (from.shape && from.shape[1]) || 28 };
    const dim = to.uncertain ? " uncertain" : "";
    for (const wire of wiresBetween(start, end, layout, kernel)) {
      const index = wire.index === null ? "" : ` data-index="${wire.index}"`;
      markup[wire.field ? "views" : "wires"] += `<path class="wire${wire.field ? " field" : ""}${dim}" data-to="${to.id}"${index} d="${wire.d}"/>`;
    }
  }
  return markup;
}

function insertElement(index) {
  return element(`
    <button type="button" class="insert" data-index="${index}" data-testid="insert-${index}"
      aria-label="Add a layer at position ${index + 1}" aria-haspopup="menu" title="Add a layer here">${icon("plus", 16)}</button>`);
}

function insertPosition(before, layout, id) {
  const main = before.main + before.size + (layout.rooms.get(id) || 0) + layout.gap / 2;
  return layout.row ? [main, 26] : [28, main];
}

// How high a message below a layer of a column is, pixels; estimated, since it is needed before it is shown.
function problemRoom(node, available) {
  if (!node.problem) return 0;
  return 22 + 17 * Math.ceil((node.problem.length * 6.7) / (available - 50));
}

// Lights up what a neuron receives.
function lightWires(wires, id, index) {
  for (const path of wires.querySelectorAll(".lit")) path.classList.remove("lit");
  if (id === null) return;
  const wanted = `[data-to="${id}"]${index === null ? "" : `[data-index="${index}"]`}`;
  for (const path of wires.querySelectorAll(wanted)) {
    path.classList.add("lit");
    path.parentNode.append(path);
  }
}
