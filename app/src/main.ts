/** The page: loads what is needed, then looks at the camera or at photos, and keeps the model up to date. */

import type { Model } from "./bundle";
import { type Camera, closeCamera, nextCamera, nextFrame, openCamera, Trouble } from "./camera";
import { Detector } from "./detector";
import { showModel, showSpeed } from "./info";
import { look } from "./look";
import { findUpdate, openModel } from "./model-store";
import { acceptPhotos, drawPhoto } from "./photo";
import { loadRuntime } from "./runtime";
import { Smoother } from "./smoothing";
import { Stopwatch } from "./stopwatch";
import { demandBrowser } from "./support";
import * as view from "./view";

const UPDATE_EVERY_MS = 60 * 60 * 1000;
const SPEED_EVERY_MS = 500;
const NO_FACE = "No face in sight. Come closer, and look at the camera.";
const NO_FACE_IN_PHOTO = "No face found. A face under a tenth of the picture is missed: cut the photo closer.";

const video = view.find<HTMLVideoElement>("video");
const still = view.find<HTMLCanvasElement>("still");
const context = still.getContext("2d", { willReadFrequently: true })!;
const smoother = new Smoother();
const stopwatch = new Stopwatch();

let detector: Detector;
let model: Model;
let camera: Camera | null = null;
let mirrored = true;
/** Counts what is being looked at; whoever finds it changed, stops. */
let session = 0;

/** Leave whatever is shown: the loop ends, the camera closes. */
function leave(): number {
  if (camera) closeCamera(camera);
  camera = null;
  view.showHint("");
  return ++session;
}

async function useCamera(open: () => Promise<Camera> = openCamera): Promise<void> {
  const mine = leave();
  try {
    const opened = await open();
    if (mine !== session) return closeCamera(opened);
    camera = opened;
    video.srcObject = opened.stream;
    await video.play();
    if (mine !== session) return;
    opened.stream.getVideoTracks()[0].addEventListener("ended", () => {
      if (mine === session) fail(new Trouble("The camera stopped", "It was taken away or switched off."));
    });
    mirrored = opened.front;
    view.find<HTMLButtonElement>("flip").disabled = opened.choices < 2;
    smoother.reset();
    stopwatch.reset();
    view.clearFaces();
    view.showState("live");
    await watch(mine);
  } catch (error) {
    if (mine === session) fail(error);
  }
}

/** Look at frame after frame until something else is looked at. */
async function watch(mine: number): Promise<void> {
  while (mine === session) {
    await nextFrame(video);
    if (mine !== session) return;
    const start = performance.now();
    const image = grab();
    const grabbed = performance.now();
    const used = model;
    const { seen, times } = await look(image, detector, used);
    if (mine !== session) return;
    if (used !== model) continue;
    const now = performance.now();
    stopwatch.note(now, { grab: grabbed - start, ...times });
    showFaces(smoother.update(seen, now), NO_FACE, now);
  }
}

function grab(): ImageData {
  const [width, height] = [video.videoWidth, video.videoHeight];
  if (still.width !== width || still.height !== height) Object.assign(still, { width, height });
  context.drawImage(video, 0, 0);
  return context.getImageData(0, 0, width, height);
}

async function usePhoto(file: Blob): Promise<void> {
  const mine = leave();
  try {
    await drawPhoto(file, context);
    mirrored = false;
    if (mine === session) await lookAtStill(mine);
    if (mine === session) view.showState("photo");
  } catch (error) {
    if (mine === session) fail(error);
  }
}

/** Look once at the picture that stands: a photo, or what the camera saw last. */
async function lookAtStill(mine: number): Promise<void> {
  const { seen } = await look(context.getImageData(0, 0, still.width, still.height), detector, model);
  if (mine !== session) return;
  view.clearFaces();
  showFaces(seen.map((face, index) => ({ ...face, id: index })), NO_FACE_IN_PHOTO, performance.now());
}

function showFaces(faces: ReturnType<Smoother["update"]>, otherwise: string, now: number): void {
  view.showFrame(still.width, still.height, mirrored);
  view.showFaces(faces, model.manifest.labels, still.width, still.height, mirrored);
  view.showHint(faces.length ? "" : otherwise);
  view.announceFaces(faces, model.manifest.labels, now);
}

function setMirrored(wanted: boolean): void {
  mirrored = wanted;
  view.find("mirror").setAttribute("aria-pressed", String(wanted));
  view.showFrame(still.width, still.height, mirrored);
  // a live picture places its frames anew by itself
}

function pause(): void {
  leave();
  view.showState("paused");
  view.showHint("Paused. The camera is off.");
}

function fail(error: unknown): void {
  leave();
  view.clearFaces();
  const { title, message } = error instanceof Trouble ? error : new Trouble("Something went wrong", String(error));
  view.showNotice("trouble", title, message, "Try again");
}

/** Take the server's model if it is newer and sound; say what came of it. */
async function update(): Promise<string> {
  let newer: Model | null;
  try {
    newer = await findUpdate(model);
  } catch (error) {
    if (error instanceof TypeError || !navigator.onLine) return "The server can't be reached; the present model stays.";
    const reason = `The newer model was refused, the present one stays: ${(error as Error).message}`;
    view.toast(reason);
    return reason;
  }
  if (!newer) return "This is the newest model.";
  model = newer; // the old one's memory is given back with the page: a frame may be using it
  smoother.reset();
  view.clearFaces();
  showModel(model);
  if (["photo", "paused"].includes(view.state())) await lookAtStill(session);
  const text = `Changed to ${model.deployed.name} version ${model.deployed.version}.`;
  view.toast(text);
  return text;
}

function listen(): void {
  const on = (id: string, act: () => void) => view.find(id).addEventListener("click", act);
  const file = view.find<HTMLInputElement>("file");
  const info = view.find<HTMLDialogElement>("info");
  on("start", () => void useCamera());
  on("toggle", () => (view.state() === "live" ? pause() : void useCamera()));
  on("flip", () => camera && void useCamera(nextCamera.bind(null, camera)));
  on("mirror", () => setMirrored(!mirrored));
  on("choose", () => file.click());
  on("photo", () => file.click());
  on("open-info", () => info.showModal());
  on("close-info", () => info.close());
  on("check-update", async () => {
    view.find("update-state").textContent = "Looking…";
    view.find("update-state").textContent = await update();
  });
  file.addEventListener("change", () => {
    if (file.files?.[0]) void usePhoto(file.files[0]);
    file.value = ""; // so that the same photo can be chosen again
  });
  acceptPhotos(document.body, (photo) => void usePhoto(photo));
  const keys: Record<string, string> = { " ": "toggle", f: "flip", m: "mirror", p: "photo", i: "open-info" };
  document.addEventListener("keydown", (event) => {
    const id = keys[event.key.toLowerCase()];
    const taken = event.ctrlKey || event.metaKey || event.altKey || info.open || event.target !== document.body;
    if (!id || taken) return;
    event.preventDefault();
    view.find(id).click();
  });
}

function keepFresh(): void {
  setInterval(() => showSpeed(stopwatch), SPEED_EVERY_MS);
  setInterval(() => void update(), UPDATE_EVERY_MS);
  document.addEventListener("visibilitychange", () => document.hidden || void update());
  addEventListener("online", () => void update());
  void update();
}

async function isCameraAllowed(): Promise<boolean> {
  const name = "camera" as PermissionName; // not every browser knows it
  return navigator.permissions?.query({ name }).then(({ state }) => state === "granted", () => false) ?? false;
}

async function start(): Promise<void> {
  try {
    demandBrowser();
    await loadRuntime();
    [detector, model] = await Promise.all([Detector.load(), openModel()]);
  } catch (error) {
    fail(error);
    view.find("start").onclick = () => location.reload();
    return;
  }
  showModel(model);
  listen();
  keepFresh();
  if (import.meta.env.PROD) void navigator.serviceWorker?.register("service-worker.js");
  if (await isCameraAllowed()) return useCamera();
  const promise = "Everything happens on this device: no picture leaves it.";
  view.showNotice("welcome", "See what a face shows", promise, "Use the camera");
}

void start();
