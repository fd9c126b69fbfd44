import { expect, test } from "vitest";
import { decode, makeAnchors, overlap, suppress } from "../src/detector";

test("anchors stand in the middle of their cells", () => {
  const anchors = makeAnchors();
  expect(anchors.length).toBe(16 * 16 * 2 + 8 * 8 * 6);
  expect(anchors.slice(0, 3)).toEqual([
    [1 / 32, 1 / 32],
    [1 / 32, 1 / 32],
    [3 / 32, 1 / 32],
  ]);
  expect(anchors[512]).toEqual([1 / 16, 1 / 16]);
});

test("decoding adds the anchor to the box", () => {
  // Centre 12.8 right and 25.6 down of the anchor, 64 wide, 32 high.
  const [box] = decode([12.8, 25.6, 64, 32, ...Array(12).fill(0)], [0], [[0.5, 0.25]]);
  expect(box.left).toBeCloseTo(0.35);
  expect(box.top).toBeCloseTo(0.325);
  expect(box.right).toBeCloseTo(0.85);
  expect(box.bottom).toBeCloseTo(0.575);
  expect(box.score).toBe(0.5);
});

test("decoding drops low scores and empty boxes, and survives huge logits", () => {
  const wide = [0, 0, 64, 64, ...Array(12).fill(0)];
  const empty = [0, 0, -64, 64, ...Array(12).fill(0)];
  const found = decode([...wide, ...wide, ...wide, ...empty], [1e9, -1e9, -0.01, 1e9], Array(4).fill([0.5, 0.5]));
  expect(found.map(({ score }) => score)).toEqual([1]);
});

test("overlap is intersection over union", () => {
  const box = { left: 0, top: 0, right: 2, bottom: 2 };
  expect(overlap(box, { left: 1, top: 0, right: 3, bottom: 2 })).toBeCloseTo(2 / 6);
  expect(overlap(box, box)).toBe(1);
  expect(overlap(box, { left: 5, top: 5, right: 6, bottom: 6 })).toBe(0);
});

test("merging averages a cluster by score, keeps the best score, and leaves what stands apart", () => {
  const at = (left: number, score: number) => ({ left, top: 0, right: left + 1, bottom: 1, score });
  const found = suppress([at(0.2, 0.6), at(5, 0.7), at(0, 0.9)]); // 0 and 0.2 overlap by 0.8 / 1.2
  expect(found.map(({ score }) => score)).toEqual([0.9, 0.7]);
  expect(found[0].left).toBeCloseTo((0.2 * 0.6 + 0 * 0.9) / 1.5);
});
