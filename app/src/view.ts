/** What the page shows: the state it is in, the faces, and short messages. */

import { type Box } from "./crop";
import type { Seen } from "./look";
import { verdict } from "./smoothing";

/** welcome: nothing asked for yet; live: camera; paused: its last picture; photo; trouble: see the notice. */
export type State = "loading" | "welcome" | "live" | "paused" | "photo" | "trouble";

export const NOT_SURE = "not sure";
/** At least so long between two announcements to a screen reader, in milliseconds. */
const ANNOUNCE_MS = 2000;
const TOAST_MS = 6000;

export const find = <Kind extends HTMLElement>(id: string) => document.getElementById(id) as Kind;

/** Icon and name of the large button. */
const BUTTON: Partial<Record<State, [string, string]>> = { live: ["pause", "Pause"], paused: ["play", "Go on"] };

const percent = (value: number) => `${Math.round(value * 100)} %`;

export const state = () => document.body.dataset.state as State;

export function showState(state: State): void {
  const focused = document.activeElement;
  document.body.dataset.state = state;
  const [icon, label] = BUTTON[state] ?? ["camera", "Use the camera"];
  find("toggle").setAttribute("aria-label", label);
  document.getElementById("toggle-icon")?.setAttribute("href", `#icon-${icon}`);
  // A button that is hidden now loses the focus, and who works by keyboard the place.
  if (!focused?.getClientRects().length) find(["live", "paused", "photo"].includes(state) ? "toggle" : "notice").focus();
}

/** Lay a message over the picture. */
export function showNotice(
  state: "loading" | "welcome" | "trouble",
  title: string,
  text: string,
  start = "Use the camera",
): void {
  find("notice-title").textContent = title;
  find("notice-text").textContent = text;
  find("start").textContent = start;
  showState(state);
  if (state === "trouble") announce(`${title}. ${text}`);
}

/** Say that the faces shown are not yet those of the picture. */
export function showBusy(busy: boolean): void {
  find("faces").setAttribute("aria-busy", String(busy));
}

/** Show the camera mirrored or not, and whether there is another one to change to. */
export function showCamera(mirrored: boolean, another?: boolean): void {
  find("frame").classList.toggle("mirrored", mirrored);
  find("mirror").setAttribute("aria-pressed", String(mirrored));
  if (another !== undefined) find<HTMLButtonElement>("flip").disabled = !another;
}

/** Give the picture's shape to the frame that holds it. */
export function showShape(width: number, height: number): void {
  find("frame").style.setProperty("--ratio", String(width / height));
}

/** Show the faces of a picture of this size: each with its frame, its verdict and all probabilities. */
export function showFaces(faces: Seen[], labels: string[], width: number, height: number): void {
  const words = faces.map(({ probabilities }) => verdict(labels, probabilities) ?? NOT_SURE);
  keep(find("marks"), faces.length, newMark).forEach((mark, index) => {
    placeMark(mark, faces[index].box, width, height);
    const caption = mark.firstElementChild as HTMLElement;
    caption.textContent = faces.length > 1 ? `${index + 1}: ${words[index]}` : words[index];
  });
  keep(find("faces"), faces.length, () => newFace(labels)).forEach((item, index) => {
    fillFace(item, faces.length > 1 ? `Face ${index + 1}` : "", words[index], labels, faces[index].probabilities);
  });
  find("no-face").hidden = faces.length > 0;
  find("faces").classList.toggle("several", faces.length > 1);
}

/** Forget the faces and their elements, whose rows are those of the model that was. */
export function clearFaces(): void {
  find("marks").replaceChildren();
  find("faces").replaceChildren();
  find("no-face").hidden = false;
  announcedAt = -ANNOUNCE_MS; // what comes next is told even if it is the same again
  announce("");
}

/** Say something at the lower edge of the picture, and to screen readers; nothing hides it. */
export function showHint(text: string): void {
  if (text && text !== find("hint").textContent) announce(text);
  find("hint").textContent = text;
  find("hint").hidden = !text;
}

let toastTimer = 0;

/** Say something for some seconds, whatever else is shown. */
export function toast(text: string): void {
  find("toast").textContent = text;
  find("toast").classList.add("shown");
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => find("toast").classList.remove("shown"), TOAST_MS);
}

let announcedAt = -ANNOUNCE_MS;

/** Tell screen readers what is seen: only what differs from the last time, and not in every frame. */
export function announceFaces(faces: Seen[], labels: string[], now: number): void {
  if (!faces.length || now - announcedAt < ANNOUNCE_MS) return;
  const words = faces.map(({ probabilities }) => verdict(labels, probabilities) ?? NOT_SURE);
  const text = words.length > 1 ? `${words.length} faces: ${words.join(", ")}` : words[0];
  if (text !== find("announcement").textContent) announcedAt = now;
  announce(text);
}

function announce(text: string): void {
  if (text !== find("announcement").textContent) find("announcement").textContent = text;
}

/** Make a parent have so many children, and give them. */
function keep(parent: HTMLElement, count: number, make: () => HTMLElement): HTMLElement[] {
  while (parent.children.length > count) parent.lastElementChild?.remove();
  while (parent.children.length < count) parent.append(make());
  return Array.from(parent.children) as HTMLElement[];
}

function newMark(): HTMLElement {
  const mark = made("div", "mark");
  mark.append(made("span", "caption"));
  return mark;
}

function placeMark(mark: HTMLElement, box: Box, width: number, height: number): void {
  mark.style.setProperty("--left", `${(box.left / width) * 100}%`); // from the right where the frame is mirrored
  mark.style.top = `${(box.top / height) * 100}%`;
  mark.style.width = `${(box.width / width) * 100}%`;
  mark.style.height = `${(box.height / height) * 100}%`;
  mark.classList.toggle("low", box.top + box.height > 0.9 * height);
}

function newFace(labels: string[]): HTMLElement {
  const item = made("li", "face");
  const title = made("h2", "verdict");
  title.append(made("small", "number"), made("span", "word"), made("small", "share"));
  const rows = labels.map((label) => {
    const row = made("div", "row");
    const bar = made("div", "bar-track");
    bar.setAttribute("role", "meter");
    bar.setAttribute("aria-label", label);
    bar.setAttribute("aria-valuemin", "0");
    bar.setAttribute("aria-valuemax", "1");
    bar.append(made("div", "bar-fill"));
    const name = made("span", "name");
    name.textContent = label;
    row.append(name, bar, made("span", "value"));
    return row;
  });
  item.append(title, ...rows);
  return item;
}

function fillFace(item: HTMLElement, number: string, word: string, labels: string[], probabilities: number[]): void {
  const [title, ...rows] = Array.from(item.children);
  const [numberOf, wordOf, share] = Array.from(title.children);
  numberOf.textContent = number;
  wordOf.textContent = word;
  const best = probabilities.indexOf(Math.max(...probabilities));
  share.textContent = word === NOT_SURE ? `maybe ${labels[best]}` : percent(probabilities[best]);
  item.classList.toggle("unsure", word === NOT_SURE);
  rows.forEach((row, index) => {
    const [, bar, value] = Array.from(row.children);
    row.classList.toggle("best", index === best);
    bar.setAttribute("aria-valuenow", probabilities[index].toFixed(4));
    bar.setAttribute("aria-valuetext", percent(probabilities[index]));
    (bar.firstElementChild as HTMLElement).style.transform = `scaleX(${probabilities[index]})`;
    value.textContent = percent(probabilities[index]);
  });
}

export function made(tag: string, className: string, text = ""): HTMLElement {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}
