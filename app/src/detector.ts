/** Faces in a picture: BlazeFace short range, with the anchors, decoding and merging of src/faces/detection.py. */

import weights from "../../src/faces/face_detection_short_range.tflite?url";
import type { Box } from "./crop";
import { areaAverage, axisWeights, type Pixels } from "./resample";
import { Network } from "./runtime";

export interface Face {
  box: Box;
  /** Probability that this is a face, 0.5 .. 1. */
  score: number;
}

/** A box by its corners, as shares of the network's input. */
export interface Corners {
  left: number;
  top: number;
  right: number;
  bottom: number;
  score: number;
}

const INPUT_SIDE = 128;
/** Cells per side and anchors per cell. */
const GRID = [
  [16, 2],
  [8, 6],
];
/** Numbers per anchor that the network gives: centre, size, six keypoints. */
const VALUES = 16;
const SCORE_CLIP = 100;
const MIN_SCORE = 0.5;
const MIN_OVERLAP = 0.3;

export class Detector {
  private readonly anchors = makeAnchors();

  private constructor(private readonly network: Network) {}

  /** Fetch the weights, which ship with the page, and load them. */
  static async load(): Promise<Detector> {
    const response = await fetch(weights);
    if (!response.ok) throw new Error(`${weights}: found status ${response.status}, expected the face detector`);
    return new Detector(await Network.load(new Uint8Array(await response.arrayBuffer())));
  }

  /**
   * Find the faces of an RGBA picture.
   *
   * @returns The faces in pixels of the picture, the highest score first; no two overlap by more than 0.3.
   */
  async detect(image: Pixels): Promise<Face[]> {
    const output = await this.network.run(letterbox(image), [1, INPUT_SIDE, INPUT_SIDE, 3]);
    const frame = enclosingSquare(image);
    return suppress(decode(output.regressors, output.classificators, this.anchors)).map((found) => ({
      box: {
        left: frame.left + found.left * frame.width,
        top: frame.top + found.top * frame.width,
        width: (found.right - found.left) * frame.width,
        height: (found.bottom - found.top) * frame.width,
      },
      score: found.score,
    }));
  }
}

/** Give the smallest square around the image, with the same centre, in pixels of the image. */
function enclosingSquare({ width, height }: Pixels): Box {
  const side = Math.max(width, height);
  return { left: (width - side) / 2, top: (height - side) / 2, width: side, height: side };
}

/** Give the network's input: the enclosing square on 128 x 128 pixels, black outside, level 0 as -1 and 255 as 1. */
export function letterbox(image: Pixels): Float32Array<ArrayBuffer> {
  const { left, top, width: side } = enclosingSquare(image);
  const rows = axisWeights(top, side, INPUT_SIDE, image.height, false);
  const columns = axisWeights(left, side, INPUT_SIDE, image.width, false);
  return new Float32Array(areaAverage(image, rows, columns, 4, 3).map((mean) => mean / 127.5 - 1));
}

/** Give the anchors' centres (x, y) as shares of the input's side, in the order of the network's outputs. */
export function makeAnchors(): [number, number][] {
  const anchors: [number, number][] = [];
  for (const [cells, perCell] of GRID) {
    for (let y = 0; y < cells; y++) {
      for (let x = 0; x < cells; x++) {
        for (let k = 0; k < perCell; k++) anchors.push([(x + 0.5) / cells, (y + 0.5) / cells]);
      }
    }
  }
  return anchors;
}

/**
 * Turn the network's outputs into boxes, and keep those that score 0.5 or more.
 *
 * @param regressors 16 per anchor: the box's centre from the anchor, its size, keypoints; in pixels of the input.
 * @param logits One per anchor.
 */
export function decode(
  regressors: ArrayLike<number>,
  logits: ArrayLike<number>,
  anchors: [number, number][],
): Corners[] {
  const kept: Corners[] = [];
  anchors.forEach(([anchorX, anchorY], index) => {
    const score = 1 / (1 + Math.exp(-Math.min(Math.max(logits[index], -SCORE_CLIP), SCORE_CLIP)));
    const [x, y, width, height] = [0, 1, 2, 3].map((k) => regressors[index * VALUES + k] / INPUT_SIDE);
    if (!(score >= MIN_SCORE && width > 0 && height > 0)) return;
    const [centreX, centreY] = [x + anchorX, y + anchorY];
    kept.push({
      left: centreX - width / 2,
      top: centreY - height / 2,
      right: centreX + width / 2,
      bottom: centreY + height / 2,
      score,
    });
  });
  return kept;
}

/**
 * Merge detections of the same face (MediaPipe's weighted non-maximum suppression).
 *
 * The best one takes in all that overlap it by more than 0.3; corners become the mean weighted by score, the score
 * stays the best one's. Then the same with what is left.
 */
export function suppress(found: Corners[]): Corners[] {
  let left = [...found].sort((one, other) => other.score - one.score);
  const merged: Corners[] = [];
  while (left.length) {
    const best = left[0];
    const same = left.filter((other) => other === best || overlap(best, other) > MIN_OVERLAP);
    const total = same.reduce((sum, { score }) => sum + score, 0);
    const mean = (side: "left" | "top" | "right" | "bottom") =>
      same.reduce((sum, box) => sum + box[side] * box.score, 0) / total;
    merged.push({
      left: mean("left"),
      top: mean("top"),
      right: mean("right"),
      bottom: mean("bottom"),
      score: best.score,
    });
    left = left.filter((other) => !same.includes(other));
  }
  return merged;
}

/** Give the intersection over the union of two boxes. */
export function overlap(one: Omit<Corners, "score">, other: Omit<Corners, "score">): number {
  const width = Math.min(one.right, other.right) - Math.max(one.left, other.left);
  const height = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
  const shared = Math.max(width, 0) * Math.max(height, 0);
  const area = (box: Omit<Corners, "score">) => (box.right - box.left) * (box.bottom - box.top);
  return shared / (area(one) + area(other) - shared);
}
