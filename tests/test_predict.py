"""Photos in, emotions out: through `main`, with a real bundle and the photos that ship in packages."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from modules import ROOT
from networks import random_network
from PIL import Image
from skimage import data

from src import cli, predict
from src.faces.crop import FER2013_CROP, Crop, cut, grey
from src.faces.drawn import draw
from src.params import ModelParams
from src.report import annotate
from src.tracking import bundle

LABELS = ["happy", "sad", "neutral"]
ORIENTATION = 0x0112
Ask = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="session")
def tflite() -> bytes:
    """Give a small network with random weights, whose answers differ from face to face."""
    params = ModelParams(architecture="resnet", width=0.25, dropout=0.0)
    network = random_network(params, len(LABELS), draw(60, seed=5)[0][..., None])
    with cli.hushed():
        from src.network import conversion

        return conversion.to_tflite(network, "uint8", float32=None)["float32"]


def make_bundle(folder: Path, tflite: bytes, **changes: Any) -> Path:
    facts = {"labels": LABELS, "drawn": False, "crop": FER2013_CROP._asdict(), **changes}
    with cli.hushed():
        bundle.write(folder, tflite, draw(2, seed=7)[0][..., None], "# card\n", facts)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, tflite: bytes) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundles") / "model", tflite)


@pytest.fixture(scope="module")
def hopper() -> Image.Image:
    from matplotlib import cbook

    with Image.open(str(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))) as photo:
        return photo.convert("RGB")


@pytest.fixture
def ask(model: Path, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Give a function that runs `predict --json` and gives back what it prints: the faces of each file."""

    def run(*arguments: Path | str) -> list[dict[str, Any]]:
        predict.main(["--bundle", str(model), "--json", *map(str, arguments)])
        return json.loads(capsys.readouterr().out)

    return run


def test_the_answer_has_the_keys_that_were_promised(ask: Ask, hopper: Image.Image, tmp_path: Path) -> None:
    hopper.save(tmp_path / "hopper.png")
    (answer,) = ask(tmp_path / "hopper.png")
    assert list(answer) == ["file", "faces"]
    assert answer["file"] == str(tmp_path / "hopper.png")
    (face,) = answer["faces"]
    assert list(face) == ["box", "score", "emotion", "probabilities"]
    assert list(face["box"]) == ["left", "top", "width", "height"]
    assert list(face["probabilities"]) == LABELS
    assert sum(face["probabilities"].values()) == pytest.approx(1, abs=0.001)
    assert face["probabilities"][face["emotion"]] == max(face["probabilities"].values())
    assert 0.5 <= face["score"] <= 1


def test_the_crop_is_the_manifests_and_not_the_codes(
    ask: Ask, hopper: Image.Image, tmp_path: Path, tflite: bytes
) -> None:
    hopper.save(tmp_path / "hopper.png")
    crop = Crop(shift_x=0.2, shift_y=0.1, side=0.8)
    other = make_bundle(tmp_path / "other", tflite, crop=crop._asdict())
    (answer,) = ask(tmp_path / "hopper.png", "--bundle", other)
    (face,) = predict.FaceDetector().detect(np.asarray(hopper))
    expected = {
        shape: predict.Classifier(tflite).predict(cut(grey(np.asarray(hopper)), face.box, shape)[None, ..., None])[0]
        for shape in (crop, FER2013_CROP)
    }
    assert np.abs(expected[crop] - expected[FER2013_CROP]).max() > 0.02
    found = list(answer["faces"][0]["probabilities"].values())
    assert found == pytest.approx(expected[crop].tolist(), abs=1e-3)


def test_a_crop_without_extent_is_refused(tmp_path: Path, tflite: bytes) -> None:
    nothing = make_bundle(tmp_path / "other", tflite, crop={"shift_x": 0, "shift_y": 0, "side": 0})
    with pytest.raises(ValueError, match="crop, labels or drawn is not as expected"):
        predict.load_model(nothing)


def test_a_copy_that_can_not_be_written_is_told_and_the_others_are_done(
    ask: Ask, hopper: Image.Image, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hopper.save(tmp_path / "1.png")
    hopper.save(tmp_path / "2.png")
    (tmp_path / "out/1-faces.png").mkdir(parents=True)  # a folder stands where the copy goes
    with pytest.raises(SystemExit):
        ask(tmp_path / "1.png", tmp_path / "2.png", "--out", tmp_path / "out")
    printed = capsys.readouterr()
    assert [one["file"] for one in json.loads(printed.out)] == [str(tmp_path / "2.png")]
    assert f"{tmp_path / 'out/1-faces.png'} can't be written: " in printed.err
    assert (tmp_path / "out/2-faces.png").is_file()


def test_a_long_photo_is_enlarged_no_further_than_a_file_can_be_long(tmp_path: Path) -> None:
    for shape in ((3, 60_000, 3), (3, 9_000, 3)):
        picture = annotate.annotate(np.zeros(shape, np.uint8), [], [])
        picture.save(tmp_path / "long.jpg")
        assert picture.width == shape[1]


@pytest.mark.parametrize("change", ["turned", "grey", "alpha", "CMYK", "16 bits", "palette", "small", "large"])
def test_a_copy_of_a_photo_gives_nearly_the_same_answer(
    ask: Ask, hopper: Image.Image, tmp_path: Path, change: str
) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    sixteen = np.asarray(hopper.convert("L")).astype(np.uint16) * 257
    hopper.save(tmp_path / "0-original.png")
    copies: dict[str, tuple[Image.Image, str, dict[str, Any]]] = {
        "turned": (hopper.transpose(Image.Transpose.ROTATE_90), "jpg", {"exif": exif, "quality": 95}),
        "grey": (hopper.convert("L"), "png", {}),
        "alpha": (hopper.convert("RGBA"), "png", {}),
        "CMYK": (hopper.convert("CMYK"), "jpg", {"quality": 95}),
        "16 bits": (Image.fromarray(sixteen), "png", {}),
        "palette": (hopper.convert("P", palette=Image.Palette.ADAPTIVE), "png", {}),
        "small": (hopper.resize((128, 150), Image.Resampling.BOX), "png", {}),
        "large": (hopper.resize((2048, 2400)), "jpg", {"quality": 90}),
    }
    copy, suffix, options = copies[change]
    copy.save(tmp_path / f"1-copy.{suffix}", **options)
    original, changed = (answer["faces"][0] for answer in ask(tmp_path))
    scale = hopper.width / (copy.width if change != "turned" else copy.height)
    box = [value * scale for value in changed["box"].values()]
    assert box == pytest.approx(list(original["box"].values()), abs=12)
    assert changed["probabilities"] == pytest.approx(original["probabilities"], abs=0.1)


def test_two_people_are_two_faces_each_with_an_emotion(ask: Ask, hopper: Image.Image, tmp_path: Path) -> None:
    pair = np.hstack([np.asarray(hopper), np.asarray(hopper)[:, ::-1]])
    Image.fromarray(pair).save(tmp_path / "pair.png")
    (answer,) = ask(tmp_path / "pair.png")
    assert sorted(face["box"]["left"] // hopper.width for face in answer["faces"]) == [0, 1]


def test_an_astronaut_is_found(ask: Ask, tmp_path: Path) -> None:
    Image.fromarray(data.astronaut()).save(tmp_path / "astronaut.png")
    (answer,) = ask(tmp_path)
    assert answer["faces"][0]["box"]["left"] == pytest.approx(177.6, abs=4)


def test_no_face_is_no_mistake_and_is_said(
    ask: Ask, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (90, 60), "grey").save(tmp_path / "wall.png")
    assert ask(tmp_path / "wall.png") == [{"file": str(tmp_path / "wall.png"), "faces": []}]
    predict.main(["--bundle", str(model), str(tmp_path / "wall.png")])
    assert "wall.png     -  no face found" in capsys.readouterr().out


def test_a_cut_out_face_is_taken_whole_only_if_asked(ask: Ask, tmp_path: Path, tflite: bytes) -> None:
    face = draw(1, seed=3)[0][0]
    Image.fromarray(face).save(tmp_path / "face.png")
    Image.fromarray(face.repeat(5, axis=0).repeat(5, axis=1)).save(tmp_path / "large.png")
    expected = predict.Classifier(tflite).predict(face[None, ..., None])[0].tolist()
    for answer, side in zip(ask(tmp_path, "--cropped"), (48, 240), strict=True):
        (found,) = answer["faces"]
        assert found["box"] == {"left": 0, "top": 0, "width": side, "height": side}
        assert found["score"] is None
        assert list(found["probabilities"].values()) == pytest.approx(expected, abs=1e-3)


def test_a_cut_out_face_that_is_not_square_is_not_stretched(ask: Ask, tmp_path: Path) -> None:
    face = draw(1, seed=3)[0][0]
    Image.fromarray(face[:, 8:40]).save(tmp_path / "a-narrow.png")
    Image.fromarray(np.pad(face[:, 8:40], ((0, 0), (8, 8)), mode="edge")).save(tmp_path / "b-padded.png")
    narrow, padded = (answer["faces"][0]["probabilities"] for answer in ask(tmp_path, "--cropped"))
    assert narrow == padded


def test_files_that_fail_are_named_on_one_line_each_and_the_others_are_done(
    model: Path, hopper: Image.Image, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hopper.save(tmp_path / "good.png")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    (tmp_path / "empty").mkdir()
    given = [tmp_path / "missing.jpg", tmp_path / "empty", tmp_path]
    with pytest.raises(SystemExit) as stop:
        predict.main(["--bundle", str(model), "--json", *map(str, given)])
    printed = capsys.readouterr()
    assert stop.value.code == 1
    assert [Path(answer["file"]).name for answer in json.loads(printed.out)] == ["good.png"]
    errors = printed.err.splitlines()
    assert [name in line for name, line in zip(("missing.jpg", "empty", "broken.jpg"), errors, strict=True)] == [
        True
    ] * 3


def test_the_table_has_a_line_for_every_face(
    model: Path, hopper: Image.Image, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hopper.save(tmp_path / "a photo\nwith a strange name.png")
    predict.main(["--bundle", str(model), str(tmp_path)])
    header, row = capsys.readouterr().out.splitlines()
    assert header.split()[-3:] == LABELS
    assert "a photo?with a strange name.png     1  1" in row
    emotion, *probabilities = row.split()[-4:]
    assert LABELS[np.argmax([float(value) for value in probabilities])] == emotion
    assert header.index("emotion") == row.index(emotion)


def test_drawn_faces_are_named_beside_every_answer(
    hopper: Image.Image, tmp_path: Path, tflite: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    hopper.save(tmp_path / "hopper.png")
    drawn = make_bundle(tmp_path / "drawn", tflite, drawn=True)
    predict.main(["--bundle", str(drawn), "--json", str(tmp_path / "hopper.png")])
    printed = capsys.readouterr()
    assert printed.err == "warning: this model was trained on drawn faces: says nothing about real ones\n"
    assert len(json.loads(printed.out)) == 1


@pytest.mark.parametrize("size", [(64, 75), (512, 600), (1536, 1800)])
def test_the_copy_shows_a_box_and_a_caption_that_can_be_read(
    ask: Ask, hopper: Image.Image, tmp_path: Path, size: tuple[int, int]
) -> None:
    hopper.resize(size).save(tmp_path / "hopper.png")
    (answer,) = ask(tmp_path / "hopper.png", "--out", tmp_path / "out")
    with Image.open(tmp_path / "out" / "hopper-faces.png") as copy:
        factor, pixels = copy.width // size[0], np.asarray(copy)
    assert pixels.shape == (factor * size[1], factor * size[0], 3)
    left, top, width, height = (factor * value for value in answer["faces"][0]["box"].values())
    amber = np.argwhere((pixels == (255, 176, 0)).all(axis=-1))
    line = max(2, pixels.shape[1] / 100)
    assert amber.min(axis=0) == pytest.approx([top, left], abs=line)
    assert amber.max(axis=0) == pytest.approx([top + height, left + width], abs=line)
    letter = round(np.sqrt(pixels.shape[0] * pixels.shape[1]) / 32)
    caption = pixels[round(top) - letter : round(top) - 2, round(left) :][:, : 4 * letter]
    assert (caption == 0).all(axis=-1).mean() > 0.5
    assert (caption > 200).all(axis=-1).mean() > 0.05


def test_captions_stay_inside_and_grow_with_the_photo() -> None:
    heights = []
    for side in (20, 1000, 4000):
        photo = np.full((side, side, 3), 90, np.uint8)
        corner = (-0.2 * side, -0.2 * side, 0.5 * side, 0.5 * side)
        picture = np.asarray(annotate.annotate(photo, [corner], ["happy 93%"]))
        written = np.argwhere((picture == 255).all(axis=-1))
        assert written.min() > 0
        heights.append(np.ptp(written[:, 0]) / len(picture))
    assert min(heights) > 0.02
    assert max(heights) < 0.05


def test_a_box_of_which_only_a_sliver_is_visible_is_drawn() -> None:
    photo = np.full((500, 500, 3), 90, np.uint8)
    boxes = [(499.5, 100.0, 80.0, 80.0), (100.0, -79.5, 80.0, 80.0), (600.0, 600.0, 50.0, 50.0)]
    assert (np.asarray(annotate.annotate(photo, boxes, ["sad"] * 3)) != 90).any()


def test_copies_of_equal_names_do_not_replace_each_other(ask: Ask, hopper: Image.Image, tmp_path: Path) -> None:
    for folder in ("a/sub", "b/sub"):
        (tmp_path / folder).mkdir(parents=True)
        hopper.resize((128, 150)).save(tmp_path / folder / "x.gif")
    ask(tmp_path / "a", tmp_path / "b", "--out", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out" / "sub").iterdir()) == [
        "x-faces-2.gif.png",
        "x-faces.gif.png",
    ]


def test_a_copy_never_replaces_a_photo(ask: Ask, hopper: Image.Image, tmp_path: Path) -> None:
    hopper.save(tmp_path / "x.png")
    ask(tmp_path, "--out", tmp_path)
    before = (tmp_path / "x-faces.png").read_bytes()
    with pytest.raises(ValueError, match=r"x-faces\.png is one of the photos and its copy would replace it"):
        ask(tmp_path, "--out", tmp_path)
    assert (tmp_path / "x-faces.png").read_bytes() == before


def test_a_changed_bundle_is_refused(tmp_path: Path, tflite: bytes) -> None:
    changed = make_bundle(tmp_path / "changed", tflite)
    (changed / bundle.CARD).write_text("better than it is")
    with pytest.raises(ValueError, match="the file was changed"):
        predict.load_model(changed)


@pytest.mark.parametrize(
    ("facts", "message"),
    [({"crop": {"side": 1}}, "crop, labels or drawn"), ({"crop": {"shift_x": None}}, "crop, labels or drawn"),
     ({"labels": LABELS[:2]}, "2 labels in the manifest for 3 probabilities")],
)  # fmt: skip
def test_a_manifest_that_does_not_fit_is_refused(tmp_path: Path, tflite: bytes, facts: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        predict.load_model(make_bundle(tmp_path / "odd", tflite, **facts))


def test_the_champion_comes_before_the_workspaces_own_bundle(
    tmp_path: Path, tflite: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"no bundle in app/public/model or models/bundle; run `dvc repro`"):
        predict.load_model(None)
    make_bundle(Path("models/bundle"), tflite, labels=["a", "b", "c"])
    assert predict.load_model(None).labels == ["a", "b", "c"]
    make_bundle(Path("app/public/model"), tflite)
    assert predict.load_model(None).labels == LABELS


@pytest.mark.parametrize("arguments", [[], ["--camera", "photo.jpg"]])
def test_photos_or_the_camera_have_to_be_chosen(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        predict.main(arguments)
    assert stop.value.code == 2
    assert "give a photo, a folder or --camera" in capsys.readouterr().err


def test_the_command_needs_neither_tensorflow_nor_mlflow(model: Path, hopper: Image.Image, tmp_path: Path) -> None:
    hopper.save(tmp_path / "hopper.png")
    command = [
        sys.executable,
        "-X",
        "importtime",
        "-m",
        "src.predict",
        "hopper.png",
        "nothing.png",
        "--bundle",
        str(model),
    ]
    (tmp_path / "src").symlink_to(ROOT / "src")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout.splitlines()[1].startswith("hopper.png      1  ")
    imported = {line.split("|")[-1].strip().split(".")[0] for line in done.stderr.splitlines() if "|" in line}
    assert "numpy" in imported
    assert not imported & {"tensorflow", "keras", "mlflow", "matplotlib", "cv2"}
    said = [line for line in done.stderr.splitlines() if not line.startswith("import time")]
    assert said == ["error: nothing.png is missing, expected a picture or a folder"]
