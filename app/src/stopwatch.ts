/** How long each step of a frame takes, over the last few seconds. */

const FRAMES = 60;

export class Stopwatch {
  private frames: { at: number; times: Record<string, number> }[] = [];

  /** Note one frame: when it was done, and the milliseconds of each step. */
  note(at: number, times: Record<string, number>): void {
    this.frames = [...this.frames.slice(1 - FRAMES), { at, times }];
  }

  /** Give the median of each step and of their sum (`whole`), in milliseconds; empty before the first frame. */
  medians(): Record<string, number> {
    if (!this.frames.length) return {};
    const steps = Object.keys(this.frames[0].times);
    const sum = (times: Record<string, number>) => Object.values(times).reduce((total, time) => total + time, 0);
    return Object.fromEntries([
      ...steps.map((step) => [step, median(this.frames.map(({ times }) => times[step]))]),
      ["whole", median(this.frames.map(({ times }) => sum(times)))],
    ]);
  }

  /** Give the frames per second; 0 before the second frame. */
  rate(): number {
    if (this.frames.length < 2) return 0;
    const [first, last] = [this.frames[0], this.frames[this.frames.length - 1]];
    return ((this.frames.length - 1) * 1000) / (last.at - first.at);
  }

  reset(): void {
    this.frames = [];
  }
}

function median(values: number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
