/** The bundle: the model with everything that is needed to trust it, as src/tracking/bundle.py writes it. */

import { type Crop, SIDE } from "./crop";
import { Network } from "./runtime";

export interface Manifest {
  schema: number;
  name: string;
  architecture: string;
  labels: string[];
  drawn: boolean;
  protocol: string;
  crop: Crop;
  metrics: Record<string, number>;
  git_commit: string | null;
  git_dirty?: boolean; // earlier manifests lack it
  files: Record<string, { sha256: string; bytes: number }>;
}

/** What `python -m src.deploy` notes beside a bundle. */
export interface Deployed {
  name: string;
  version: string;
  time: string;
  /** sha256 of manifest.json. */
  bundle: string;
}

/** A bundle's files, whether they can be trusted or not. */
export interface Bundle {
  deployed: Deployed;
  /** Name -> content; manifest.json and every file that it names. */
  files: Record<string, Uint8Array<ArrayBuffer>>;
}

/** A bundle that passed `check`, loaded. */
export interface Model {
  deployed: Deployed;
  manifest: Manifest;
  /** The model card, markdown. */
  card: string;
  /** Give the probability of each of the manifest's labels for a face of 48 x 48 grey levels. */
  classify(face: Uint8Array<ArrayBuffer>): Promise<number[]>;
}

interface Golden {
  tolerance: number;
  samples: { image: string; probabilities: number[] }[];
}

const SCHEMA = 1;
/** The files that a manifest lists: no more, and no fewer, so that its digest covers the model. */
export const LISTED = ["card.md", "emotion.tflite", "golden.json"];

/**
 * Check every file against the manifest, and the golden samples against the network on this very device.
 *
 * @throws Error that says what was found and what was expected.
 */
export async function check({ deployed, files }: Bundle): Promise<Model> {
  await demandDigest("manifest.json", files["manifest.json"], deployed.bundle);
  const manifest: Manifest = readJson(files["manifest.json"]);
  if (manifest.schema !== SCHEMA) {
    throw new Error(`the model has schema ${manifest.schema}, this page knows ${SCHEMA}; load the page anew`);
  }
  const listed = Object.keys(manifest.files ?? {}).sort();
  if (listed.join() !== LISTED.join()) throw new Error(`manifest.json lists ${listed}, expected ${LISTED}`);
  for (const name of LISTED) await demandDigest(name, files[name], manifest.files[name].sha256);
  const crop = [manifest.crop?.shift_x, manifest.crop?.shift_y, manifest.crop?.side];
  if (!manifest.labels?.length || !crop.every(Number.isFinite)) {
    throw new Error(`manifest.json has labels ${manifest.labels} and crop ${crop}, expected names and three numbers`);
  }
  const network = await Network.load(files["emotion.tflite"]);
  const classify = async (face: Uint8Array<ArrayBuffer>) => {
    const [probabilities] = Object.values(await network.run(face, [1, SIDE, SIDE, 1]));
    return Array.from(probabilities);
  };
  try {
    await demandGolden(readJson(files["golden.json"]), manifest.labels, classify);
  } catch (error) {
    network.delete();
    throw error;
  }
  const card = new TextDecoder().decode(files["card.md"]);
  return { deployed, manifest, card, classify };
}

/** Give the sha256 of some content, in hexadecimal digits. */
async function sha256(content: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function readJson<Value>(content: Uint8Array): Value {
  return JSON.parse(new TextDecoder().decode(content));
}

async function demandDigest(name: string, content: Uint8Array<ArrayBuffer>, expected: string): Promise<void> {
  const found = await sha256(content);
  if (found !== expected) {
    throw new Error(`${name} was changed: found sha256 ${found.slice(0, 12)}…, expected ${expected.slice(0, 12)}…`);
  }
}

async function demandGolden(golden: Golden, labels: string[], classify: Model["classify"]): Promise<void> {
  if (!golden.samples?.length || !(golden.tolerance >= 0)) {
    throw new Error("golden.json holds no sample or no tolerance: nothing shows that this model is right");
  }
  for (const [index, { image, probabilities: expected }] of golden.samples.entries()) {
    await new Promise((resolve) => setTimeout(resolve)); // lets the page draw and listen between samples
    const found = await classify(Uint8Array.from(atob(image), (letter) => letter.charCodeAt(0)));
    if (found.length !== labels.length) {
      throw new Error(`the model gives ${found.length} probabilities for ${labels.length} labels`);
    }
    const near = found.every((value, k) => Math.abs(value - expected[k]) <= golden.tolerance); // never so for NaN
    if (!near || largest(found) !== largest(expected)) {
      throw new Error(
        `golden sample ${index + 1} came out as ${found.map((value) => value.toFixed(3))}, ` +
          `expected ${expected} within ${golden.tolerance}; this model can't be trusted on this device`,
      );
    }
  }
}

const largest = (values: number[]) => values.indexOf(Math.max(...values));
