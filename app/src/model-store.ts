/** Where the model comes from: the one kept on the device, or a newer one from the server if it is sound. */

import { get, set } from "idb-keyval";
import { type Bundle, check, type Deployed, LISTED, type Model, readJson } from "./bundle";

const FOLDER = "model/";
/** So long a file may take; a server that never answers would shut out every later update. */
const PATIENCE_MS = 60_000;
/** Storage belongs to the whole host: pages at other paths of it keep models of their own. */
const KEY = `bundle ${new URL(".", document.baseURI).pathname}`;

/** There is no network, or the server does not answer. */
export class Unreachable extends Error {}

/** Give the model that is kept on the device; on the first visit, or if what is kept is broken, the server's. */
export async function openModel(): Promise<Model> {
  // Storage may be switched off altogether: then every visit is the first.
  const kept = await read().catch(() => undefined);
  if (kept) {
    try {
      return await check(kept);
    } catch (error) {
      console.warn("The model that was kept is not sound any more:", error);
    }
  }
  return adopt(await readNote());
}

/**
 * Give the server's model if it is another than `current`; it is kept for the next visit.
 *
 * @throws Error What the server has is not sound; what was kept stays. Unreachable: the server can't be asked.
 */
export async function findUpdate(current: Model): Promise<Model | null> {
  const deployed = await readNote();
  const { name, version, bundle } = current.deployed;
  const same = deployed.name === name && deployed.version === version && deployed.bundle === bundle;
  return same ? null : adopt(deployed);
}

async function readNote(): Promise<Deployed> {
  const note: Deployed = readJson(await download("deployed.json"));
  const { name, version, bundle } = note;
  if ([name, version, bundle].every((word) => typeof word === "string")) return note;
  throw new Error(`deployed.json has name ${name}, version ${version}, bundle ${bundle}: expected words`);
}

async function adopt(deployed: Deployed): Promise<Model> {
  const manifest = await download("manifest.json");
  const contents = await Promise.all(LISTED.map(download));
  const files = Object.fromEntries(LISTED.map((name, index) => [name, contents[index]]));
  const bundle = { deployed, files: { ...files, "manifest.json": manifest } };
  const model = await check(bundle);
  // One record, so that a kill leaves the old bundle or the new one, whole.
  await keep(bundle).catch((error) => console.warn("The model can't be kept for the next visit:", error));
  return model;
}

// Where cookies are blocked the browser throws at once; out of these comes a promise that is rejected.
const read = async () => get<Bundle>(KEY);
const keep = async (bundle: Bundle) => set(KEY, bundle);

async function download(name: string): Promise<Uint8Array<ArrayBuffer>> {
  const lost = () => {
    throw new Unreachable(`${FOLDER}${name} can't be fetched`);
  };
  const response = await fetch(FOLDER + name, { cache: "no-cache", signal: AbortSignal.timeout(PATIENCE_MS) }).catch(lost);
  if (response.status >= 500) lost();
  if (!response.ok) throw new Error(`${FOLDER}${name}: the server answers with status ${response.status}`);
  return new Uint8Array(await response.arrayBuffer().catch(lost));
}
