import assert from "node:assert/strict";
import { test } from "node:test";

import { declared } from "./components.mjs";

const { arrange, wiresBetween, ROW, COLUMN, MOST_NEURONS } = declared(
  ["dom.js", "builder/draft.js", "builder/layout.js"],
  ["arrange", "wiresBetween", "ROW", "COLUMN", "MOST_NEURONS"],
);

const nodes = (count) => [
  { id: "input", role: "input", drawn: "image", shape: [1, 28, 28], at: "input" },
  ...Array.from({ length: count }, (_, index) => ({ id: `layer${index}`, role: "layer", drawn: "neurons", count: 4 * (index + 1), shape: [4 * (index + 1)], at: index })),
  { id: "output", role: "output", drawn: "neurons", count: 10, shape: [10], labels: [..."0123456789"], at: "output" },
];

for (const [name, measures] of [["a row", ROW], ["a column", COLUMN]]) {
  test(`${name}: the nodes stand one after another, and none over another`, () => {
    const { places } = arrange(nodes(4), measures, 1200);
    const placed = [...places.values()];
    assert.equal(placed.length, 6);
    for (let at = 1; at < placed.length; at += 1) {
      assert.ok(placed[at].main >= placed[at - 1].main + placed[at - 1].size, `${at} begins before ${at - 1} ends`);
    }
  });

  test(`${name}: wires are paths with numbers`, () => {
    const layout = arrange(nodes(2), measures, 1200);
    const placed = [...layout.places.values()];
    for (let at = 1; at < placed.length; at += 1) {
      const wires = wiresBetween(placed[at - 1], placed[at], layout, undefined);
      assert.ok(wires.length > 0);
      assert.ok(wires.every(({ d }) => d.startsWith("M") && !d.includes("NaN") && !d.includes("undefined")));
    }
  });
}

test("of many neurons only so many are drawn", () => {
  const wide = [nodes(0)[0], { id: "wide", role: "layer", drawn: "neurons", count: 5000, shape: [5000], at: 0 }, nodes(0)[1]];
  const { places } = arrange(wide, ROW, 1200);
  const shown = places.get("wide").art;
  assert.ok(shown.ports.length <= MOST_NEURONS + 1);
});
