// Where everything stands. "Main" is the direction in which the data flow: x in a row (desktop), y in a column (phone);
// "cross" is the other one. Nothing here touches the page.

const ROW = {
  name: "row", image: 112, neurons: 104, maps: 102, block: 58, input: 104,
  side: 78, cross: 232, blockCross: 142, blockThick: 30, top: 98, bottom: 62, gapMin: 22, gapMax: 168, pad: 22,
};
const COLUMN = {
  name: "column", image: 96, neurons: 84, maps: 84, block: 66, input: 72,
  side: 60, cross: 260, blockCross: 100, blockThick: 14, label: 132, gapMin: 46, gapMax: 46, pad: 12,
};

const MOST_NEURONS = 12;
const DRAWN_OF_MANY = 10;
const MOST_MAPS = 6;
const EDGE_PORTS = 10;

// nodes: [{id, role, drawn, count, shape, labels}] from input to output → the drawing's size and a place for each.
// rooms: id → space left free behind a node, for a message or the editor in a column.
function arrange(nodes, base, available, rooms = new Map()) {
  const measures = base.label ? { ...base, cross: Math.min(base.cross, available - base.label - 24) } : base;
  const arts = [];
  nodes.forEach((node, at) => arts.push(artOf(node, arts[at - 1], measures)));
  const sizes = nodes.map((node, at) => Math.max(measures[node.drawn], arts[at].extent + 18));
  const gap = gapBetween(sizes, measures, available);
  const taken = sum(sizes) + gap * (nodes.length - 1) + sum([...rooms.values()]);
  const row = measures === ROW;
  let main = row ? Math.max(measures.pad, (available - taken) / 2) : measures.pad;
  const first = main;
  const places = new Map();
  nodes.forEach((node, at) => {
    places.set(node.id, { main, size: sizes[at], art: arts[at] });
    main += sizes[at] + gap + (rooms.get(node.id) || 0);
  });
  const length = main - gap + first;
  const centre = row ? measures.top + measures.cross / 2 : measures.label + (available - measures.label) / 2;
  return {
    row, measures, places, centre, gap, rooms,
    width: row ? Math.max(available, length) : available,
    height: row ? measures.top + measures.cross + measures.bottom : length,
  };
}

function gapBetween(sizes, measures, available) {
  if (measures !== ROW) return measures.gapMin;
  const free = (available - 2 * measures.pad - sum(sizes)) / (sizes.length - 1);
  return Math.min(measures.gapMax, Math.max(measures.gapMin, free));
}

// The picture of one node: its extent along main, and `ports`, the cross offsets where wires leave it.
function artOf(node, before, measures) {
  if (node.drawn === "neurons") return neuronsArt(node, measures);
  if (node.drawn === "image") return edgeArt({ type: "image", extent: measures.input, side: measures.input });
  if (node.drawn === "maps") return mapsArt(node, measures);
  const ports = before && before.type !== "image" && before.type !== "maps" ? before.ports : null;
  const length = ports ? ports[ports.length - 1] - ports[0] + 26 : measures.blockCross;
  const cross = Math.max(measures.blockCross, Math.min(measures.cross, length));
  const art = { type: "block", extent: measures.blockThick, side: cross };
  return ports ? { ...art, ports } : edgeArt(art);
}

function neuronsArt(node, measures) {
  const many = node.count > MOST_NEURONS;
  const slots = many ? DRAWN_OF_MANY + 1 : Math.max(1, node.count || 1);
  const pitch = Math.min(measures === ROW ? 30 : 24, measures.cross / slots);
  const radius = Math.min(10, pitch * 0.4);
  const neurons = [];
  for (let at = 0; at < slots; at += 1) {
    const rest = many && at === DRAWN_OF_MANY / 2;
    neurons.push({ offset: (at - (slots - 1) / 2) * pitch, rest, label: node.labels ? node.labels[at] : null });
  }
  const ports = neurons.filter((neuron) => !neuron.rest).map((neuron) => neuron.offset);
  return { type: "neurons", extent: 2 * radius, radius, neurons, ports, many };
}

function mapsArt(node, measures) {
  const [channels, height] = node.shape && node.shape.length === 3 ? node.shape : [node.count || 4, 14];
  const side = Math.max(measures === ROW ? 14 : 12, Math.min(measures.side, (measures.side * height) / 28));
  const depth = Math.max(1, Math.min(MOST_MAPS, channels));
  const step = measures === ROW ? 4.5 : 3.5;
  return edgeArt({ type: "maps", extent: side + (depth - 1) * step, side, depth, step });
}

function edgeArt(art) {
  const reach = art.side / 2 - Math.min(8, art.side / 8);
  const ports = [];
  for (let at = 0; at < EDGE_PORTS; at += 1) ports.push(reach * ((2 * at) / (EDGE_PORTS - 1) - 1));
  return { ...art, ports };
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}

// Wires from one placed node to the next, as SVG path data: [{d, index}], index the neuron they lead to, if one.
function wiresBetween(from, to, layout, kernel) {
  const start = from.main + from.size / 2 + from.art.extent / 2;
  const end = to.main + to.size / 2 - to.art.extent / 2;
  const curve = curves(layout);
  if (to.art.type === "neurons") {
    return to.art.ports.map((port, index) => ({
      index,
      d: from.art.ports.map((source) => curve(start, source, end, port)).join(""),
    }));
  }
  if (to.art.type === "maps" && (from.art.type === "maps" || from.art.type === "image")) {
    return [{ d: fieldOfView(from, to, layout, kernel), index: null, field: true }];
  }
  const pairs = from.art.ports.length === to.art.ports.length ? from.art.ports.map((_, at) => [at, at]) : null;
  const ends = pairs || [0, 0.5, 1].map((share) => [portAt(from.art.ports, share), portAt(to.art.ports, share)]);
  const thinned = from.art.type === "neurons" || to.art.type === "neurons" || ends.length < 4 ? ends : [ends[0], ends[ends.length - 1]];
  return [{ d: thinned.map(([a, b]) => curve(start, from.art.ports[a], end, to.art.ports[b])).join(""), index: null }];
}

function portAt(ports, share) {
  return Math.round(share * (ports.length - 1));
}

function curves(layout) {
  const point = pointOf(layout);
  return (start, a, end, b) => {
    const middle = (start + end) / 2;
    return `M${point(start, a)}C${point(middle, a)} ${point(middle, b)} ${point(end, b)}`;
  };
}

function pointOf(layout) {
  const round = (number) => Math.round(number * 10) / 10;
  return layout.row
    ? (main, cross) => `${round(main)},${round(layout.centre + cross)}`
    : (main, cross) => `${round(layout.centre + cross)},${round(main)}`;
}

// What one output pixel sees: a square of the kernel's size on the front map, and lines to a point of the next map.
function fieldOfView(from, to, layout, kernel) {
  const front = frontFace(from, layout);
  const side = Math.max(5, Math.min(front.side, (front.side * kernel.size) / kernel.of));
  const x = front.x + (front.side - side) * (layout.row ? 0.72 : 0.5);
  const y = front.y + (front.side - side) * (layout.row ? 0.3 : 0.72);
  const target = backFace(to, layout);
  const tip = layout.row
    ? [target.x, target.y + target.side * 0.4]
    : [target.x + target.side * 0.5, target.y];
  const [near, far] = layout.row
    ? [[x + side, y], [x + side, y + side]]
    : [[x, y + side], [x + side, y + side]];
  return `M${x},${y}h${side}v${side}h${-side}zM${near}L${tip}L${far}`;
}

function faceAt(place, layout, number) {
  const { extent, side } = place.art;
  const depth = place.art.depth || 1;
  const step = place.art.step || 0;
  const main = place.main + place.size / 2 - extent / 2;
  const cross = layout.centre - extent / 2;
  const [x, y] = layout.row ? [main, cross] : [cross, main];
  const shift = step * number;
  return { x: x + shift, y: y + (depth - 1) * step - shift, side };
}

// Maps are stacked from the back (lower left) to the front (upper right)… the last one lies on top.
function frontFace(place, layout) {
  return faceAt(place, layout, (place.art.depth || 1) - 1);
}

function backFace(place, layout) {
  return faceAt(place, layout, layout.row ? 0 : (place.art.depth || 1) - 1);
}
