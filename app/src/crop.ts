/** From a face's box to the grey levels that the network was trained on: src/faces/crop.py in TypeScript. */

import { areaAverage, axisWeights, type Pixels } from "./resample";

/** A rectangle in pixels of the image; it may be fractional and reach outside. */
export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Where the square lies that the network wants, as shares of the size of the detector's box; in the manifest. */
export interface Crop {
  shift_x: number;
  shift_y: number;
  side: number;
}

/** Side of the network's input, in pixels. */
export const SIDE = 48;

/** Added before rounding: a level meant to be k + 1/2 rounds up, whichever way the sums were ordered. */
const TIE = 1e-6;

/** Give the square that the crop takes for a detector's box. */
export function square(box: Box, crop: Crop): Box {
  const size = (box.width + box.height) / 2;
  const side = crop.side * size;
  const centreX = box.left + box.width / 2 + crop.shift_x * size;
  const centreY = box.top + box.height / 2 + crop.shift_y * size;
  return { left: centreX - side / 2, top: centreY - side / 2, width: side, height: side };
}

/** Give the luma of ITU-R BT.601 of an RGBA image, rounded with halves up, in whole numbers throughout. */
export function grey({ data, width, height }: Pixels): Pixels {
  const levels = new Uint8Array(width * height);
  for (let pixel = 0, at = 0; pixel < levels.length; pixel++, at += 4) {
    levels[pixel] = Math.floor((299 * data[at] + 587 * data[at + 1] + 114 * data[at + 2] + 500) / 1000);
  }
  return { data: levels, width, height };
}

/**
 * Give the face as the network wants it: the area average over 48 x 48 cells of the crop's square.
 *
 * @param levels Grey levels, see `grey`; outside, the nearest pixel of the edge counts.
 */
export function cut(levels: Pixels, box: Box, crop: Crop): Uint8Array<ArrayBuffer> {
  const { left, top, width: side } = square(box, crop);
  const rows = axisWeights(top, side, SIDE, levels.height, true);
  const columns = axisWeights(left, side, SIDE, levels.width, true);
  return Uint8Array.from(areaAverage(levels, rows, columns), (mean) => Math.floor(mean + 0.5 + TIE));
}
