/** The panel about the model: version, accuracy, data, emotions, limits, and how fast it is here. */

import type { Manifest, Model } from "./bundle";
import { renderCard } from "./card";
import type { Stopwatch } from "./stopwatch";
import { find, made } from "./view";

const STEPS: Record<string, string> = {
  grab: "Take the frame",
  find: "Find faces",
  crop: "Cut them out",
  classify: "Read expressions",
  whole: "All together",
};

const SCORES = ["test/accuracy", "test/accuracy_low", "test/accuracy_high", "test/images"];

/** Show what the bundle says about itself. */
export function showModel(model: Model): void {
  const { deployed, manifest } = model;
  const facts = {
    Version: `${deployed.name} ${deployed.version}`,
    Deployed: new Date(deployed.time).toLocaleDateString("en", { dateStyle: "long" }),
    ...accuracy(manifest.metrics),
    Data: manifest.drawn ? "faces drawn by code" : `FER2013, ${manifest.protocol} split`,
    Expressions: manifest.labels.join(", "),
    Size: `${Math.round(manifest.files["emotion.tflite"].bytes / 1000)} kB, ${manifest.architecture}`,
    Commit: commit(manifest),
  };
  list("facts", facts);
  find("card").replaceChildren(...renderCard(model.card));
  find("drawn-warning").hidden = !manifest.drawn;
}

/** Show the median time of each step over the last frames, and how many frames there are in a second. */
export function showSpeed(stopwatch: Stopwatch): void {
  const medians = stopwatch.medians();
  const rows = Object.keys(STEPS).filter((step) => step in medians);
  const speeds = Object.fromEntries(rows.map((step) => [STEPS[step], `${medians[step].toFixed(1)} ms`]));
  const rate = stopwatch.rate();
  list("speed", rate ? { ...speeds, "Frames in a second": rate.toFixed(1) } : speeds);
}

/** Show a button to install the page as an app, in browsers that let a page ask for it. */
export function offerInstall(): void {
  addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    const button = find("install");
    button.hidden = false;
    button.onclick = () => {
      button.hidden = true; // the offer can be taken up only once
      void (event as Event & { prompt(): Promise<void> }).prompt();
    };
  });
}

function accuracy(metrics: Record<string, number> = {}): Record<string, string> {
  if (!SCORES.every((name) => name in metrics)) return {};
  const share = (name: string) => (metrics[name] * 100).toFixed(1);
  return {
    Accuracy: `${share("test/accuracy")}\u00a0% of ${metrics["test/images"].toLocaleString("en")} test images`,
    "95 % interval": `${share("test/accuracy_low")} to ${share("test/accuracy_high")}\u00a0%`,
  };
}

function commit({ git_commit, git_dirty }: Manifest): string | undefined {
  if (git_commit === null) return undefined; // it was made outside a repository
  return git_commit.slice(0, 10) + (git_dirty ? ", with changes" : "");
}

function list(id: string, rows: Record<string, string | undefined>): void {
  const items = Object.entries(rows).filter(([, value]) => value !== undefined);
  find(id).replaceChildren(...items.flatMap(([name, value]) => [made("dt", "", name), made("dd", "", value)]));
}
