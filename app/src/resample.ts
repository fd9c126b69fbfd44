/** The area average of src/faces/crop.py, to the bit but for the order of sums: never the browser's own scaling. */

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
 * Give the mean over each cell of a grid, down the columns first, then along the rows.
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
  const begin = columns[0].first * channels;
  const end = (columns[columns.length - 1].first + columns[columns.length - 1].shares.length) * channels;
  const sums = new Float64Array(width * channels);
  let cell = 0;
  for (const row of rows) {
    sums.fill(0);
    for (let k = 0; k < row.shares.length; k++) {
      const share = row.shares[k];
      const line = (row.first + k) * width * channels;
      for (let x = begin; x < end; x++) sums[x] += share * data[line + x];
    }
    for (const { first, shares } of columns) {
      for (let channel = 0; channel < kept; channel++) {
        let mean = 0;
        for (let k = 0; k < shares.length; k++) mean += shares[k] * sums[(first + k) * channels + channel];
        means[cell++] = mean;
      }
    }
  }
  return means;
}

const clamp = (value: number, low: number, high: number) => Math.min(Math.max(value, low), high);
