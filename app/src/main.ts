/** The page: loads what is needed, listens to the person, and keeps the model up to date. */

import type { Model } from "./bundle";
import { Trouble } from "./camera";
import { Detector } from "./detector";
import { offerInstall, showModel, showSpeed } from "./info";
import {
  cannotLook,
  fail,
  flip,
  followVisibility,
  lookWith,
  mirror,
  pause,
  stopwatch,
  useCamera,
  usePhoto,
} from "./looking";
import { findUpdate, openModel, Unreachable } from "./model-store";
import { acceptPhotos } from "./photo";
import { loadRuntime } from "./runtime";
import { demandBrowser } from "./support";
import * as view from "./view";

const UPDATE_EVERY_MS = 60 * 60 * 1000;
const SPEED_EVERY_MS = 500;

let detector: Detector;
let model: Model;
/** Why the server's model was refused the last time: said once, not every hour. */
let refused = "";

/** What the button does that goes on. */
let begin = (): void => void useCamera();

let updating: Promise<string> | undefined;
/** Take the server's model if it is another and sound, once at a time; say what came of it. */
const update = () => (updating ??= lookForNewer().finally(() => (updating = undefined)));

async function lookForNewer(): Promise<string> {
  let newer: Model | null;
  try {
    newer = await findUpdate(model);
  } catch (error) {
    if (error instanceof Unreachable) return "The server can't be reached; the present model stays.";
    const reason = `The newer model was refused, the present one stays: ${(error as Error).message}`;
    if (reason !== refused) view.toast(reason);
    refused = reason;
    void navigator.serviceWorker?.getRegistration().then((worker) => worker?.update()); // a newer page may take it
    return reason;
  }
  if (!newer) return "This is the newest model.";
  model = newer; // the old one's memory is given back with the page: a frame may be using it
  await put(model);
  const text = `Changed to ${model.deployed.name} version ${model.deployed.version}.`;
  view.toast(text);
  return text;
}

/** Look with a model and show what it says of itself; one that can't be shown must not keep out the next one. */
async function put(model: Model): Promise<void> {
  try {
    await lookWith(detector, model);
    showModel(model);
  } catch (error) {
    fail(error);
  }
}

function keepFresh(): void {
  setInterval(() => void update(), UPDATE_EVERY_MS);
  document.addEventListener("visibilitychange", () => document.hidden || void update());
  addEventListener("online", () => void update());
  void update();
}

function listen(): void {
  const on = (id: string, act: () => void) => view.find(id).addEventListener("click", act);
  const file = view.find<HTMLInputElement>("file");
  on("start", () => begin());
  on("toggle", () => (view.state() === "live" ? pause() : begin()));
  on("flip", flip);
  on("mirror", mirror);
  on("choose", () => file.click());
  on("photo", () => file.click());
  file.addEventListener("change", () => {
    if (file.files?.[0]) void usePhoto(file.files[0]);
    file.value = ""; // so that the same photo can be chosen again
  });
  acceptPhotos(document.body, (photo) => void usePhoto(photo));
  document.addEventListener("visibilitychange", followVisibility);
  document.addEventListener("keydown", (event) => {
    // Where a button is in focus it is meant itself. No letters: speech input would press them (WCAG 2.1.4).
    if (event.key !== " " || event.target !== document.body || event.repeat || document.querySelector("dialog[open]"))
      return;
    event.preventDefault();
    view.find("toggle").click();
  });
}

function listenInInfo(): void {
  const info = view.find<HTMLDialogElement>("info");
  const said = view.find("update-state");
  view.find("open-info").addEventListener("click", () => {
    showSpeed(stopwatch);
    info.showModal();
  });
  view.find("close-info").addEventListener("click", () => info.close());
  view.find("check-update").addEventListener("click", async () => {
    said.textContent = "Looking…";
    said.textContent = await update();
  });
  setInterval(() => info.open && showSpeed(stopwatch), SPEED_EVERY_MS);
}

async function isCameraAllowed(): Promise<boolean> {
  const name = "camera" as PermissionName; // not every browser knows it
  return (
    navigator.permissions?.query({ name }).then(
      ({ state }) => state === "granted",
      () => false,
    ) ?? false
  );
}

/** Offer the camera at once; what it takes to look at its pictures comes meanwhile. */
async function start(): Promise<void> {
  try {
    listen();
    demandBrowser();
    listenInInfo();
    offerInstall();
    void greet();
    await loadRuntime();
    [detector, model] = await Promise.all([Detector.load(), openModel()]);
  } catch (error) {
    // The runtime's script that can't be loaded is an event, not an Error.
    const text = error instanceof Error ? error.message : "A part of it can't be loaded; try again.";
    cannotLook(error instanceof Trouble ? error : new Trouble("The page can't start", text));
    view.find("choose").hidden = true;
    begin = () => location.reload();
    return;
  }
  view.find<HTMLButtonElement>("open-info").disabled = false;
  await put(model);
  keepFresh();
  if (import.meta.env.PROD) void navigator.serviceWorker?.register("service-worker.js");
}

async function greet(): Promise<void> {
  if (await isCameraAllowed()) return useCamera();
  view.showNotice("welcome", "See what a face shows", "Everything happens on this device: no picture leaves it.");
}

void start();
