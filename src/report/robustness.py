"""How accuracy falls as faces are shifted, turned, scaled, relit, blurred, covered and made noisy."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd

from src.fer2013 import SIDE

NETWORK = "network"
"""What the shipped .tflite is called in the table, beside the models of the baseline."""

SEED = 2013
CENTRE = (SIDE - 1) / 2

Disturb = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]
"""Image float32 (48, 48) in 0..255, strength, chance -> image of the same shape, still to be clipped."""


def shift(image: np.ndarray, pixels: float, rng: np.random.Generator) -> np.ndarray:
    """Move the face in a random direction."""
    angle = rng.uniform(0, 2 * np.pi)
    return _warp(image, 0, 1, pixels * np.cos(angle), pixels * np.sin(angle))


def rotate(image: np.ndarray, degrees: float, rng: np.random.Generator) -> np.ndarray:
    """Turn the face about the centre, one way or the other."""
    return _warp(image, degrees * rng.choice((-1, 1)), 1, 0, 0)


def scale(image: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Enlarge the face by a factor 1 + share, or shrink it by as much."""
    return _warp(image, 0, (1 + share) ** float(rng.choice((-1, 1))), 0, 0)


def darken(image: np.ndarray, loss: float, _rng: np.random.Generator) -> np.ndarray:
    """Take away this share of the light."""
    return image * (1 - loss)


def brighten(image: np.ndarray, gain: float, _rng: np.random.Generator) -> np.ndarray:
    """Add this share of light; what is too bright becomes white, as in a camera."""
    return image * (1 + gain)


def side_light(image: np.ndarray, loss: float, rng: np.random.Generator) -> np.ndarray:
    """Let the light fall by this share from one side of the face to the other."""
    slope = 1 - loss * np.linspace(0, 1, SIDE, dtype=np.float32)
    return image * slope[:: rng.choice((-1, 1))]


def blur(image: np.ndarray, sigma: float, _rng: np.random.Generator) -> np.ndarray:
    """Blur by a Gaussian of this standard deviation in pixels."""
    return cv2.GaussianBlur(image, (0, 0), sigma)


def cover(image: np.ndarray, side: float, rng: np.random.Generator) -> np.ndarray:
    """Cover a random square of this side in pixels with mid-grey."""
    top, left = rng.integers(0, SIDE - int(side) + 1, 2)
    covered = image.copy()
    covered[top : top + int(side), left : left + int(side)] = 128
    return covered


def noise(image: np.ndarray, deviation: float, rng: np.random.Generator) -> np.ndarray:
    """Add Gaussian noise of this standard deviation in grey levels."""
    return image + rng.normal(0, deviation, image.shape)


Answer = Callable[[np.ndarray], dict[str, np.ndarray]]
"""Images uint8 (n, 48, 48, 1) -> name of a model -> its predicted classes int (n,)."""


class Disturbance(NamedTuple):
    """One way of making faces harder.

    Attributes:
        disturb: What it does to an image.
        unit: Of the strengths.
        strengths: Ascending.
    """

    disturb: Disturb
    unit: str
    strengths: tuple[float, ...]


DISTURBANCES = {
    "shift": Disturbance(shift, "pixels of 48", (2, 4, 6, 8)),
    "rotate": Disturbance(rotate, "degrees", (10, 20, 30, 45)),
    "scale": Disturbance(scale, "larger or smaller by", (0.1, 0.2, 0.3, 0.5)),
    "darken": Disturbance(darken, "share of light taken", (0.25, 0.5, 0.75, 0.9)),
    "brighten": Disturbance(brighten, "share of light added", (0.25, 0.5, 1, 2)),
    "side light": Disturbance(side_light, "share of light lost across", (0.25, 0.5, 0.75, 1)),
    "blur": Disturbance(blur, "sigma in pixels", (0.5, 1, 2, 3)),
    "cover": Disturbance(cover, "side of the square, pixels", (8, 12, 16, 24)),
    "noise": Disturbance(noise, "deviation, grey levels", (5, 10, 20, 40)),
}


def disturbed(images: np.ndarray, name: str, strength: float) -> np.ndarray:
    """Give the faces disturbed; face i depends on (name, strength, i) alone, so every model is shown the same.

    Args:
        images: uint8 (n, 48, 48, 1).
        name: One of `DISTURBANCES`.
        strength: In its unit.
    """
    kind = list(DISTURBANCES).index(name)
    results = np.empty_like(images)
    for i, image in enumerate(images):
        rng = np.random.default_rng((SEED, kind, i))
        found = DISTURBANCES[name].disturb(image[..., 0].astype(np.float32), strength, rng)
        results[i, ..., 0] = np.clip(np.round(found), 0, 255)
    return results


def measure(answer: Answer, images: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """Score models on the faces as they are and on every disturbance at every strength.

    Args:
        answer: Gives the predicted classes int (n,) of each model.
        images: uint8 (n, 48, 48, 1).
        labels: int (n,), true classes.

    Returns:
        Columns disturbance, unit, strength (0: as they are), model, accuracy.
    """
    clean = accuracies(answer, images, labels)
    rows = []
    for name, (_, unit, strengths) in DISTURBANCES.items():
        for strength in (0.0, *strengths):
            found = accuracies(answer, disturbed(images, name, strength), labels) if strength else clean
            rows += [(name, unit, float(strength), model, accuracy) for model, accuracy in found.items()]
    return pd.DataFrame(rows, columns=["disturbance", "unit", "strength", "model", "accuracy"])


def accuracies(answer: Answer, images: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Give the share of images that each model answers right."""
    return {model: float(np.mean(predicted == labels)) for model, predicted in answer(images).items()}


def summarise(table: pd.DataFrame, model: str) -> dict[str, float]:
    """Say how much one model lost.

    Args:
        table: As `measure` gives it.
        model: One of those in it.

    Returns:
        mean (accuracy over every disturbance at every strength), the same for each disturbance under its name,
        drop_shift_4px and drop_half_brightness (accuracy lost against the faces as they are), worst_drop.
    """
    mine = table[table["model"] == model]
    harder = mine[mine["strength"] > 0].set_index(["disturbance", "strength"])["accuracy"]
    clean = mine.loc[mine["strength"] == 0, "accuracy"].iloc[0]
    per_kind = harder.groupby("disturbance", sort=False).mean()
    return {
        "mean": float(harder.mean()),
        **{str(name).replace(" ", "_"): float(accuracy) for name, accuracy in per_kind.items()},
        "drop_shift_4px": float(clean - harder["shift", 4]),
        "drop_half_brightness": float(clean - harder["darken", 0.5]),
        "worst_drop": float(clean - harder.min()),
    }


def _warp(image: np.ndarray, degrees: float, factor: float, right: float, down: float) -> np.ndarray:
    matrix = cv2.getRotationMatrix2D((CENTRE, CENTRE), float(degrees), factor)
    matrix[:, 2] += np.array([right, down])
    return cv2.warpAffine(image, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
