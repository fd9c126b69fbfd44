"""What the app's arithmetic must give: worked out by the Python code, kept in app/test/golden.json.

`PYTHONPATH=. python tests/app_golden.py` writes the file anew.
"""

import base64
import json
from typing import Any

import numpy as np
from modules import ROOT

from src.faces.crop import FER2013_CROP, Box, Crop, cut, grey
from src.faces.detection import decode, letterbox, make_anchors, suppress

FILE = ROOT / "app/test/golden.json"
ANCHORS = 40

CUTS: list[tuple[tuple[int, int], Box, Crop]] = [
    ((40, 30), Box(5, 4, 20, 20), FER2013_CROP),
    ((200, 150), Box(31.7, 20.3, 97.9, 98.6), FER2013_CROP),
    ((90, 120), Box(-30.5, -12.25, 80, 81), Crop(0.02, -0.1, 1.3)),  # reaches outside
    ((7, 5), Box(2.1, 1.2, 1.5, 1.5), Crop(0.0, 0.0, 1.0)),  # cells smaller than a pixel
    ((300, 300), Box(5, 5, 240, 240), Crop(0.0, 0.0, 1.2)),  # means that end in one half
]
LETTERBOXES = [(640, 480), (37, 61)]


def picture(width: int, height: int) -> np.ndarray:
    """Give a colourful picture (height, width, 3) uint8 that test/golden.test.ts paints by the same formula."""
    y, x, channel = np.ogrid[:height, :width, :3]
    return ((x * x * 3 + y * 7 + x * y * 5 + channel * 41) % 256).astype(np.uint8)


def golden() -> dict[str, Any]:
    """Give inputs and what Python makes of them."""
    cuts = [
        {"size": size, "box": box, "crop": crop, "levels": base64.b64encode(levels.tobytes()).decode()}
        for size, box, crop in CUTS
        for levels in [cut(grey(picture(*size)), box, crop)]
    ]
    letterboxes = [
        {"size": size, "every": 997, "values": letterbox(picture(*size)).ravel()[::997].astype(float).round(6).tolist()}
        for size in LETTERBOXES
    ]
    random = np.random.default_rng(3)
    regressors = random.normal(0, 3, (ANCHORS, 16)).astype(np.float32)
    regressors[:, 2:4] += 30  # wide boxes on neighbouring anchors: most of them are the same face
    logits = random.normal(0, 2, ANCHORS).astype(np.float32)
    points, scores = suppress(*decode(regressors, logits, make_anchors()[:ANCHORS]))
    return {
        "cuts": cuts,
        "letterboxes": letterboxes,
        "detection": {
            "regressors": regressors.astype(float).ravel().round(6).tolist(),
            "logits": logits.astype(float).round(6).tolist(),
            "corners": points[:, :2].reshape(-1, 4).round(6).tolist(),
            "scores": scores.round(6).tolist(),
        },
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(golden()) + "\n", encoding="utf-8")
