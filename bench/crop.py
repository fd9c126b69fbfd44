"""Measure the crop: where FER2013's frame lies around the box that the detector gives for its faces.

FER2013_SOURCE=.../fer2013.zip python -m bench.crop

Each face is laid on a grey canvas, enlarged three times, because the detector wants to see some surroundings.
"""

import argparse

import numpy as np

from bench import fer2013
from src import cli
from src.faces.crop import FER2013_CROP, Box, Crop, square
from src.faces.detection import Face, FaceDetector
from src.faces.splits import TRAINING

CANVAS = 256
FRAME = 144
MIDDLE_GREY = 128


def read_training_faces(count: int) -> np.ndarray:
    """Read the first images of Training; uint8 (count, 48, 48)."""
    rows = fer2013.read()
    return rows.images[rows.usages == TRAINING][:count]


def on_canvas(image: np.ndarray) -> np.ndarray:
    """Give the canvas (256, 256, 3) with the image, enlarged to 144 x 144, in its middle."""
    import cv2

    margin = (CANVAS - FRAME) // 2
    enlarged = cv2.resize(image, (FRAME, FRAME), interpolation=cv2.INTER_CUBIC)
    canvas = np.pad(enlarged, margin, constant_values=MIDDLE_GREY)
    return np.repeat(canvas[:, :, None], 3, axis=2)


def in_frame(face: Face) -> Face:
    """Give the face in shares of the frame: (0, 0) its upper left corner, (1, 1) its lower right one."""
    margin = (CANVAS - FRAME) / 2
    left, top, width, height = face.box
    box = Box((left - margin) / FRAME, (top - margin) / FRAME, width / FRAME, height / FRAME)
    return face._replace(box=box, keypoints=(face.keypoints - margin) / FRAME)


def crop_of(box: Box) -> Crop:
    """Give the crop that takes this box, in shares of the frame, to exactly the frame."""
    size = (box.width + box.height) / 2
    shift_x = 0.5 - (box.left + box.width / 2)
    shift_y = 0.5 - (box.top + box.height / 2)
    return Crop(shift_x / size, shift_y / size, 1 / size)


def overlap_with_frame(box: Box) -> float:
    """Give the intersection over the union of a box with the frame, both in shares of the frame."""
    width = max(0.0, min(1.0, box.left + box.width) - max(0.0, box.left))
    height = max(0.0, min(1.0, box.top + box.height) - max(0.0, box.top))
    return width * height / (1 + box.width * box.height - width * height)


def show(name: str, values: object) -> list[float]:
    """Print the quartiles of the values, one after the other, and give them back."""
    quartiles = np.percentile(np.asarray(values), [25, 50, 75])
    print(f"{name:24}" + "".join(f"{value:9.3f}" for value in quartiles))
    return quartiles.round(3).tolist()


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the crop on FER2013 (FER2013_SOURCE says where it is).")
    parser.add_argument("--images", type=int, default=3000, help="how many images of Training (3000)")
    arguments = parser.parse_args()
    images = read_training_faces(arguments.images)
    detector = FaceDetector()
    found = [detector.detect(on_canvas(image)) for image in images]
    faces = [in_frame(several[0]) for several in found if several]
    print(f"detected: {len(faces)} of {len(images)} ({len(faces) / len(images):.1%})")

    print(f"{'shares of the frame':24}      25%      50%      75%")
    boxes = np.array([face.box for face in faces])
    show("box centre x", boxes[:, 0] + boxes[:, 2] / 2)
    show("box centre y", boxes[:, 1] + boxes[:, 3] / 2)
    show("box width", boxes[:, 2])
    show("height / width", boxes[:, 3] / boxes[:, 2])
    eyes = np.array([face.keypoints[:2] for face in faces])
    show("eyes y", eyes[:, :, 1].mean(axis=1))
    show("eyes apart", np.linalg.norm(eyes[:, 1] - eyes[:, 0], axis=1))
    show("mouth y", [face.keypoints[3, 1] for face in faces])
    show("roll, degrees", np.degrees(np.arctan2(*(eyes[:, 1] - eyes[:, 0]).T[::-1])))

    print("\nthe crop that gives the frame, shares of the box")
    crops = np.array([crop_of(face.box) for face in faces])
    measured = [show(name, values)[1] for name, values in zip(Crop._fields, crops.T, strict=True)]
    print(f"\nmeasured: {Crop(*measured)}\nin use: {FER2013_CROP}")
    show("IoU of crop and frame", [overlap_with_frame(square(face.box, FER2013_CROP)) for face in faces])


if __name__ == "__main__":
    cli.run(main)
