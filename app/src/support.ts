/** What the browser must be able to do. */

import { Trouble } from "./camera";

/** A module with one instruction on 128 bits: WebAssembly SIMD, as the runtime uses it. */
const SIMD = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
];

/**
 * Check that the page can work at all.
 *
 * @throws Trouble It can't, and why.
 */
export function demandBrowser(): void {
  if (!isSecureContext) {
    throw new Trouble("This page needs a safe connection", "Open it by an address that begins with https://.");
  }
  const able =
    typeof WebAssembly === "object" &&
    WebAssembly.validate(new Uint8Array(SIMD)) &&
    "createImageBitmap" in window &&
    "HTMLDialogElement" in window;
  if (!able) {
    throw new Trouble("This browser is too old", "Use Chrome, Edge or Firefox from 2023 on, or Safari from 16.4 on.");
  }
}
