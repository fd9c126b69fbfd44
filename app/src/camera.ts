/** The camera: opening one, changing to the next, and clear words when there is none to be had. */

export interface Camera {
  stream: MediaStream;
  deviceId: string | undefined;
  /** Which way it looks; a webcam doesn't say. */
  facingMode: string | undefined;
  /** Whether it looks at whoever holds the device; a camera that doesn't say is taken to. */
  front: boolean;
  /** How many there are to choose from. */
  choices: number;
}

/** Something is in the way; what to tell the person, and whether it was the person who refused. */
export class Trouble extends Error {
  constructor(
    readonly title: string,
    message: string,
    readonly refused = false,
  ) {
    super(message);
  }
}

// 640 x 480 shows a face at arm's length with more pixels than the crop has, and every camera knows it.
const SIZE: MediaTrackConstraints = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } };

/**
 * Open a camera.
 *
 * @param which Constraints beside the size; without any, the front one.
 * @throws Trouble
 */
export async function openCamera(which: MediaTrackConstraints = { facingMode: "user" }): Promise<Camera> {
  if (!navigator.mediaDevices) {
    throw new Trouble(
      "No camera on this page",
      "Browsers give a camera only to pages opened by https or on localhost.",
    );
  }
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ video: { ...SIZE, ...which }, audio: false });
    const { deviceId, facingMode } = stream.getVideoTracks()[0].getSettings();
    return { stream, deviceId, facingMode, front: facingMode !== "environment", choices: (await cameras()).length };
  } catch (error) {
    throw inWords(error);
  }
}

/** Close a camera and open the next one: the back instead of the front, or else the next in the list. */
export async function nextCamera(current: Camera): Promise<Camera> {
  closeCamera(current); // many phones open only one at a time
  if (current.facingMode) {
    const other = await openCamera({ facingMode: current.front ? "environment" : "user" });
    if (other.deviceId !== current.deviceId) return other;
    closeCamera(other); // the same again: all look one way
  }
  const ids = (await cameras()).map(({ deviceId }) => deviceId);
  const next = ids[(ids.indexOf(current.deviceId ?? "") + 1) % ids.length];
  return openCamera({ deviceId: { exact: next } });
}

export function closeCamera({ stream }: Camera): void {
  for (const track of stream.getTracks()) track.stop();
}

/** Wait until the video shows another frame. */
export function nextFrame(video: HTMLVideoElement): Promise<unknown> {
  return new Promise((resolve) => {
    if ("requestVideoFrameCallback" in video) video.requestVideoFrameCallback(resolve);
    else requestAnimationFrame(resolve); // Firefox before 132
  });
}

async function cameras(): Promise<MediaDeviceInfo[]> {
  return (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === "videoinput");
}

function inWords(error: unknown): Trouble {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") {
    return new Trouble(
      "The camera is not allowed",
      "Allow it for this page in the browser's settings (the sign beside the address), then try again.",
      true,
    );
  }
  if (name === "NotFoundError" || name === "OverconstrainedError") {
    return new Trouble("No camera found", "Connect one and try again, or choose a photo instead.");
  }
  if (name === "NotReadableError" || name === "AbortError") {
    return new Trouble("The camera is busy", "Another app seems to use it. Close that one, then try again.");
  }
  return new Trouble("The camera does not start", `The browser says: ${String(error)}`);
}
