"""Random affine transforms: one map per image carries rotation, shift, shear, zoom and mirror together."""

from __future__ import annotations

import cv2
import numpy as np

from src.params import Augmentation


def warp(images: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """Move each image by its affine map; the border is repeated outwards, as in the seed.

    Args:
        images: uint8 array (n, side, side, 1).
        matrices: float64 array (n, 2, 3), as `transforms` gives them.

    Returns:
        uint8 array (n, side, side, 1), bilinear.
    """
    side = images.shape[1]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = np.empty_like(images)
    for image, matrix, out in zip(images, matrices, moved, strict=True):
        out[..., 0] = cv2.warpAffine(image, matrix, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return moved


def transforms(count: int, side: int, params: Augmentation, random: np.random.Generator) -> np.ndarray:
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
