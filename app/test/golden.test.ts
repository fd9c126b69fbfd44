import { expect, test } from "vitest";
import { cut, grey } from "../src/crop";
import { decode, letterbox, makeAnchors, suppress } from "../src/detector";
import type { Pixels } from "../src/resample";
import golden from "./golden.json"; // of the Python code: `PYTHONPATH=. python tests/app_golden.py`

/** The picture of tests/app_golden.py. */
function picture([width, height]: number[]): Pixels {
  const data = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let at = 0; at < data.length; at += 4) {
    const [x, y] = [(at / 4) % width, Math.floor(at / 4 / width)];
    for (let channel = 0; channel < 3; channel++)
      data[at + channel] = (x * x * 3 + y * 7 + x * y * 5 + channel * 41) % 256;
  }
  return { data, width, height };
}

test.each(golden.cuts)("a crop of a picture of $size pixels is Python's to the bit", ({ size, box, crop, levels }) => {
  const [left, top, width, height] = box;
  const [shift_x, shift_y, side] = crop;
  const found = cut(grey(picture(size)), { left, top, width, height }, { shift_x, shift_y, side });
  expect(Array.from(found)).toEqual(Array.from(atob(levels), (letter) => letter.charCodeAt(0)));
});

test.each(golden.letterboxes)("the detector sees a picture of $size pixels as in Python", ({ size, every, values }) => {
  const found = letterbox(picture(size)).filter((_, index) => index % every === 0);
  expect(found.length).toBe(values.length);
  values.forEach((value, index) => expect(found[index]).toBeCloseTo(value, 5));
});

test("boxes are decoded and merged as in Python", () => {
  const { regressors, logits, corners, scores } = golden.detection;
  const found = suppress(decode(regressors, logits, makeAnchors().slice(0, logits.length)));
  expect(found.length).toBe(scores.length);
  found.forEach(({ left, top, right, bottom, score }, index) => {
    expect(score).toBeCloseTo(scores[index], 5);
    [left, top, right, bottom].forEach((value, k) => expect(value).toBeCloseTo(corners[index][k], 5));
  });
});
