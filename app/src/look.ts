/** From a picture to its faces and what each of them shows; a camera's frame and a photo take the same path. */

import type { Model } from "./bundle";
import { type Box, cut, grey } from "./crop";
import type { Detector } from "./detector";
import type { Pixels } from "./resample";

export interface Seen {
  box: Box;
  /** In the order of the model's labels. */
  probabilities: number[];
}

/** Milliseconds that each step took. */
export interface Times {
  find: number;
  crop: number;
  classify: number;
}

/**
 * Find and classify the faces of an RGBA picture.
 *
 * @returns The faces, the surest first, and the time of each step.
 */
export async function look(image: Pixels, detector: Detector, model: Model): Promise<{ seen: Seen[]; times: Times }> {
  const start = performance.now();
  const faces = await detector.detect(image);
  const found = performance.now();
  const levels = faces.length ? grey(image) : image;
  const crops = faces.map(({ box }) => cut(levels, box, model.manifest.crop));
  const cropped = performance.now();
  const seen: Seen[] = [];
  for (const [index, crop] of crops.entries()) {
    seen.push({ box: faces[index].box, probabilities: await model.classify(crop) });
  }
  return { seen, times: { find: found - start, crop: cropped - found, classify: performance.now() - cropped } };
}
