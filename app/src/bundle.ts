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
  git_commit: string;
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
  /** Free its memory. */
  delete(): void;
}

interface Golden {
  tolerance: number;
  samples: { image: string; probabilities: number[] }[];
}

const SCHEMA = 1;

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
  for (const [name, { sha256 }] of Object.entries(manifest.files)) await demandDigest(name, files[name], sha256);
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
  return { deployed, manifest, card, classify, delete: () => network.delete() };
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
  for (const [index, { image, probabilities: expected }] of golden.samples.entries()) {
    await new Promise((resolve) => setTimeout(resolve)); // lets the page draw and listen between samples
    const found = await classify(Uint8Array.from(atob(image), (letter) => letter.charCodeAt(0)));
    if (found.length !== labels.length) {
      throw new Error(`the model gives ${found.length} probabilities for ${labels.length} labels`);
    }
    const far = found.some((value, k) => Math.abs(value - expected[k]) > golden.tolerance);
    if (far || largest(found) !== largest(expected)) {
      throw new Error(
        `golden sample ${index + 1} came out as ${found.map((value) => value.toFixed(3))}, ` +
          `expected ${expected} within ${golden.tolerance}; this model can't be trusted on this device`,
      );
    }
  }
}

const largest = (values: number[]) => values.indexOf(Math.max(...values));
