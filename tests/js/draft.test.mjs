import assert from "node:assert/strict";
import { test } from "node:test";

import { declared } from "./components.mjs";

const { draftOf, networkOf, withLayer, withoutLayer, withValue, withMoved, sameNetwork, newHistory, remember, stepBack, stepForward, sliderPosition, sliderValue } =
  declared(
    ["builder/draft.js"],
    [
      "draftOf", "networkOf", "withLayer", "withoutLayer", "withValue", "withMoved", "sameNetwork", "newHistory", "remember", "stepBack", "stepForward",
      "sliderPosition", "sliderValue",
    ],
  );

const network = { layers: [{ kind: "conv" }, { kind: "maxpool" }, { kind: "dense", units: 8 }], init: "default" };
const plain = (value) => JSON.parse(JSON.stringify(value)); // of another realm
const kinds = (draft) => plain(draft.layers.map((layer) => layer.values.kind));

test("a draft is its network, and every layer has an id of its own", () => {
  const draft = draftOf(network);
  assert.deepEqual(plain(networkOf(draft)), network);
  assert.equal(new Set(draft.layers.map((layer) => layer.id)).size, 3);
});

test("an edit makes a new draft and leaves the old one", () => {
  const draft = draftOf(network);
  assert.deepEqual(kinds(withLayer(draft, 1, { kind: "dropout" })), ["conv", "dropout", "maxpool", "dense"]);
  assert.deepEqual(kinds(withoutLayer(draft, 0)), ["maxpool", "dense"]);
  assert.deepEqual(kinds(withMoved(draft, 0, 2)), ["maxpool", "dense", "conv"]);
  assert.equal(withValue(draft, 2, "units", 9).layers[2].values.units, 9);
  assert.deepEqual(plain(networkOf(draft)), network);
});

test("layers that stay keep their ids", () => {
  const draft = draftOf(network);
  const shorter = draftOf({ layers: [{ kind: "conv" }, { kind: "dense", units: 8 }] }, draft);
  assert.equal(shorter.layers[0].id, draft.layers[0].id);
  assert.equal(shorter.layers[1].id, draft.layers[2].id);
});

test("the same network is the same whatever its ids", () => {
  assert.ok(sameNetwork(draftOf(network), draftOf(network)));
  assert.ok(!sameNetwork(draftOf(network), withoutLayer(draftOf(network), 1)));
});

test("undo goes back to what was, redo on again", () => {
  const history = newHistory();
  const [first, second] = [draftOf(network), draftOf({ layers: [] })];
  remember(history, first);
  const back = stepBack(history, second);
  assert.equal(back, first);
  assert.equal(stepForward(history, back), second);
});

test("a slider finds its way back to the value, on either scale", () => {
  for (const log of [true, false]) {
    const field = { low: 1, high: 8192, whole: true, log };
    for (const value of [1, 128, 8192]) {
      const found = sliderValue(field, sliderPosition(field, value));
      assert.ok(Math.abs(found - value) <= Math.max(1, 0.02 * value) + (log ? 0 : 10), `${value} became ${found}`);
    }
    assert.ok(sliderPosition(field, 2) < sliderPosition(field, 2000));
  }
});
