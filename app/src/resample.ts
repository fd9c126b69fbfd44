/** The area average of src/faces/crop.py, to the bit but for the order of sums: the browser's own scaling is
 * left to photos over 16 million pixels, which no canvas holds. */

/** Pixels, row by row: one level each, or the four (red, green, blue, alpha) of an ImageData. */
export interface Pixels {
  data: Uint8Array | Uint8ClampedArray;
  width: number;
  height: number;
}

/** For each cell of one axis, the pixels that it covers and the share of each. */
export type AxisWeights = { first: number; shares: Float64Array }[];

/**
 * Give the share of each pixel in each of the equal cells that a stretch of one axis is cut into.
 *
 * @param start Where the stretch begins, in pixels; pixel p covers p .. p + 1.
 * @param length Its length in pixels, above 0.
 * @param cells Number of cells.
 * @param pixels Number of pixels along the axis.
 * @param extend Whether the first and the last pixel reach on for ever; otherwise nothing (0) lies outside.
 */
export function axisWeights(
  start: number,
  length: number,
  cells: number,
  pixels: number,
  extend: boolean,
): AxisWeights {
  const border = (cell: number) => start + (length * cell) / cells;
  return Array.from({ length: cells }, (_, cell) => {
    const [low, high] = [border(cell), border(cell + 1)];
    const first = clamp(Math.floor(low), 0, pixels - 1);
    const last = clamp(Math.ceil(high) - 1, first, pixels - 1);
    const shares = Float64Array.from({ length: last - first + 1 }, (_, k) => {
      const pixel = first + k;
      const from = extend && pixel === 0 ? low : Math.max(low, pixel);
      const to = extend && pixel === pixels - 1 ? high : Math.min(high, pixel + 1);
      return Math.max(to - from, 0) / (length / cells);
    });
    return { first, shares };
  });
}

/**
 * Give the mean over each cell of a grid.
 *
 * @param channels Values per pixel in `pixels.data`.
 * @param kept How many of them, the first ones, are wanted.
 * @returns Means, cell by cell, row by row, the kept channels of a cell in succession.
 */
export function areaAverage(
  { data, width }: Pixels,
  rows: AxisWeights,
  columns: AxisWeights,
  channels = 1,
  kept = channels,
): Float64Array {
  const means = new Float64Array(rows.length * columns.length * kept);
  rows.forEach((row, y) => {
    for (let k = 0; k < row.shares.length; k++) {
      const line = (row.first + k) * width * channels;
      let cell = y * columns.length * kept;
      for (const { first, shares } of columns) {
        for (let channel = 0; channel < kept; channel++) {
          means[cell++] += row.shares[k] * weightedSum(data, line + first * channels + channel, channels, shares);
        }
      }
    }
  });
  return means;
}

/** Give the sum of every `step`-th value from `at` on, times its share. */
function weightedSum(data: Pixels["data"], at: number, step: number, shares: Float64Array): number {
  const last = shares.length - 1;
  if (last < 1) return shares[0] * data[at];
  let whole = 0; // between the first and the last, pixels lie in the cell as a whole: their shares are equal
  for (let k = 1; k < last; k++) whole += data[at + k * step];
  return shares[0] * data[at] + shares[1] * whole + shares[last] * data[at + last * step];
}

const clamp = (value: number, low: number, high: number) => Math.min(Math.max(value, low), high);
