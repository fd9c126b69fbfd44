import { expect, test } from "vitest";
import { cut, grey, square } from "../src/crop";
import { areaAverage, axisWeights } from "../src/resample";

const dense = (weights: ReturnType<typeof axisWeights>, pixels: number) =>
  weights.map(({ first, shares }) => Array.from({ length: pixels }, (_, pixel) => shares[pixel - first] ?? 0));

test("the square is shifted and scaled by shares of the box", () => {
  const found = square({ left: 10, top: 20, width: 100, height: 100 }, { shift_x: 0.1, shift_y: -0.2, side: 1.5 });
  expect(found).toEqual({ left: 70 - 75, top: 50 - 75, width: 150, height: 150 }); // centre (60, 70) moves to (70, 50)
});

test("grey weighs the colours as BT.601 and rounds halves up", () => {
  const colours = [
    [255, 0, 0],
    [0, 255, 0],
    [0, 0, 255],
    [255, 255, 255],
    [0, 0, 0],
    [0, 0, 250],
  ];
  const data = Uint8ClampedArray.from(colours.flatMap((colour) => [...colour, 255]));
  expect(Array.from(grey({ data, width: 6, height: 1 }).data)).toEqual([76, 150, 29, 255, 0, 29]); // 28.5 last
});

test("cells take fractions of pixels", () => {
  // 0.5 .. 3.5 in two cells: half of pixel 0 and pixel 1; pixel 2 and half of pixel 3
  const [one, other] = dense(axisWeights(0.5, 3, 2, 4, false), 4);
  expect(one.map((share) => share * 3)).toEqual([1, 2, 0, 0]);
  expect(other.map((share) => share * 3)).toEqual([0, 0, 2, 1]);
});

test("outside lies the edge or nothing", () => {
  expect(dense(axisWeights(-3, 6, 3, 2, true), 2)).toEqual([
    [1, 0],
    [1, 0],
    [0, 1],
  ]);
  expect(dense(axisWeights(-3, 6, 3, 2, false), 2)).toEqual([
    [0, 0],
    [0.5, 0],
    [0, 0.5],
  ]);
});

test("the area average weighs both axes, and leaves out the channels that nobody wants", () => {
  const whole = [{ first: 0, shares: Float64Array.of(0.25, 0.75) }];
  const levels = { data: Uint8Array.of(0, 100, 200, 40), width: 2, height: 2 };
  expect(Array.from(areaAverage(levels, whole, whole))).toEqual([0.25 * 75 + 0.75 * (0.25 * 200 + 0.75 * 40)]);
  const colour = { data: Uint8Array.of(10, 20, 30, 255), width: 1, height: 1 };
  const pixel = [{ first: 0, shares: Float64Array.of(1) }];
  expect(Array.from(areaAverage(colour, pixel, pixel, 4, 3))).toEqual([10, 20, 30]);
});

test("a crop of one level is that level, wherever it lies", () => {
  const levels = { data: new Uint8Array(20).fill(7), width: 5, height: 4 };
  const found = cut(levels, { left: -50, top: 90, width: 3.3, height: 3.3 }, { shift_x: 0, shift_y: 0, side: 1 });
  expect(new Set(found)).toEqual(new Set([7]));
});
