/** Over time: which face is which, values that don't flicker, and when to say "not sure". */

import type { Box } from "./crop";
import { overlap } from "./detector";
import type { Seen } from "./look";

/** Time constants of the exponential means, in milliseconds: how long it takes to get 63 % of the way. */
const PROBABILITIES_MS = 350;
const BOX_MS = 60;
/** A face that the detector misses stays this long, in milliseconds. */
const GRACE_MS = 300;
/** Two boxes in succession are the same face if they overlap by this much (intersection over union). */
const SAME_FACE = 0.25;
/** By how much the most probable emotion must lead the second; for any number of emotions. */
const LEAD = 0.2;

export class Smoother {
  private faces: (Seen & { seenAt: number })[] = [];

  /**
   * Take in what one frame shows.
   *
   * @param now Time of the frame, in milliseconds.
   * @returns The faces in sight, in the order in which they came.
   */
  update(seen: Seen[], now: number): Seen[] {
    const left = [...seen];
    for (const face of this.faces) {
      const match = closest(face.box, left);
      if (!match) continue;
      left.splice(left.indexOf(match), 1);
      const passed = now - face.seenAt;
      face.box = mixBoxes(face.box, match.box, weight(passed, BOX_MS));
      face.probabilities = mix(face.probabilities, match.probabilities, weight(passed, PROBABILITIES_MS));
      face.seenAt = now;
    }
    this.faces = this.faces.filter(({ seenAt }) => now - seenAt <= GRACE_MS);
    this.faces.push(...left.map((face) => ({ ...face, seenAt: now })));
    return this.faces.map(({ box, probabilities }) => ({ box, probabilities }));
  }

  /** Forget every face: another picture comes, or another model. */
  reset(): void {
    this.faces = [];
  }
}

/** Give the label that leads the others clearly, or null: not sure. */
export function verdict(labels: string[], probabilities: number[]): string | null {
  const [first, second] = [...probabilities].sort((one, other) => other - one);
  return first - (second ?? 0) >= LEAD ? labels[probabilities.indexOf(first)] : null;
}

const weight = (passed: number, constant: number) => 1 - Math.exp(-passed / constant);

const mix = (old: number[], latest: number[], share: number) =>
  old.map((value, index) => value + (latest[index] - value) * share);

function mixBoxes(old: Box, latest: Box, share: number): Box {
  const values = ({ left, top, width, height }: Box) => [left, top, width, height];
  const [left, top, width, height] = mix(values(old), values(latest), share);
  return { left, top, width, height };
}

function closest(box: Box, seen: Seen[]): Seen | undefined {
  const shared = (face: Seen) => overlap(corners(box), corners(face.box));
  const best = seen.reduce<Seen | undefined>(
    (best, face) => (best && shared(best) >= shared(face) ? best : face),
    undefined,
  );
  return best && shared(best) > SAME_FACE ? best : undefined;
}

const corners = ({ left, top, width, height }: Box) => ({ left, top, right: left + width, bottom: top + height });
