/** The area average of src/faces/crop.py, to the bit but for the order of sums: never the browser's own scaling. */

/** Pixels, row by row: one level each, or the four (red, green, blue, alpha) of an ImageData. */
export interface Pixels {
  data: ArrayLike<number>;
  width: number;
  height: number;
}

/** For each cell of one axis, the pixels that it covers and the share of each. */
export type AxisWeights = { first: number; shares: number[] }[];

/**
 * Give the share of each pixel in each of the equal cells that a stretch of one axis is cut into.
 *
 * @param start Where the stretch begins, in pixels; pixel p covers p .. p + 1.
 * @param length Its length in pixels, above 0.
 * @param cells Number of cells.
 * @param pixels Number of pixels along the axis.
 * @param extend Whether the first and the last pixel reach on for ever; otherwise nothing (0) lies outside.
 */
export function axisWeights(start: number, length: number, cells: number, pixels: number, extend: boolean): AxisWeights {
  const border = (cell: number) => start + (length * cell) / cells;
  return Array.from({ length: cells }, (_, cell) => {
    const [low, high] = [border(cell), border(cell + 1)];
    const first = clamp(Math.floor(low), 0, pixels - 1);
    const last = clamp(Math.ceil(high) - 1, first, pixels - 1);
    const shares = [];
    for (let pixel = first; pixel <= last; pixel++) {
      const from = extend && pixel === 0 ? low : Math.max(low, pixel);
      const to = extend && pixel === pixels - 1 ? high : Math.min(high, pixel + 1);
      shares.push(Math.max(to - from, 0) / (length / cells));
    }
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
  const end = Math.max(...columns.map(({ first, shares }) => first + shares.length)) * channels;
  const begin = Math.min(...columns.map(({ first }) => first)) * channels;
  const sums = new Float64Array(width * channels);
  rows.forEach((row, y) => {
    sums.fill(0);
    row.shares.forEach((share, k) => {
      const line = (row.first + k) * width * channels;
      for (let x = begin; x < end; x++) sums[x] += share * data[line + x];
    });
    columns.forEach((column, x) => {
      const cell = (y * columns.length + x) * kept;
      column.shares.forEach((share, k) => {
        const pixel = (column.first + k) * channels;
        for (let channel = 0; channel < kept; channel++) means[cell + channel] += share * sums[pixel + channel];
      });
    });
  });
  return means;
}

const clamp = (value: number, low: number, high: number) => Math.min(Math.max(value, low), high);
