"""Photos in the app: the same faces and probabilities as in Python, and clear words when there is none."""

import base64
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from app_site import Photos, Visit, agree, place
from PIL import Image
from playwright.sync_api import expect

from src import predict

pytest_plugins = ["app_fixtures"]
Ask = Callable[[Path], list[predict.Found]]
Visits = Callable[..., Visit]


def test_on_the_same_pixels_the_app_says_what_python_says(visit: Visits, photos: Photos, python: Ask) -> None:
    person = visit()
    person.open()
    assert len(photos) >= 10
    for path in photos.values():
        agree(person.show(path), python(path), tolerance=0.02)


def test_on_a_jpeg_the_app_says_what_python_says(visit: Visits, photos: Photos, tmp_path: Path, python: Ask) -> None:
    person = visit()
    person.open()
    for name, quality in {"astronaut": 60, "hopper": 95, "both": 80}.items():
        path = tmp_path / f"{name}.jpg"
        Image.open(photos[name]).save(path, quality=quality)
        agree(person.show(path), python(path), tolerance=0.05)


def test_a_photo_taken_with_the_phone_held_upright_is_turned_as_its_exif_says(
    visit: Visits, photos: Photos, tmp_path: Path, python: Ask
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees, clockwise
    lying = Image.open(photos["hopper"]).transpose(Image.Transpose.ROTATE_90)
    lying.save(tmp_path / "lying.jpg", quality=95, exif=exif)
    person = visit()
    person.open()
    agree(person.show(tmp_path / "lying.jpg"), python(tmp_path / "lying.jpg"), tolerance=0.05)


def test_two_faces_are_framed_and_numbered_where_python_finds_them(visit: Visits, photos: Photos, python: Ask) -> None:
    person = visit()
    person.open()
    assert len(person.show(photos["both"])) == 2
    left, top, width, _ = place(person.page.locator("#still"))
    scale = width / person.page.eval_on_selector("#still", "still => still.width")
    for mark, face in zip(person.page.locator(".mark").all(), python(photos["both"]), strict=True):
        box = face.box
        expected = (left + box.left * scale, top + box.top * scale, box.width * scale, box.height * scale)
        assert place(mark) == pytest.approx(expected, abs=1)
    words = person.page.locator(".word").all_text_contents()
    expect(person.page.locator(".caption")).to_have_text([f"1: {words[0]}", f"2: {words[1]}"])
    expect(person.page.get_by_role("status").first).to_contain_text("2 faces")


def test_a_photo_without_a_face_and_a_file_that_is_none_are_told_in_clear_words(visit: Visits, tmp_path: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)).save(tmp_path / "noise.png")
    (tmp_path / "letter.png").write_text("no picture")
    person = visit()
    person.open()
    assert person.show(tmp_path / "noise.png") == []
    expect(person.page.locator("#hint")).to_contain_text("No face found")
    person.page.set_input_files("#file", tmp_path / "letter.png")
    expect(person.page.locator("#notice-title")).to_contain_text("no picture that this browser can read")


def test_of_two_photos_chosen_at_once_the_later_is_shown(visit: Visits, photos: Photos, python: Ask) -> None:
    slow_first = """
        const read = createImageBitmap;
        createImageBitmap = async (...photo) => {
            createImageBitmap = read;
            const first = await read(...photo);
            await new Promise(done => window.goOn = done);
            return first;
        };
    """
    person = visit()
    person.page.add_init_script(slow_first)
    page = person.open()
    page.set_input_files("#file", photos["both"])
    page.wait_for_function("() => window.goOn")
    page.set_input_files("#file", photos["hopper"])
    page.wait_for_selector("#faces[aria-busy=false] .face")
    page.evaluate("new Promise(done => { goOn(); setTimeout(done, 300); })")
    page.wait_for_selector("#faces[aria-busy=false] .face")
    with Image.open(photos["hopper"]) as hopper:
        assert page.eval_on_selector("#still", "still => still.width") == hopper.width
    agree(person.faces(), python(photos["hopper"]), tolerance=0.02)


def test_a_photo_can_be_dropped_and_pasted(visit: Visits, photos: Photos, python: Ask) -> None:
    person = visit()
    page = person.open()
    give = """([kind, bytes]) => {
        const data = new DataTransfer();
        const content = Uint8Array.from(atob(bytes), letter => letter.charCodeAt(0));
        data.items.add(new File([content], "photo.png", { type: "image/png" }));
        const init = { bubbles: true, cancelable: true, dataTransfer: data, clipboardData: data };
        document.body.dispatchEvent(kind === "paste" ? new ClipboardEvent(kind, init) : new DragEvent(kind, init));
    }"""
    for event, photo in {"paste": photos["hopper"], "drop": photos["both"]}.items():
        page.evaluate(give, [event, base64.b64encode(photo.read_bytes()).decode()])
        page.wait_for_selector("#faces[aria-busy=false] .face")
        agree(person.faces(), python(photo), tolerance=0.02)
