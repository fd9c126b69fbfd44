/** LiteRT in the browser: the same .tflite files as everywhere else, on the processor, one thread. */

import { type CompiledModel, loadAndCompile, loadLiteRt, Tensor, type TypedArray } from "@litertjs/core";
// Of the builds that LiteRT.js ships, the one that every browser with SIMD runs, Safari too. On int8 it computes what
// Python's LiteRT does; relaxed SIMD is allowed to differ from processor to processor, and saves a millisecond.
import script from "@litertjs/core/wasm/litert_wasm_compat_internal.js?url";
import wasm from "@litertjs/core/wasm/litert_wasm_compat_internal.wasm?url";

/** Load the runtime; once per page, before any network. */
export async function loadRuntime(): Promise<void> {
  // Emscripten's way of saying where the .wasm lies, which the bundler has renamed, and where its chatter goes.
  Object.assign(globalThis, { Module: { locateFile: () => wasm, printErr: (text: string) => console.debug(text) } });
  // It would ask for a device of the GPU, which no network here runs on, and has no option that says so.
  Object.defineProperty(navigator, "gpu", { value: undefined, configurable: true });
  await loadLiteRt(script).finally(() => Reflect.deleteProperty(navigator, "gpu"));
}

/** A .tflite file, ready to run. */
export class Network {
  private constructor(private readonly model: CompiledModel) {}

  static async load(content: Uint8Array): Promise<Network> {
    return new Network(await loadAndCompile(content, { accelerator: "wasm" }));
  }

  /**
   * Run it on one input.
   *
   * @returns Each output's values by its name.
   */
  async run(values: TypedArray, shape: number[]): Promise<Record<string, Float32Array>> {
    const input = new Tensor(values, shape);
    try {
      const outputs = await this.model.run([input]);
      const names = this.model.getOutputDetails().map((output) => output.name);
      const read = outputs.map((output, index) => [names[index], output.toTypedArray() as Float32Array]);
      outputs.forEach((output) => output.delete());
      return Object.fromEntries(read);
    } finally {
      input.delete();
    }
  }

  /** Free its memory; it can't be run any more. */
  delete(): void {
    this.model.delete();
  }
}
