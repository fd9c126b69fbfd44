"""The bundle: what the phone runs, with everything that is needed to trust it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from src.fer2013 import SIDE
from src.network.litert import Classifier

MODEL, MANIFEST, GOLDEN, CARD = "emotion.tflite", "manifest.json", "golden.json", "card.md"
FILES = (MODEL, MANIFEST, GOLDEN, CARD)
LISTED = (MODEL, GOLDEN, CARD)
"""Those whose sha256 the manifest holds: no more, and no fewer, so that its signature covers the model."""
SCHEMA = 1
BROKEN = OSError, KeyError, TypeError, AttributeError, json.JSONDecodeError, UnicodeDecodeError, binascii.Error
"""What reading a bundle raises that isn't one."""
TOLERANCE = 0.02
"""Kernels differ between phones: a golden probability may differ by this much, and the emotion must be the same."""


def write(folder: Path, model: bytes, golden_images: np.ndarray, card: str, facts: dict[str, Any]) -> None:
    """Put a bundle into `folder`, in place of what is there, once its golden samples come out right.

    Args:
        folder: Replaced as a whole.
        model: Content of the .tflite file that ships.
        golden_images: Drawn faces (n, 48, 48, 1) uint8.
        card: The model card, markdown.
        facts: What the manifest says besides its files: run, labels, crop, metrics, ...

    Raises:
        ValueError: The bundle does not pass `verify`.
    """
    draft = folder.with_name(f".{folder.name}-draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    (draft / MODEL).write_bytes(model)
    (draft / GOLDEN).write_text(json.dumps(_golden(model, golden_images), indent=1) + "\n", encoding="utf-8")
    (draft / CARD).write_text(card, encoding="utf-8")
    files = {name: _fingerprint(draft / name) for name in LISTED}
    manifest = {"schema": SCHEMA, **facts, "files": files}
    (draft / MANIFEST).write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    verify(draft)
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)


def verify(folder: Path) -> dict[str, Any]:
    """Check every file against the manifest, and the golden samples against the model.

    Returns:
        The manifest.

    Raises:
        ValueError: Something is missing, changed, or comes out otherwise than it did when the bundle was made.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if manifest["schema"] != SCHEMA:
            raise ValueError(f"{folder}: found schema {manifest['schema']}, expected {SCHEMA}; update this program")
        if set(manifest["files"]) != set(LISTED):
            raise ValueError(f"{folder / MANIFEST}: lists {list(manifest['files'])}, expected {list(LISTED)}")
        for name, expected in manifest["files"].items():
            found = _fingerprint(folder / name)
            if found != expected:
                raise ValueError(f"{folder / name}: found {found}, expected {expected}; the file was changed")
        golden = json.loads((folder / GOLDEN).read_text(encoding="utf-8"))
        samples = [
            (np.frombuffer(base64.b64decode(sample["image"]), np.uint8).reshape(1, SIDE, SIDE, 1),
             np.array(sample["probabilities"], float))
            for sample in golden["samples"]
        ]  # fmt: skip
        tolerance = golden["tolerance"] + 0.0  # a TypeError where it is no number
    except BROKEN as error:
        raise ValueError(f"{folder} is no whole bundle ({error!r}), expected {MANIFEST} and its files") from None
    if not samples:
        raise ValueError(f"{folder / GOLDEN}: found no sample, expected some; nothing shows that this model is right")
    classifier = Classifier(folder / MODEL)
    for number, (image, expected) in enumerate(samples, start=1):
        found = classifier.predict(image)[0]
        same = found.argmax() == expected.argmax() and np.abs(found - expected).max() <= tolerance  # never so for NaN
        if not same:
            raise ValueError(
                f"{folder}: golden sample {number} came out as {found.round(3).tolist()}, expected "
                f"{expected.tolist()} within {tolerance}; this model can't be trusted on this machine"
            )
    return manifest


def digest(folder: Path) -> str:
    """Give the sha256 of the manifest, which holds that of every other file."""
    return hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()


LEFT_BY_LOADING = {"__pycache__", "registered_model_meta"}
"""What Python and MLflow write into a local store beside a model that is served from it."""


def digest_of_all(folder: Path) -> str:
    """Give one sha256 of every file in a folder and below, their names included, without what loading leaves there."""
    whole = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if LEFT_BY_LOADING & set(path.relative_to(folder).parts):
            continue
        whole.update(
            f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n".encode()
        )
    return whole.hexdigest()


def _golden(model: bytes, images: np.ndarray) -> dict[str, Any]:
    probabilities = Classifier(model).predict(images)
    second, first = np.sort(probabilities, axis=1)[:, -2:].T
    lead = first - second
    clear = lead > 2 * TOLERANCE  # of the others a right phone may give another emotion
    if not clear.any():
        clear = lead == lead.max()
    images, probabilities = images[clear], probabilities[clear]
    samples = [
        {"image": base64.b64encode(image.tobytes()).decode(), "probabilities": row.round(5).tolist()}
        for image, row in zip(images, probabilities.astype(float), strict=True)
    ]
    about = "Drawn faces, 48 x 48 grey levels, base64; probabilities in the order of the manifest's labels."
    return {"about": about, "tolerance": TOLERANCE, "samples": samples}


def _fingerprint(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
