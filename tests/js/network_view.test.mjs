// Where the parts of the whole network stand.

import assert from "node:assert/strict";
import { test } from "node:test";

import { declared } from "./components.mjs";

const { breadth, inColumns, inRows, tileAt, NARROWEST } = declared(["dom.js", "order.js", "network_view/drawing.js"], [
  "breadth",
  "inColumns",
  "inRows",
  "tileAt",
  "NARROWEST",
]);

const layer = (count, face) => ({ units: Array.from({ length: count }, (_, at) => at), face });
const NETS = {
  classic: [layer(128, [28, 28])],
  softmax: [],
  wide: [layer(256, [28, 28])],
  deep: [layer(128, [28, 28]), layer(128), layer(128), layer(64), layer(1)],
  long: Array.from({ length: 16 }, () => layer(32)),
  cnn: [layer(16, [3, 3]), layer(32, [14, 14]), layer(64, [7, 7]), layer(256)],
};

for (const [name, layers] of Object.entries(NETS))
  for (const width of [340, 500, 639, 660, 900, 1206, 1800])
    test(`${name} in ${width} pixels: no two units, layers, image or output lie over each other`, () => {
      const arrange = breadth(layers, width) < NARROWEST ? inRows : inColumns;
      const { image, layers: boxes, output, height } = arrange(layers, width);
      const squares = layers.flatMap(({ units }, index) => units.map((_, position) => tileAt(boxes[index], position)));
      const all = [...squares, image].map(({ x, y, size }) => [x, y, x + size, y + size]);
      all.push([output.x, output.y, output.x + output.width, output.y + output.height]);
      for (const [left, top, right, bottom] of all) {
        assert.ok(left >= 0 && top >= 0 && right <= width + 0.5 && bottom <= height + 0.5, `${[left, top, right, bottom]}`);
      }
      const seen = [...all].sort((one, other) => one[0] - other[0]);
      seen.forEach(([, top, right, bottom], at) => {
        for (let next = at + 1; next < seen.length && seen[next][0] < right; next += 1)
          assert.ok(seen[next][1] >= bottom || seen[next][3] <= top, `${seen[at]} and ${seen[next]}`);
      });
    });
