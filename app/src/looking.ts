/** What is being looked at: the camera, its last picture, or a photo; one at a time. */

import type { Model } from "./bundle";
import { type Camera, closeCamera, nextCamera, nextFrame, openCamera, Trouble } from "./camera";
import type { Detector } from "./detector";
import { look, type Seen } from "./look";
import { drawPhoto } from "./photo";
import { Smoother } from "./smoothing";
import { Stopwatch } from "./stopwatch";
import * as view from "./view";

const NO_FACE = "No face in sight. Come closer, and look at the camera.";
const INTERRUPTED = "The camera is interrupted. Perhaps another app uses it.";
const NO_FACE_IN_PHOTO = "No face found. A face under a tenth of the picture is missed: crop the photo closer to it.";

export const stopwatch = new Stopwatch();
const smoother = new Smoother();
const video = view.find<HTMLVideoElement>("video");
/** The picture that is looked at, pixel by pixel. */
const still = view.find<HTMLCanvasElement>("still");
const context = still.getContext("2d", { willReadFrequently: true })!;

let detector: Detector;
let model: Model;
let equip: () => void;
let giveUp: (why: Error) => void;
/** Kept once there is something to look with, broken if there never will be; a camera or a photo may come before. */
const equipped = new Promise<void>((resolve, reject) => ([equip, giveUp] = [resolve, reject]));
equipped.catch(() => undefined); // whoever waits for it says so
let camera: Camera | null = null;
/** The camera of the last time, to go on with. */
let lastCamera: string | undefined;
/** Whether the page paused by itself because nobody sees it. */
let hidden = false;
/** Whether the camera gives no pictures for now, though it is open. */
let interrupted = false;
let front = true;
let mirrored = true;
/** Counts what is looked at; whoever finds it changed, stops. */
let session = 0;

/** Say what to look with, from the next picture on; one that stands is looked at again. */
export async function lookWith(chosenDetector: Detector, chosenModel: Model): Promise<void> {
  [detector, model] = [chosenDetector, chosenModel];
  equip();
  smoother.reset();
  view.clearFaces();
  if (["photo", "paused"].includes(view.state())) await lookAtStill(session);
}

/** Say that there will never be anything to look with. */
export function cannotLook(why: Trouble): void {
  giveUp(why);
  fail(why);
}

async function waitForEquipment(mine: number): Promise<void> {
  if (model) return;
  view.showHint("Getting ready…");
  await equipped;
  if (mine === session) view.showHint("");
}

/** Look at the camera until something else is wanted. */
export async function useCamera(open: () => Promise<Camera> = openLastCamera): Promise<void> {
  const mine = leave();
  if (!["live", "paused"].includes(view.state())) {
    view.showNotice("loading", "Waiting for the camera…", "The browser may ask whether this page may use it.");
  }
  try {
    const opened = await open();
    if (mine !== session) return closeCamera(opened);
    camera = opened;
    lastCamera = opened.deviceId;
    video.srcObject = opened.stream;
    await video.play();
    if (mine !== session) return;
    const [track] = opened.stream.getVideoTracks();
    track.addEventListener("ended", () => {
      if (mine === session) fail(new Trouble("The camera stopped", "It was taken away or switched off."));
    });
    track.addEventListener("mute", () => mine === session && interrupt(true));
    track.addEventListener("unmute", () => mine === session && interrupt(false));
    if (opened.front !== front) mirrored = front = opened.front;
    view.showCamera(mirrored, opened.choices > 1);
    view.showShape(video.videoWidth, video.videoHeight);
    smoother.reset();
    stopwatch.reset();
    view.clearFaces();
    view.showState("live");
    followVisibility(); // the page may have been left while the camera opened
    if (mine !== session) return;
    await waitForEquipment(mine);
    await watch(mine);
  } catch (error) {
    if (mine === session) fail(error);
  }
}

/** Show nothing as of now while the camera gives no pictures: a call, another app or window has it, or the browser. */
function interrupt(begins: boolean): void {
  interrupted = begins;
  smoother.reset();
  view.clearFaces();
  view.showHint(begins ? INTERRUPTED : "");
}

async function openLastCamera(): Promise<Camera> {
  if (!lastCamera) return openCamera();
  return openCamera({ deviceId: { exact: lastCamera } }).catch((error: Trouble) => {
    if (error.refused) throw error; // to ask again would be to press
    return openCamera(); // it may be gone
  });
}

/** Change to the back camera, or the next one. */
export function flip(): void {
  if (camera) void useCamera(nextCamera.bind(null, camera));
}

/** Stop at the last picture; the camera goes off. */
export function pause(): void {
  if (video.videoWidth) grab(); // it has none while another camera opens: the picture before stays
  leave();
  view.showState("paused");
  view.showHint("Paused. The camera is off.");
}

/** Switch the camera off while nobody sees the page, and on again. */
export function followVisibility(): void {
  if (document.hidden && view.state() === "live") {
    pause();
    hidden = true;
  } else if (!document.hidden && hidden) {
    void useCamera();
  }
}

/** Show the camera's picture as in a mirror, or as others see it. */
export function mirror(): void {
  mirrored = !mirrored;
  view.showCamera(mirrored);
}

/** Look at a photo. */
export async function usePhoto(file: Blob): Promise<void> {
  const mine = leave();
  try {
    view.clearFaces();
    view.showBusy(true);
    await drawPhoto(file, context, () => mine === session);
    if (mine !== session) return;
    view.showShape(still.width, still.height);
    view.showState("photo");
    await waitForEquipment(mine);
    if (mine !== session) return;
    await lookAtStill(mine);
    view.showBusy(false);
  } catch (error) {
    if (mine === session) fail(error, "Use the camera");
  }
}

/** Leave whatever is looked at, and say what is in the way; `start` is the button's name that goes on. */
export function fail(error: unknown, start = "Try again"): void {
  leave();
  view.clearFaces();
  const { title, message } = error instanceof Trouble ? error : new Trouble("Something went wrong", String(error));
  view.showNotice("trouble", title, message, start);
}

/** Stop: the loop ends, the camera closes. */
function leave(): number {
  if (camera) closeCamera(camera);
  camera = null;
  interrupted = false;
  hidden = false; // whatever comes next was asked for: a photo, chosen while its picker hid the page
  view.showBusy(false);
  view.showHint("");
  return ++session;
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
    if (used !== model || interrupted) continue;
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

async function lookAtStill(mine: number): Promise<void> {
  const used = model;
  const { seen } = await look(context.getImageData(0, 0, still.width, still.height), detector, used);
  if (mine !== session || used !== model) return;
  view.clearFaces();
  showFaces(seen, NO_FACE_IN_PHOTO, performance.now());
}

function showFaces(faces: Seen[], otherwise: string, now: number): void {
  const { labels } = model.manifest;
  view.showShape(still.width, still.height); // a phone may have been turned
  view.showFaces(faces, labels, still.width, still.height);
  view.showHint(faces.length ? "" : otherwise);
  view.announceFaces(faces, labels, now);
}
