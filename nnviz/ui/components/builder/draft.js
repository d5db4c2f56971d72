// The draft: a network as plain data, each layer with an id that stays with it while it is edited and moved.
// Every function returns a new draft; the old one goes into the history.

let lastId = 0;

function newLayer(values) {
  lastId += 1;
  return { id: `layer${lastId}`, values: { ...values } };
}

function draftOf(network, previous = null) {
  const layers = network.layers.map(newLayer);
  if (previous) keepIds(layers, previous.layers);
  return { ...network, layers };
}

// Layers of the same kind at both ends stay the same elements, so that the drawing changes instead of being replaced.
function keepIds(layers, old) {
  const shared = Math.min(layers.length, old.length);
  let start = 0;
  while (start < shared && layers[start].values.kind === old[start].values.kind) {
    layers[start].id = old[start].id;
    start += 1;
  }
  for (let end = 1; end <= shared - start; end += 1) {
    const [layer, before] = [layers[layers.length - end], old[old.length - end]];
    if (layer.values.kind !== before.values.kind) break;
    layer.id = before.id;
  }
}

function networkOf(draft) {
  return { ...draft, layers: draft.layers.map((layer) => layer.values) };
}

function withLayer(draft, index, values) {
  const layer = newLayer(values);
  return { ...draft, layers: [...draft.layers.slice(0, index), layer, ...draft.layers.slice(index)] };
}

function withoutLayer(draft, index) {
  return { ...draft, layers: draft.layers.filter((_, at) => at !== index) };
}

function withValue(draft, index, name, value) {
  const layers = draft.layers.map((layer, at) =>
    at === index ? { ...layer, values: { ...layer.values, [name]: value } } : layer,
  );
  return { ...draft, layers };
}

function withMoved(draft, from, to) {
  const layers = draft.layers.filter((_, at) => at !== from);
  layers.splice(to, 0, draft.layers[from]);
  return { ...draft, layers };
}

function sameNetwork(one, other) {
  return JSON.stringify(networkOf(one)) === JSON.stringify(networkOf(other));
}

const HISTORY_LENGTH = 200;
const ONE_EDIT_MS = 1000;

// Undo and redo. Edits that follow each other with the same `merge` word, as a slider makes them, are one step.
function newHistory() {
  return { past: [], future: [], merge: null, at: 0 };
}

function remember(history, draft, merge) {
  const now = Date.now();
  const goesOn = merge !== null && merge === history.merge && now - history.at < ONE_EDIT_MS;
  if (!goesOn) history.past = [...history.past.slice(1 - HISTORY_LENGTH), draft];
  history.future = [];
  history.merge = merge;
  history.at = now;
}

function stepBack(history, draft) {
  history.merge = null;
  history.future.push(draft);
  return history.past.pop();
}

function stepForward(history, draft) {
  history.merge = null;
  history.past.push(draft);
  return history.future.pop();
}

// The next larger or smaller number of neurons worth trying: steps of about an eighth, of one below sixteen.
function nextCount(count, direction) {
  const from = direction > 0 ? count : count - 1;
  const step = roundStep(from);
  return direction > 0 ? (Math.floor(count / step) + 1) * step : (Math.ceil(count / step) - 1) * step;
}

function roundStep(value) {
  return value < 16 ? 1 : 2 ** (Math.floor(Math.log2(value)) - 3);
}

// Sliders: a position from 0 to 1000 for a value of a number field.
const SLIDER_STEPS = 1000;

function sliderPosition(field, value) {
  const { low, high } = field;
  const number = Math.min(high, Math.max(low, Number(value) || low));
  if (!field.log) return (SLIDER_STEPS * (number - low)) / (high - low);
  const floor = logFloor(field);
  return (SLIDER_STEPS * Math.log(Math.max(number, floor) / floor)) / Math.log(high / floor);
}

function sliderValue(field, position) {
  const { low, high, whole } = field;
  const share = position / SLIDER_STEPS;
  if (!field.log) return roundTo(low + share * (high - low), whole ? 1 : niceStep(high - low), low, high);
  const floor = logFloor(field);
  const value = floor * (high / floor) ** share;
  if (position <= 0) return low;
  return whole ? roundTo(value, roundStep(value), low, high) : Number(value.toPrecision(2));
}

function logFloor(field) {
  return field.low > 0 ? field.low : field.high * 1e-7;
}

function niceStep(range) {
  return 10 ** Math.floor(Math.log10(range / 20));
}

function roundTo(value, step, low, high) {
  const rounded = Number((Math.round(value / step) * step).toPrecision(12));
  return Math.min(high, Math.max(low, rounded));
}
