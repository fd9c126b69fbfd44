/** Photos: from the file picker, dropped on the page, or pasted. */

import { Trouble } from "./camera";

/** Safari gives no canvas of more than 16.7 million pixels; larger photos are scaled down to this. */
const MAX_PIXELS = 16_000_000;

/**
 * Draw a photo as a viewer shows it (turned as EXIF says, transparency on white) with the pixels of the file.
 *
 * @param wanted Whether it is still to be drawn, once it has been read.
 * @throws Trouble The browser can't read it.
 */
export async function drawPhoto(file: Blob, context: CanvasRenderingContext2D, wanted: () => boolean): Promise<void> {
  let photo: ImageBitmap;
  try {
    photo = await createImageBitmap(file, { colorSpaceConversion: "none" });
  } catch {
    throw new Trouble("That is no picture that this browser can read", "Try a JPEG, PNG or WebP file.");
  }
  if (!wanted()) return photo.close();
  const scale = Math.min(1, Math.sqrt(MAX_PIXELS / (photo.width * photo.height)));
  const [width, height] = [Math.floor(photo.width * scale), Math.floor(photo.height * scale)];
  Object.assign(context.canvas, { width, height });
  context.fillStyle = "white";
  context.fillRect(0, 0, width, height);
  context.drawImage(photo, 0, 0, width, height);
  photo.close();
}

/** Call `use` with every file that is dropped on or pasted into the page; a class shows where to drop. */
export function acceptPhotos(page: HTMLElement, use: (file: Blob) => void): void {
  const take = (data: DataTransfer | null) => {
    const [file] = data?.files ?? [];
    if (file) use(file);
  };
  page.addEventListener("paste", (event) => take(event.clipboardData));
  page.addEventListener("dragover", (event) => {
    event.preventDefault();
    page.classList.add("dropping");
  });
  page.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) page.classList.remove("dropping");
  });
  page.addEventListener("drop", (event) => {
    event.preventDefault(); // else the browser leaves the page and opens the file
    page.classList.remove("dropping");
    take(event.dataTransfer);
  });
}
