"""Find the faces in photos, and say what each of them shows."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from src import cli, paths
from src.faces import photos
from src.faces.crop import Box, Crop, cut, grey
from src.faces.detection import FaceDetector, enclosing_square
from src.network.litert import Classifier
from src.report import annotate
from src.tracking import bundle

WHOLE = Crop(shift_x=0.0, shift_y=0.0, side=1.0)
DRAWN = "trained on drawn faces: says nothing about real ones"
NO_FACE = "no face found (one under a tenth of the picture is missed; one cut out already needs --cropped)"
ROWS_AT_ONCE = 512


class Model(NamedTuple):
    """A bundle that was checked.

    Attributes:
        classifier: Its .tflite, loaded.
        labels: Emotions in the order of the probabilities.
        crop: Which square of the photo belongs to a face's box.
        drawn: Whether it was trained on drawn faces.
    """

    classifier: Classifier
    labels: list[str]
    crop: Crop
    drawn: bool


class Found(NamedTuple):
    """One face in a photo.

    Attributes:
        box: In pixels of the photo, upright; from the detector, or the whole photo.
        score: The detector's, None if it was not asked.
        probabilities: Emotion -> probability.
    """

    box: Box
    score: float | None
    probabilities: dict[str, float]

    @property
    def emotion(self) -> str:
        """The most probable one."""
        return max(self.probabilities, key=self.probabilities.__getitem__)


def load_model(folder: Path | None) -> Model:
    """Check a bundle and load it; without a folder the committed champion, or else this workspace's bundle.

    Raises:
        ValueError: There is no bundle, or it is not what its manifest says.
    """
    if folder is None:
        folder = next((place for place in (paths.DEPLOYED, paths.BUNDLE) if (place / bundle.MANIFEST).exists()), None)
    if folder is None:
        raise ValueError(
            f"no bundle in {paths.DEPLOYED} or {paths.BUNDLE}; run `dvc repro`, or choose one with --bundle"
        )
    manifest = bundle.verify(folder)
    classifier = Classifier(folder / bundle.MODEL)
    try:
        crop = Crop(**{name: float(value) for name, value in manifest["crop"].items()})
        labels, drawn = [str(label) for label in manifest["labels"]], bool(manifest["drawn"])
        if not (crop.side > 0 and np.isfinite(crop).all()):
            raise ValueError(f"found {crop}")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{folder / bundle.MANIFEST}: crop, labels or drawn is not as expected ({error!r})") from None
    if len(labels) != (outputs := classifier.output["shape"][1]):
        raise ValueError(f"{folder}: {len(labels)} labels in the manifest for {outputs} probabilities of the model")
    return Model(classifier, labels, crop, drawn)


def find_faces(photo: np.ndarray, model: Model, detector: FaceDetector | None) -> list[Found]:
    """Find the faces in one photo and classify each.

    Args:
        photo: uint8 array (height, width, 3), RGB.
        model: Says what a face shows.
        detector: None takes the whole photo as one face; one that is not square is continued at its edges.

    Returns:
        The faces, the surest first; empty if there are none.
    """
    if detector is None:
        height, width = photo.shape[:2]
        places: list[tuple[Box, float | None]] = [(Box(0, 0, width, height), None)]
        squares, crop = [enclosing_square(photo)], WHOLE
    else:
        places = [(face.box, face.score) for face in detector.detect(photo)]
        squares, crop = [box for box, _ in places], model.crop
    if not places:
        return []
    # A few rows at a time: luma takes 12 bytes a pixel meanwhile.
    levels = np.concatenate([grey(photo[row : row + ROWS_AT_ONCE]) for row in range(0, len(photo), ROWS_AT_ONCE)])
    images = np.stack([cut(levels, square, crop) for square in squares])[..., None]
    rows = model.classifier.predict(images).tolist()
    return [Found(*place, dict(zip(model.labels, row, strict=True))) for place, row in zip(places, rows, strict=True)]


def as_json(name: str, faces: list[Found]) -> dict[str, Any]:
    """Give what `--json` prints about one photo."""
    return {
        "file": name,
        "faces": [
            {
                "box": {side: round(value, 1) for side, value in face.box._asdict().items()},
                "score": None if face.score is None else round(face.score, 4),
                "emotion": face.emotion,
                "probabilities": {label: round(value, 4) for label, value in face.probabilities.items()},
            }
            for face in faces
        ],
    }


def table_rows(name: str, faces: list[Found], width: int) -> list[str]:
    """Give the table's lines about one photo; `width` is that of the column of files."""
    name = "".join(letter if letter.isprintable() else "?" for letter in name)
    if not faces:
        return [f"{name:{width}}     -  {NO_FACE}"]
    lines = []
    for number, face in enumerate(faces, start=1):
        left, top, wide, high = (f"{value:.0f}" for value in face.box)
        values = "  ".join(f"{value:{max(5, len(label))}.3f}" for label, value in face.probabilities.items())
        lines.append(f"{name:{width}}  {number:4}  {f'{left}, {top}, {wide} x {high}':25}  {face.emotion:8}  {values}")
    return lines


def table_header(labels: list[str], width: int) -> str:
    """Give the table's first line, in the columns of `table_rows`."""
    names = "  ".join(f"{label:>5}" for label in labels)
    return f"{'file':{width}}  face  {'left, top, width x height':25}  {'emotion':8}  {names}"


def save_copy(copy: Path, photo: np.ndarray, faces: list[Found], drawn: bool) -> None:
    """Write the photo with its faces marked, numbered as in the table if there are several."""
    captions = [f"{face.emotion} {face.probabilities[face.emotion]:.0%}" for face in faces]
    if len(faces) > 1:
        captions = [f"{number}: {caption}" for number, caption in enumerate(captions, start=1)]
    footnote = "no face found" if not faces else DRAWN if drawn else ""
    picture = annotate.annotate(photo, [face.box for face in faces], captions, footnote)
    try:
        with paths.replacing(copy) as temporary:
            picture.save(temporary)
    except (ValueError, OSError) as error:  # Pillow says what, but not where
        raise OSError(f"{copy} can't be written: {error}") from None


def predict_all(options: Namespace, model: Model) -> bool:
    """Do every photo, print what is found, and tell whether all could be read and their copies written."""
    names = {Path("camera"): Path("camera")} if options.camera else photos.find(options.photos, options.out)
    copies = annotate.copies(names, options.out) if options.out else {}
    detector = None if options.cropped else FaceDetector()
    width = max(len(str(path)) for path in names)
    done: list[dict[str, Any]] = []
    if not options.json:
        print(table_header(model.labels, width))
    for path in names:
        try:
            with cli.hushed():  # libtiff and OpenCV report to stderr themselves
                photo = photos.camera_frame() if options.camera else photos.read(path)
            faces = find_faces(photo, model, detector)
            if path in copies:
                save_copy(copies[path], photo, faces, model.drawn)
        except (ValueError, OSError) as error:
            print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
            continue
        if not options.json:
            print(*table_rows(str(path), faces, width), sep="\n")
        done.append(as_json(str(path), faces))
    if options.json:
        print(json.dumps(done, indent=2))
    return len(done) == len(names)


def arguments(argv: list[str] | None) -> Namespace:
    """Read the command line: photos or the camera, not both."""
    parser = cli.parser("predict", __doc__ or "")
    parser.add_argument("photos", nargs="*", type=Path, metavar="PHOTO", help="pictures, or folders of them")
    parser.add_argument("--camera", action="store_true", help="take one picture with the first camera instead")
    parser.add_argument("--cropped", action="store_true", help="each picture is one face, cut out as in FER2013")
    parser.add_argument("--bundle", type=Path, metavar="DIR", help=f"default: {paths.DEPLOYED}, or else {paths.BUNDLE}")
    parser.add_argument("--json", action="store_true", help="print a list with the faces of each file that was read")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write copies of the pictures, the faces marked")
    options = parser.parse_args(argv)
    if options.camera == bool(options.photos):
        parser.error("give a photo, a folder or --camera" + (", not both" if options.camera else ""))
    return options


def main(argv: list[str] | None = None) -> None:
    options = arguments(argv)
    with cli.hushed():
        model = load_model(options.bundle)
    if model.drawn:
        print(f"warning: this model was {DRAWN}", file=sys.stderr)
    if not predict_all(options, model):
        sys.exit(1)


if __name__ == "__main__":
    cli.run(main)
