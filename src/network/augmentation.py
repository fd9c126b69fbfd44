"""Random changes of an image: one affine map (rotation, shift, shear, zoom, mirror), light, an erased box, noise."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from src.params import Augmentation


class Changes(NamedTuple):
    """What happens to each of n images.

    Attributes:
        matrices: float64 array (n, 2, 3), affine maps from pixels of the result to pixels of the source.
        lights: float64 array (n,), factors of every grey level.
        boxes: int array (n, 4): left, top, right and bottom of the erased box, pixels of the result.
        greys: int array (n,), what the box is filled with.
    """

    matrices: np.ndarray
    lights: np.ndarray
    boxes: np.ndarray
    greys: np.ndarray


def draw(count: int, side: int, params: Augmentation, random: np.random.Generator) -> Changes:
    """Draw the changes of `count` images with this side, pixels."""
    matrices = _affine(count, side, params, random)
    lights = random.uniform(1 - params.light, 1 + params.light, count)
    size = random.uniform(0, params.erase * side, (2, count))
    corner = random.uniform(0, 1, (2, count)) * (side - size)
    boxes = np.rint(np.concatenate([corner, corner + size])).astype(int).T
    return Changes(matrices, lights, boxes, random.integers(0, 256, count))


def still(count: int) -> Changes:
    """Give the changes that change nothing."""
    matrices = np.tile(np.eye(2, 3), (count, 1, 1))
    return Changes(matrices, np.ones(count), np.zeros((count, 4), int), np.zeros(count, int))


def apply(images: np.ndarray, changes: Changes, side: int) -> np.ndarray:
    """Move, light and partly erase each image; the border is repeated outwards, as in the seed.

    Args:
        images: uint8 array (n, from_side, from_side, 1).
        changes: In pixels of `from_side`, as `draw` gives them.
        side: Side of the result, pixels; another one than `from_side` scales the image.

    Returns:
        uint8 array (n, side, side, 1), bicubic: bilinear images have less detail than those that the network is for.
    """
    scale = images.shape[1] / side
    matrices = changes.matrices.copy()
    # The centre of pixel x of the result lies at (x + 1/2) scale - 1/2.
    matrices[:, :, 2] += changes.matrices[:, :, :2].sum(axis=2) * (scale - 1) / 2
    matrices[:, :, :2] *= scale
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    changed = np.empty((len(images), side, side, 1), np.uint8)
    boxes = np.rint(changes.boxes / scale).astype(int)
    for number, image in enumerate(images):
        out = cv2.warpAffine(image, matrices[number], (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        if changes.lights[number] != 1:
            out = cv2.convertScaleAbs(out, alpha=changes.lights[number])
        left, top, right, bottom = boxes[number]
        out[top:bottom, left:right] = changes.greys[number]
        changed[number, ..., 0] = out
    return changed


def noisy(images: np.ndarray, params: Augmentation, random: np.random.Generator) -> np.ndarray:
    """Add Gaussian noise, another strength for each image, to float32 images (n, side, side, 1) in 0..255."""
    if not params.noise:
        return images
    deviations = random.uniform(0, params.noise, (len(images), 1, 1, 1)).astype("float32")
    return (images + deviations * random.standard_normal(images.shape, "float32")).clip(0, 255)


def _affine(count: int, side: int, params: Augmentation, random: np.random.Generator) -> np.ndarray:
    """Give `count` affine maps from pixels of the result to pixels of the source.

    Rotation, shear and zoom about the centre, then the mirror, then the shift; the ranges are those of Keras's
    ImageDataGenerator, which counts rows as x and so shears along the other axis.

    Returns:
        float64 array (count, 2, 3): source (x, y) = M @ (x, y, 1).
    """
    angle = np.deg2rad(random.uniform(-params.rotation, params.rotation, count))
    shift = random.uniform(-params.shift, params.shift, (2, count)) * side
    shear = np.deg2rad(random.uniform(-params.shear, params.shear, count))
    zoom_x, zoom_y = random.uniform(1 - params.zoom, 1 + params.zoom, (2, count))
    mirror = np.where(random.random(count) < 0.5, -1.0, 1.0) if params.flip else np.ones(count)

    cosine, sine = np.cos(angle), np.sin(angle)
    linear = np.empty((count, 2, 2))
    linear[:, 0, 0] = cosine * zoom_x
    linear[:, 0, 1] = (-cosine * np.sin(shear) - sine * np.cos(shear)) * zoom_y
    linear[:, 1, 0] = sine * zoom_x
    linear[:, 1, 1] = (-sine * np.sin(shear) + cosine * np.cos(shear)) * zoom_y
    linear[:, :, 0] *= mirror[:, None]

    centre = np.full(2, (side - 1) / 2)
    offset = centre + shift.T - linear @ centre
    return np.concatenate([linear, offset[:, :, None]], axis=2)
