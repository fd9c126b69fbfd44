"""The app in a real browser: camera and photos, without network, a new champion, and the same answers as Python."""

import base64
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import app_golden
import app_site
import numpy as np
import pytest
from PIL import Image

from src import cli, predict
from src.faces import photos
from src.faces.detection import FaceDetector
from src.faces.drawn import draw
from src.fer2013 import EMOTIONS, SIDE
from src.tracking import bundle

if missing := app_site.what_is_missing():
    assert "REQUIRE_APP" not in os.environ, missing
    pytest.skip(missing, allow_module_level=True)

from playwright.sync_api import Browser, Error, Page, expect, sync_playwright

READY = "body:not([data-state=loading])"
PHONE = {"width": 390, "height": 844}
Probabilities = list[dict[str, float]]
Ask = Callable[[Path], list[predict.Found]]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the page once, checked by the compiler of TypeScript."""
    folder = tmp_path_factory.mktemp("app") / "dist"
    app_site.npm("run", "build", "--", "--outDir", str(folder), "--logLevel", "warn")
    return folder


@pytest.fixture(scope="module")
def launch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Browser]]:
    """Give a function that starts Chromium with some options, or gives back the one that was started with them."""
    running: dict[tuple[str, ...], Browser] = {}
    with sync_playwright() as playwright:

        def start(*options: str) -> Browser:
            if options not in running:
                chromium = playwright.chromium
                running[options] = chromium.launch(executable_path=app_site.CHROMIUM, args=list(options))
            return running[options]

        yield start
        for browser in running.values():
            browser.close()


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory, pictures: dict[str, Image.Image]) -> Path:
    return app_site.film(tmp_path_factory.mktemp("film") / "astronaut.mjpeg", pictures["astronaut"])


@pytest.fixture(scope="module")
def pictures() -> dict[str, Image.Image]:
    return app_site.photos()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Give the folder that the site serves as model/: a copy of the committed champion."""
    return Path(shutil.copytree(app_site.CHAMPION, tmp_path / "model"))


class Visit:
    """A person's browser at a site of its own; `requests` are the addresses that it asked for.

    Attributes:
        page: The open page.
        stop: Switches the server off.
    """

    def __init__(self, page: Page, address: str, stop: Callable[[], None]) -> None:
        self.page, self.address, self.stop = page, address, stop
        self.requests: list[str] = []
        page.context.on("request", lambda request: self.requests.append(request.url))

    def open(self) -> Page:
        self.page.goto(self.address)
        self.page.wait_for_selector(READY)
        return self.page

    def show(self, photo: Path) -> Probabilities:
        """Choose a photo and give what the page says of each face, the most certain one first."""
        self.page.set_input_files("#file", photo)
        self.page.wait_for_selector("#faces[aria-busy=false]", state="attached")
        return self.faces()

    def faces(self) -> Probabilities:
        read = "faces => faces.map(face => Array.from(face.querySelectorAll('[role=meter]'),"
        rows = self.page.eval_on_selector_all(
            "#faces > li", read + "bar => [bar.ariaLabel, Number(bar.ariaValueNow)]))"
        )
        return [dict(row) for row in rows]


@pytest.fixture
def visit(built: Path, launch: Callable[..., Browser], model: Path) -> Iterator[Callable[..., Visit]]:
    """Give a function that lets a person with a fresh browser visit; it takes Chromium's options and a context's."""
    with ExitStack() as stack:

        def begin(*options: str, **context: Any) -> Visit:
            server = stack.enter_context(ExitStack())
            address = server.enter_context(app_site.serve(built, model))
            browser = launch(*options).new_context(viewport=PHONE, **context)
            stack.callback(browser.close)
            return Visit(browser.new_page(), address, server.close)

        yield begin


@pytest.fixture
def live(visit: Callable[..., Visit], film: Path) -> Visit:
    """Give a visit whose camera shows a photo, already allowed, so that the page starts with it."""
    visit = visit(*app_site.camera_options(film), permissions=["camera"])
    visit.open()
    visit.page.wait_for_selector("body[data-state=live] .face")
    return visit


@pytest.fixture(scope="module")
def python() -> Ask:
    """Give a function that says what Python finds in a photo, with the committed champion."""
    with cli.hushed():
        champion, detector = predict.load_model(app_site.CHAMPION), FaceDetector()
    return lambda path: predict.find_faces(photos.read(path), champion, detector)


def variants(pictures: dict[str, Image.Image]) -> dict[str, Image.Image]:
    """Give different faces of the people we have: whole, turned round, dark, small, tilted, grey, transparent."""
    astronaut, hopper = pictures["astronaut"], pictures["hopper"]
    transparent = hopper.copy()
    transparent.putalpha(200)
    return {
        "astronaut": astronaut,
        "hopper": hopper,
        "both": pictures["both"],
        "flipped": hopper.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        "dark": astronaut.point(lambda level: level * 0.5),
        "small": astronaut.crop((80, 0, 380, 300)).resize((97, 97)),
        "large": hopper.resize((1501, 1777)),
        "tilted": astronaut.rotate(12, resample=Image.Resampling.BICUBIC),
        "grey": hopper.convert("L"),
        "transparent": transparent,
    }


def agree(found: Probabilities, expected: list[predict.Found], tolerance: float) -> None:
    assert len(found) == len(expected) > 0
    for here, there in zip(found, expected, strict=True):
        assert here == pytest.approx(there.probabilities, abs=tolerance)
        assert max(here, key=here.__getitem__) == there.emotion


def test_on_the_same_pixels_the_app_says_what_python_says(
    visit: Callable[..., Visit], pictures: dict[str, Image.Image], tmp_path: Path, python: Ask
) -> None:
    person = visit()
    person.open()
    for name, picture in variants(pictures).items():
        picture.save(tmp_path / f"{name}.png")
        agree(person.show(tmp_path / f"{name}.png"), python(tmp_path / f"{name}.png"), tolerance=0.02)


def test_on_a_jpeg_the_app_says_what_python_says(
    visit: Callable[..., Visit], pictures: dict[str, Image.Image], tmp_path: Path, python: Ask
) -> None:
    person = visit()
    person.open()
    for name, quality in {"astronaut": 60, "hopper": 95}.items():
        pictures[name].save(tmp_path / f"{name}.jpg", quality=quality)
        agree(person.show(tmp_path / f"{name}.jpg"), python(tmp_path / f"{name}.jpg"), tolerance=0.05)


def test_a_photo_taken_with_the_phone_held_upright_is_turned_as_its_exif_says(
    visit: Callable[..., Visit], pictures: dict[str, Image.Image], tmp_path: Path, python: Ask
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees, clockwise
    lying = pictures["hopper"].transpose(Image.Transpose.ROTATE_90)
    lying.save(tmp_path / "lying.jpg", quality=95, exif=exif)
    person = visit()
    person.open()
    agree(person.show(tmp_path / "lying.jpg"), python(tmp_path / "lying.jpg"), tolerance=0.05)


def test_two_faces_are_framed_and_numbered_where_python_finds_them(
    visit: Callable[..., Visit], pictures: dict[str, Image.Image], tmp_path: Path, python: Ask
) -> None:
    pictures["both"].save(tmp_path / "both.png")
    person = visit()
    person.open()
    assert len(person.show(tmp_path / "both.png")) == 2
    frame = person.page.locator("#still").bounding_box()
    for mark, face in zip(person.page.locator(".mark").all(), python(tmp_path / "both.png"), strict=True):
        box, scale = mark.bounding_box(), frame["width"] / pictures["both"].width
        found = [box["x"] - frame["x"], box["y"] - frame["y"], box["width"], box["height"]]
        assert found == pytest.approx([value * scale for value in face.box], abs=1)
    expect(person.page.locator(".caption").first).to_have_text(
        "1: " + str(person.page.locator(".word").first.text_content())
    )
    expect(person.page.get_by_role("status").first).to_contain_text("2 faces")


def test_the_camera_shows_a_face_with_its_frame_emotion_and_times(
    live: Visit, pictures: dict, tmp_path: Path, python: Ask
) -> None:
    live.page.wait_for_timeout(1500)  # smoothing settles
    frame = Image.new("RGB", app_site.CAMERA_SIZE, (110, 110, 110))
    frame.paste(pictures["astronaut"].resize((480, 480)), (80, 0))
    frame.save(tmp_path / "frame.png")
    (expected,) = python(tmp_path / "frame.png")
    (found,) = live.faces()
    assert found == pytest.approx(expected.probabilities, abs=0.1)  # films are compressed
    expect(live.page.locator(".mark")).to_have_count(1)
    live.page.get_by_role("button", name="About the model").click()
    times = dict(
        zip(
            live.page.locator("#speed dt").all_text_contents(),
            live.page.locator("#speed dd").all_text_contents(),
            strict=True,
        )
    )
    assert list(times) == [
        "Take the frame",
        "Find faces",
        "Cut them out",
        "Read expressions",
        "All together",
        "Frames in a second",
    ]
    assert all(float(value.removesuffix(" ms")) > 0 for value in times.values())


def test_pause_switches_the_camera_off_and_keeps_the_picture(live: Visit) -> None:
    live.page.get_by_role("button", name="Pause").click()
    assert live.page.evaluate(
        "document.getElementById('video').srcObject.getTracks().map(track => track.readyState)"
    ) == ["ended"]
    expect(live.page.locator("#still")).to_be_visible()
    expect(live.page.locator(".face")).to_have_count(1)
    live.page.get_by_role("button", name="Go on").click()
    live.page.wait_for_selector("body[data-state=live] .face")


def test_the_mirror_turns_the_picture_and_the_frame_round_a_face(live: Visit) -> None:
    def place() -> float:
        return live.page.eval_on_selector(
            ".mark", "mark => parseFloat(mark.style.left) + parseFloat(mark.style.width) / 2"
        )

    button = live.page.get_by_role("button", name="Mirror")
    expect(button).to_have_attribute("aria-pressed", "true")
    before = place()
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")
    live.page.wait_for_timeout(300)
    assert place() == pytest.approx(100 - before, abs=0.5)


def test_every_button_works_by_keyboard(live: Visit) -> None:
    live.page.keyboard.press("i")
    expect(live.page.get_by_role("dialog")).to_be_visible()
    live.page.keyboard.press("Escape")
    expect(live.page.get_by_role("dialog")).to_be_hidden()
    live.page.keyboard.press("m")
    expect(live.page.locator("#mirror")).to_have_attribute("aria-pressed", "false")
    live.page.evaluate("document.activeElement.blur()")
    live.page.keyboard.press(" ")
    live.page.wait_for_selector("body[data-state=paused]")
    with live.page.expect_file_chooser():
        live.page.keyboard.press("p")
    names = []
    for _ in range(5):
        live.page.keyboard.press("Tab")
        names.append(live.page.evaluate("document.activeElement.id"))
    assert {"mirror", "open-info", "photo", "toggle"} <= set(names)


def test_without_a_face_the_page_says_what_to_do_and_changes_to_the_other_camera(visit: Callable[..., Visit]) -> None:
    person = visit(*app_site.camera_options(cameras=2), permissions=["camera"])
    page = person.open()
    expect(page.locator("#hint")).to_contain_text("No face in sight")
    expect(page.locator("#no-face")).to_be_visible()
    current = "document.getElementById('video').srcObject.getVideoTracks()[0].getSettings().deviceId"
    first = page.evaluate(current)
    page.get_by_role("button", name="Change camera").click()
    for _ in range(50):
        if page.evaluate(current) != first:
            break
        page.wait_for_timeout(100)
    assert page.evaluate(current) != first


def test_a_camera_that_is_refused_missing_or_busy_is_told_in_clear_words(visit: Callable[..., Visit]) -> None:
    busy = "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('in use', 'NotReadableError') }"
    for words, options, context, script in [
        ("not allowed", app_site.camera_options(), {}, ""),
        ("No camera found", [], {"permissions": ["camera"]}, ""),
        ("busy", [], {}, busy),
    ]:
        person = visit(*options, **context)
        person.page.add_init_script(script)
        page = person.open()
        if page.locator("body[data-state=welcome]").count():
            page.get_by_role("button", name="Use the camera").first.click()
        expect(page.locator("#notice-title")).to_contain_text(words)
        expect(page.get_by_role("button", name="Try again")).to_be_visible()
        expect(page.locator("#choose")).to_be_visible()


def test_a_browser_that_is_too_old_is_told_so(visit: Callable[..., Visit]) -> None:
    person = visit()
    person.page.add_init_script("delete window.WebAssembly")
    expect(person.open().locator("#notice-title")).to_have_text("This browser is too old")


def test_a_photo_without_a_face_and_a_file_that_is_none_are_told_in_clear_words(
    visit: Callable[..., Visit], tmp_path: Path
) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)).save(tmp_path / "noise.png")
    (tmp_path / "letter.png").write_text("no picture")
    person = visit()
    person.open()
    assert person.show(tmp_path / "noise.png") == []
    expect(person.page.locator("#hint")).to_contain_text("No face found")
    person.page.set_input_files("#file", tmp_path / "letter.png")
    expect(person.page.locator("#notice-title")).to_contain_text("no picture that this browser can read")


@pytest.mark.parametrize("event", ["paste", "drop"])
def test_a_photo_can_be_dropped_and_pasted(
    visit: Callable[..., Visit], pictures: dict[str, Image.Image], tmp_path: Path, event: str, python: Ask
) -> None:
    pictures["hopper"].save(tmp_path / "hopper.png")
    person = visit()
    page = person.open()
    give = """([kind, bytes]) => {
        const data = new DataTransfer();
        const content = Uint8Array.from(atob(bytes), letter => letter.charCodeAt(0));
        data.items.add(new File([content], "photo.png", { type: "image/png" }));
        const init = { bubbles: true, cancelable: true, dataTransfer: data, clipboardData: data };
        document.body.dispatchEvent(kind === "paste" ? new ClipboardEvent(kind, init) : new DragEvent(kind, init));
    }"""
    page.evaluate(give, [event, base64.b64encode((tmp_path / "hopper.png").read_bytes()).decode()])
    page.wait_for_selector("#faces[aria-busy=false] .face")
    agree(person.faces(), python(tmp_path / "hopper.png"), tolerance=0.02)


def test_after_the_first_visit_everything_works_without_network(
    visit: Callable[..., Visit], pictures: dict[str, Image.Image], tmp_path: Path, python: Ask
) -> None:
    pictures["hopper"].save(tmp_path / "hopper.png")
    person = visit()
    page = person.open()
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    person.stop()
    page.reload()
    page.wait_for_selector(READY)
    agree(person.show(tmp_path / "hopper.png"), python(tmp_path / "hopper.png"), tolerance=0.02)
    look_for_a_newer_model(page)
    expect(page.locator("#update-state")).to_contain_text("can't be reached")


def look_for_a_newer_model(page: Page) -> None:
    page.get_by_role("button", name="About the model").click()
    page.get_by_role("button", name="Look for a newer model").click()


@pytest.fixture(scope="module")
def seven_emotions() -> bytes:
    """Give a network in float32 that says something about each of FER2013's seven emotions."""
    with cli.hushed():
        import keras

        from src.network import conversion

        keras.utils.set_random_seed(1)
        layers = [keras.layers.AveragePooling2D(8), keras.layers.Rescaling(1 / 64), keras.layers.Flatten()]
        output = keras.layers.Dense(len(EMOTIONS), "softmax")
        network = keras.Sequential([keras.Input((SIDE, SIDE, 1)), *layers, output])
        return conversion.convert(network, draw(20, seed=5)[0][..., None])["float32"]


def test_a_new_champion_with_other_emotions_takes_over_and_stays(
    visit: Callable[..., Visit],
    model: Path,
    seven_emotions: bytes,
    pictures: dict[str, Image.Image],
    tmp_path: Path,
) -> None:
    pictures["hopper"].save(tmp_path / "hopper.png")
    person = visit()
    page = person.open()
    person.show(tmp_path / "hopper.png")
    app_site.put_model(model, "12", seven_emotions, labels=list(EMOTIONS))
    look_for_a_newer_model(page)
    expect(page.locator("#update-state")).to_have_text("Changed to fer-emotion version 12.")
    with cli.hushed():
        expected = predict.find_faces(photos.read(tmp_path / "hopper.png"), predict.load_model(model), FaceDetector())
    agree(person.faces(), expected, tolerance=0.02)  # the photo that stands is looked at anew
    expect(page.locator("#facts")).to_contain_text("fer-emotion 12")
    shutil.rmtree(model)
    page.reload()
    page.wait_for_selector(READY)
    (found,) = person.show(tmp_path / "hopper.png")
    assert list(found) == list(EMOTIONS)


def change_a_byte(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)


def swap_golden(folder: Path) -> None:
    """Make the golden samples expect something else, with every digest as it should be."""
    golden = json.loads((folder / bundle.GOLDEN).read_text(encoding="utf-8"))
    for sample in golden["samples"]:
        sample["probabilities"].reverse()
    (folder / bundle.GOLDEN).write_text(json.dumps(golden), encoding="utf-8")
    manifest = json.loads((folder / bundle.MANIFEST).read_text(encoding="utf-8"))
    manifest["files"][bundle.GOLDEN] = bundle._fingerprint(folder / bundle.GOLDEN)
    (folder / bundle.MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    deployed = json.loads((folder / "deployed.json").read_text(encoding="utf-8"))
    (folder / "deployed.json").write_text(json.dumps({**deployed, "bundle": bundle.digest(folder)}), encoding="utf-8")


@pytest.mark.parametrize(
    ("tamper", "words"),
    [
        (lambda folder: change_a_byte(folder, bundle.MODEL), "emotion.tflite was changed"),
        (lambda folder: change_a_byte(folder, bundle.MANIFEST), "manifest.json was changed"),
        (lambda folder: (folder / bundle.CARD).unlink(), "card.md: the server answers with status 404"),
        (swap_golden, "golden sample 1 came out as"),
    ],
    ids=["network", "manifest", "a file is missing", "golden samples"],
)
def test_a_model_that_was_tampered_with_is_refused_and_the_old_one_kept(
    visit: Callable[..., Visit], model: Path, tamper: Callable[[Path], None], words: str
) -> None:
    app_site.put_model(model, "5")
    page = visit().open()
    app_site.put_model(model, "6", card="# another")
    tamper(model)
    look_for_a_newer_model(page)
    expect(page.locator("#update-state")).to_contain_text("was refused, the present one stays")
    expect(page.locator("#update-state")).to_contain_text(words)
    expect(page.get_by_role("alert")).to_contain_text(words)
    page.reload()
    page.wait_for_selector(READY)
    expect(page.locator("#facts")).to_contain_text("fer-emotion 5")


def test_on_the_first_visit_a_model_that_was_tampered_with_is_told_in_clear_words(
    visit: Callable[..., Visit], model: Path
) -> None:
    change_a_byte(model, bundle.MODEL)
    page = visit().open()
    expect(page.locator("#notice-title")).to_have_text("The page can't start")
    expect(page.locator("#notice-text")).to_contain_text("emotion.tflite was changed")


def test_a_model_trained_on_drawn_faces_says_so_large(visit: Callable[..., Visit], model: Path) -> None:
    app_site.put_model(model, "1", drawn=True)
    page = visit().open()
    warning = page.get_by_text("Trained on drawn faces.")
    expect(warning).to_be_visible()
    assert (
        float(page.eval_on_selector("#drawn-warning strong", "strong => parseFloat(getComputedStyle(strong).fontSize)"))
        >= 24
    )


def test_the_panel_shows_what_the_bundle_says(visit: Callable[..., Visit], model: Path) -> None:
    card = "# Title\n\n**Bold** and <img src=x onerror=alert(1)>\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n## Data"
    metrics = {"test/accuracy": 0.5, "test/accuracy_low": 0.4, "test/accuracy_high": 0.6, "test/images": 1234}
    app_site.put_model(model, "7", card=card, protocol="pooled", metrics=metrics)
    page = visit().open()
    page.get_by_role("button", name="About the model").click()
    for words in ("fer-emotion 7", "50.0 %", "40.0 to 60.0 %", "1,234", "pooled"):
        expect(page.locator("#facts")).to_contain_text(words)
    expect(page.locator("#card h3")).to_have_text("Title")
    expect(page.locator("#card strong")).to_have_text("Bold")
    expect(page.locator("#card td")).to_have_text(["1", "2"])
    expect(page.locator("#card img")).to_have_count(0)


def test_no_request_goes_to_another_host_and_none_could(live: Visit, pictures: dict, tmp_path: Path) -> None:
    pictures["both"].save(tmp_path / "both.png")
    live.page.get_by_role("button", name="Choose a photo").wait_for()
    assert len(live.show(tmp_path / "both.png")) == 2
    look_for_a_newer_model(live.page)
    expect(live.page.locator("#update-state")).to_have_text("This is the newest model.")
    assert len(live.requests) > 8
    assert [url for url in live.requests if not url.startswith(live.address)] == []
    for attempt in ("fetch('https://example.com/')", "fetch('data:text/plain,x')"):
        with pytest.raises(Error, match="Failed to fetch"):
            live.page.evaluate(attempt)
    blocked = """new Promise(done => {
        addEventListener("securitypolicyviolation", event => done(event.effectiveDirective));
        new Image().src = "https://example.com/x.png";
    })"""
    assert live.page.evaluate(blocked) == "img-src"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_complain_about(
    visit: Callable[..., Visit], pictures: dict, tmp_path: Path, scheme: str
) -> None:
    axe = (app_site.APP / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
    pictures["both"].save(tmp_path / "both.png")
    person = visit(color_scheme=scheme)
    page = person.open()

    def complaints() -> list[str]:
        page.wait_for_timeout(300)  # fading colours are not the final ones
        found = page.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]
        return [f"{problem['id']}: {node['html']}" for problem in found for node in problem["nodes"]]

    page.evaluate(axe)
    assert complaints() == []
    person.show(tmp_path / "both.png")
    assert complaints() == []
    page.get_by_role("button", name="About the model").click()
    assert complaints() == []


@pytest.mark.parametrize("size", [(320, 568), (390, 844), (844, 390), (768, 1024), (1440, 900)], ids=str)
def test_buttons_are_large_and_nothing_sticks_out_on_any_screen(
    visit: Callable[..., Visit], pictures: dict, tmp_path: Path, size: tuple[int, int]
) -> None:
    pictures["both"].save(tmp_path / "both.png")
    person = visit()
    page = person.open()
    page.set_viewport_size({"width": size[0], "height": size[1]})
    for show in (lambda: None, lambda: person.show(tmp_path / "both.png")):
        show()
        for button in page.locator("button:visible").all():
            box = button.bounding_box()
            assert box["width"] >= 44, button
            assert box["height"] >= 44, button
            assert 0 <= box["x"] <= size[0] - box["width"], button
            assert 0 <= box["y"] <= size[1] - box["height"], button
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_the_page_can_be_installed(visit: Callable[..., Visit]) -> None:
    page = visit().open()
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    chromium = page.context.new_cdp_session(page)
    assert chromium.send("Page.getAppManifest")["errors"] == []
    problems = [problem["errorId"] for problem in chromium.send("Page.getInstallabilityErrors")["installabilityErrors"]]
    assert set(problems) <= {"in-incognito"}  # where every test runs


def test_the_golden_numbers_of_the_unit_tests_are_those_of_the_python_code() -> None:
    kept = json.loads(app_golden.FILE.read_text(encoding="utf-8"))
    assert kept == json.loads(json.dumps(app_golden.golden())), "run `python tests/app_golden.py`"


def test_the_units_of_the_app() -> None:
    app_site.npm("test")


def test_the_locked_packages_hold_no_addresses() -> None:
    packages = json.loads((app_site.APP / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert len(packages) > 20
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert all("integrity" in package for name, package in packages.items() if name)
