"""Faces in a photo: BlazeFace short range (Bazarevsky et al. 2019) through LiteRT, without MediaPipe.

The weights beside this file, face_detection_short_range.tflite, are those of the npm package
@mediapipe/face_detection 0.4.1657300184 by Google, under the Apache License 2.0.
Anchors, decoding and suppression follow the options that MediaPipe gives its calculators in
mediapipe/modules/face_detection/face_detection_short_range_common.pbtxt.
The network looks at the whole photo on 128 x 128 pixels: faces under about a tenth of the longer side are missed.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from src.faces.crop import Box, area_average, axis_weights

MODEL = Path(__file__).with_name("face_detection_short_range.tflite")

INPUT_SIDE = 128
GRID = ((16, 2), (8, 6))
"""Cells per side and anchors per cell: strides 8, 16, 16, 16, each with two anchors, the equal ones in one grid."""
SCORE_CLIP = 100.0
MIN_SCORE = 0.5
MIN_OVERLAP = 0.3


class Face(NamedTuple):
    """One face found.

    Attributes:
        box: From the brows to the chin or so, in pixels of the image.
        score: Probability that this is a face, 0.5..1.
        keypoints: float64 array (6, 2), x and y in pixels of the image: right eye, left eye, nose, mouth, right ear,
            left ear; right and left are the person's own.
    """

    box: Box
    score: float
    keypoints: np.ndarray


class FaceDetector:
    """Finds faces in photos; keeps one LiteRT interpreter, so that each thread needs a detector of its own."""

    def __init__(self) -> None:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        self._interpreter = Interpreter(
            model_path=str(MODEL),
            num_threads=1,
            # The default delegate saves 1.7 of 2.4 ms, and writes a line to stderr whenever a program starts.
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        outputs = {tensor["name"]: tensor["index"] for tensor in self._interpreter.get_output_details()}
        self._regressors, self._logits = outputs["regressors"], outputs["classificators"]
        self._anchors = make_anchors()

    def detect(self, image: np.ndarray) -> list[Face]:
        """Find the faces in one photo.

        Args:
            image: uint8 array (height, width, 3), RGB; a grey image three times over.

        Returns:
            The faces, the highest score first; overlapping boxes are one, at their mean.

        Raises:
            ValueError: The image has another shape or type.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
            raise ValueError(f"found an image {image.shape} {image.dtype}, expected RGB (height, width, 3) uint8")
        self._interpreter.set_tensor(self._input, letterbox(image)[None])
        self._interpreter.invoke()
        regressors, logits = (self._interpreter.get_tensor(index)[0] for index in (self._regressors, self._logits))
        points, scores = suppress(*decode(regressors, logits[:, 0], self._anchors))
        frame = enclosing_square(image)
        points = points * frame.width + (frame.left, frame.top)
        return [
            Face(Box(*found[0].tolist(), *(found[1] - found[0]).tolist()), score, found[2:])
            for found, score in zip(points, scores.tolist(), strict=True)
        ]


def enclosing_square(image: np.ndarray) -> Box:
    """Give the smallest square around the image, with the same centre, in pixels of the image."""
    height, width = image.shape[:2]
    side = max(height, width)
    return Box((width - side) / 2, (height - side) / 2, side, side)


def letterbox(image: np.ndarray) -> np.ndarray:
    """Give the network's input: the enclosing square on 128 x 128 pixels, black where the image does not reach.

    MediaPipe interpolates linearly between four pixels, however large the photo; the area average does not alias.

    Args:
        image: uint8 array (height, width, 3), RGB.

    Returns:
        float32 array (128, 128, 3), grey level 0 as -1 and 255 as 1.
    """
    left, top, side, _ = enclosing_square(image)
    rows = axis_weights(top, side, INPUT_SIDE, image.shape[0], extend=False)
    columns = axis_weights(left, side, INPUT_SIDE, image.shape[1], extend=False)
    channels = [area_average(image[:, :, channel], rows, columns) for channel in range(3)]
    return (np.stack(channels, axis=-1) / 127.5 - 1).astype(np.float32)


def make_anchors() -> np.ndarray:
    """Give the centres of the anchors, in the order of the network's outputs.

    The anchors' size is fixed to the whole input (`fixed_anchor_size`), so that only their centres count.

    Returns:
        float64 array (896, 2), x and y as shares of the input's side: row by row, a cell's anchors in succession.
    """
    grids = []
    for cells, anchors_per_cell in GRID:
        centres = (np.arange(cells) + 0.5) / cells
        y, x = np.meshgrid(centres, centres, indexing="ij")
        grids.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=-1), anchors_per_cell, axis=0))
    return np.concatenate(grids)


def decode(regressors: np.ndarray, logits: np.ndarray, anchors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn the network's outputs into boxes and keypoints, and keep those that score 0.5 or more.

    Args:
        regressors: Array (n, 16): the box's centre x and y from the anchor, its width and height, then x and y of
            six keypoints from the anchor; all in pixels of the input.
        logits: Array (n,), clipped to -100..100 before the sigmoid.
        anchors: Array (n, 2) from `make_anchors`.

    Returns:
        points: float64 array (kept, 8, 2), x and y as shares of the input's side: the upper left and lower right
            corner of the box, then the six keypoints.
        scores: float64 array (kept,), 0.5..1.
    """
    scores = 1 / (1 + np.exp(-np.clip(logits.astype(np.float64), -SCORE_CLIP, SCORE_CLIP)))
    values = regressors.astype(np.float64).reshape(-1, 8, 2) / INPUT_SIDE
    centres, sizes = values[:, :1] + anchors[:, None], values[:, 1:2]
    points = np.concatenate([centres - sizes / 2, centres + sizes / 2, values[:, 2:] + anchors[:, None]], axis=1)
    kept = (scores >= MIN_SCORE) & (sizes > 0).all(axis=(1, 2))
    return points[kept], scores[kept]


def suppress(points: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Merge detections of the same face (MediaPipe's weighted non-maximum suppression).

    The best detection takes in all that overlap it by more than 0.3 (intersection over union): points become the
    mean weighted by score, the score stays the best one's. Then the same with what is left.

    Args:
        points: Array (n, 8, 2), the first two of each the corners of the box; see `decode`.
        scores: Array (n,).

    Returns:
        points: Array (faces, 8, 2).
        scores: Array (faces,), falling.
    """
    order = np.argsort(-scores, kind="stable")
    points, scores = points[order], scores[order]
    merged, best = [], []
    while len(scores):
        same = overlaps(points[0, :2], points[:, :2]) > MIN_OVERLAP
        same[0] = True
        merged.append(np.average(points[same], axis=0, weights=scores[same]))
        best.append(scores[0])
        points, scores = points[~same], scores[~same]
    return np.array(merged).reshape(-1, *points.shape[1:]), np.array(best)


def overlaps(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Give the intersection over the union of one box with each of several.

    Args:
        box: Array (2, 2), the upper left and the lower right corner.
        boxes: Array (n, 2, 2), likewise, none of them empty.

    Returns:
        Array (n,), 0..1.
    """
    sides = np.minimum(box[1], boxes[:, 1]) - np.maximum(box[0], boxes[:, 0])
    shared = np.maximum(sides, 0).prod(axis=-1)
    return shared / ((box[1] - box[0]).prod() + (boxes[:, 1] - boxes[:, 0]).prod(axis=-1) - shared)
