import { expect, test } from "vitest";
import { Smoother, verdict } from "../src/smoothing";

const box = { left: 100, top: 100, width: 80, height: 80 };
const seen = (probabilities: number[], left = 100) => ({ box: { ...box, left }, probabilities });

test("a new face is shown as it is, at once", () => {
  expect(new Smoother().update([seen([0.9, 0.1])], 0)).toEqual([seen([0.9, 0.1])]);
});

test("one odd frame does not change the verdict, a lasting change does", () => {
  const smoother = new Smoother();
  smoother.update([seen([0.9, 0.1])], 0);
  const [odd] = smoother.update([seen([0.1, 0.9])], 33);
  expect(verdict(["happy", "sad"], odd.probabilities)).toBe("happy");
  let face = odd;
  for (let now = 66; now < 1000; now += 33) [face] = smoother.update([seen([0.1, 0.9])], now);
  expect(verdict(["happy", "sad"], face.probabilities)).toBe("sad");
});

test("smoothing goes by time, not by the number of frames", () => {
  const after = (step: number) => {
    const smoother = new Smoother();
    smoother.update([seen([1, 0])], 0);
    let face;
    for (let now = step; now <= 600; now += step) [face] = smoother.update([seen([0, 1])], now);
    return face!.probabilities[1];
  };
  expect(after(20)).toBeCloseTo(after(100));
});

test("probabilities go on adding up to 1", () => {
  const smoother = new Smoother();
  smoother.update([seen([0.7, 0.2, 0.1])], 0);
  const [face] = smoother.update([seen([0.05, 0.05, 0.9])], 40);
  expect(face.probabilities.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1);
});

test("two faces keep their places when the detector changes their order", () => {
  const smoother = new Smoother();
  smoother.update([seen([1, 0], 0), seen([0, 1], 300)], 0);
  const faces = smoother.update([seen([0, 1], 305), seen([1, 0], 5)], 33);
  expect(faces.map(({ probabilities }) => probabilities)).toEqual([
    [1, 0],
    [0, 1],
  ]);
});

test("a face that is missed for a moment stays, one that is gone goes, and comes back as another", () => {
  const smoother = new Smoother();
  smoother.update([seen([1, 0])], 0);
  expect(smoother.update([], 200)).toHaveLength(1);
  expect(smoother.update([], 400)).toHaveLength(0);
  expect(smoother.update([seen([0, 1])], 433)).toEqual([seen([0, 1])]);
});

test("the verdict wants a clear lead, however many emotions there are", () => {
  expect(verdict(["a", "b"], [0.55, 0.45])).toBeNull();
  expect(verdict(["a", "b", "c", "d", "e", "f", "g"], [0.4, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])).toBe("a");
  expect(verdict(["a", "b", "c"], [0.1, 0.45, 0.45])).toBeNull();
  expect(verdict(["only"], [1])).toBe("only");
});
