import { expect, test } from "vitest";
import { Stopwatch } from "../src/stopwatch";

test("each step and their sum have a median of their own, over the last frames only", () => {
  const stopwatch = new Stopwatch();
  stopwatch.note(0, { find: 1000, crop: 1000 });
  for (let frame = 1; frame <= 60; frame++)
    stopwatch.note(frame * 40, { find: frame % 2 ? 4 : 8, crop: frame % 2 ? 3 : 1 });
  expect(stopwatch.medians()).toEqual({ find: 6, crop: 2, whole: 8 }); // sums: 7 and 9
  expect(stopwatch.rate()).toBeCloseTo(25);
});

test("before the first frame there is nothing to say", () => {
  expect(new Stopwatch().medians()).toEqual({});
  expect(new Stopwatch().rate()).toBe(0);
});
