"""The app's model: another champion takes over only when it is sound, and what is shown comes from its bundle."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import app_site
import pytest
from app_site import READY, Photos, Visit, agree
from playwright.sync_api import expect

from src import cli, predict
from src.faces import photos as files
from src.faces.detection import FaceDetector
from src.fer2013 import EMOTIONS, SIDE
from src.tracking import bundle, handover

pytest_plugins = ["app_fixtures"]
Ask = Callable[[Path], list[predict.Found]]
Visits = Callable[..., Visit]


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
        return conversion.to_tflite(network, "uint8", float32=None)["float32"]


def test_a_new_champion_with_other_emotions_takes_over_and_stays(
    visit: Visits,
    model: Path,
    seven_emotions: bytes,
    photos: Photos,
) -> None:
    person = visit()
    page = person.open()
    person.show(photos["hopper"])
    app_site.put_model(model, "12", seven_emotions, labels=list(EMOTIONS))
    expect(person.look_for_a_newer_model()).to_have_text("Changed to fer-emotion version 12.")
    with cli.hushed():
        expected = predict.find_faces(files.read(photos["hopper"]), predict.load_model(model), FaceDetector())
    agree(person.faces(), expected, tolerance=0.02)  # the photo that stands is looked at anew
    expect(page.locator("#facts")).to_contain_text("fer-emotion 12")
    shutil.rmtree(model)
    page.reload()
    page.wait_for_selector(READY)
    (found,) = person.show(photos["hopper"])
    assert list(found) == list(EMOTIONS)


def change_a_byte(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)


def rewrite(folder: Path, change: Callable[[dict, dict], None]) -> None:
    """Change golden samples and manifest, with every digest as it should be."""
    golden = json.loads((folder / bundle.GOLDEN).read_text(encoding="utf-8"))
    manifest = json.loads((folder / bundle.MANIFEST).read_text(encoding="utf-8"))
    change(golden, manifest)
    (folder / bundle.GOLDEN).write_text(json.dumps(golden), encoding="utf-8")
    if bundle.GOLDEN in manifest["files"]:
        manifest["files"][bundle.GOLDEN] = bundle._fingerprint(folder / bundle.GOLDEN)
    (folder / bundle.MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    deployed = json.loads((folder / "deployed.json").read_text(encoding="utf-8"))
    (folder / "deployed.json").write_text(json.dumps({**deployed, "bundle": bundle.digest(folder)}), encoding="utf-8")


def swap_answers(golden: dict, _: dict) -> None:
    for sample in golden["samples"]:
        sample["probabilities"].reverse()


TAMPERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "network": (lambda folder: change_a_byte(folder, bundle.MODEL), "emotion.tflite was changed"),
    "manifest": (lambda folder: change_a_byte(folder, bundle.MANIFEST), "manifest.json was changed"),
    "no tolerance": (
        lambda folder: rewrite(folder, lambda golden, _: golden.pop("tolerance")),
        "no sample or no tolerance",
    ),
    "a file is missing": (
        lambda folder: (folder / bundle.CARD).unlink(),
        "card.md: the server answers with status 404",
    ),
    "no bundle in the note": (
        lambda folder: (folder / handover.NOTE).write_text('{"version": "6"}'),
        "bundle undefined: expected words",
    ),
    "golden samples": (lambda folder: rewrite(folder, swap_answers), "golden sample 1 came out as"),
    "no samples": (  # not next to "no tolerance": the same reason again brings no alert
        lambda folder: rewrite(folder, lambda golden, _: golden["samples"].clear()),
        "no sample or no tolerance",
    ),
    "not listed": (
        lambda folder: rewrite(folder, lambda _, manifest: manifest["files"].pop(bundle.MODEL)),
        "manifest.json lists",
    ),
    "no crop": (
        lambda folder: rewrite(folder, lambda _, manifest: manifest.pop("crop")),
        "expected names and three numbers",
    ),
}


def test_a_model_that_was_tampered_with_is_refused_and_the_old_one_kept(visit: Visits, model: Path) -> None:
    app_site.put_model(model, "5")
    person = visit()
    page = person.open()
    said = person.look_for_a_newer_model()
    expect(said).to_have_text("This is the newest model.")
    for case, (tamper, words) in TAMPERS.items():
        app_site.put_model(model, "6", card="# another")
        tamper(model)
        page.evaluate("for (const id of ['update-state', 'toast']) document.getElementById(id).textContent = ''")
        page.get_by_role("button", name="Look for a newer model").click()
        expect(said, case).to_contain_text("was refused, the present one stays")
        expect(said, case).to_contain_text(words)
        expect(page.get_by_role("alert"), case).to_contain_text(words)
        expect(page.locator("#facts"), case).to_contain_text("fer-emotion 5")
    page.reload()
    page.wait_for_selector(READY)
    expect(page.locator("#facts")).to_contain_text("fer-emotion 5")


def test_a_new_champion_is_found_when_the_network_comes_back(visit: Visits, model: Path) -> None:
    person = visit()
    page = person.open()
    expect(person.look_for_a_newer_model()).to_have_text("This is the newest model.")  # it looks by itself, too
    app_site.put_model(model, "8")
    page.evaluate("for (const name of ['online', 'online']) dispatchEvent(new Event(name))")
    expect(page.get_by_role("alert")).to_have_text("Changed to fer-emotion version 8.")
    expect(page.locator("#facts")).to_contain_text("fer-emotion 8")


def test_a_server_that_never_answers_or_is_down_does_not_keep_out_the_next_champion(visit: Visits, model: Path) -> None:
    person = visit()
    quick = "const { timeout } = AbortSignal; AbortSignal.timeout = () => timeout.call(AbortSignal, 2000);"
    person.page.add_init_script(quick)
    page = person.open()
    page.route("**/model/deployed.json", lambda _: None)
    expect(person.look_for_a_newer_model()).to_contain_text("can't be reached")
    page.unroute("**/model/deployed.json")
    page.route("**/model/deployed.json", lambda route: route.fulfill(status=503))
    page.get_by_role("button", name="Look for a newer model").click()
    expect(page.locator("#update-state")).to_contain_text("can't be reached")
    page.unroute("**/model/deployed.json")
    app_site.put_model(model, "8")
    page.get_by_role("button", name="Look for a newer model").click()
    expect(page.locator("#update-state")).to_have_text("Changed to fer-emotion version 8.")


def test_a_model_that_says_little_about_itself_is_looked_with(visit: Visits, model: Path, photos: Photos) -> None:
    app_site.put_model(model, "9", metrics={"test/accuracy": 0.5})
    person = visit()
    person.open()
    assert len(person.show(photos["hopper"])) == 1
    expect(person.page.locator("#facts")).to_contain_text("fer-emotion 9")


def test_on_the_first_visit_a_model_that_was_tampered_with_is_told_in_clear_words(visit: Visits, model: Path) -> None:
    change_a_byte(model, bundle.MODEL)
    page = visit().open()
    expect(page.locator("#notice-title")).to_have_text("The page can't start")
    expect(page.locator("#notice-text")).to_contain_text("emotion.tflite was changed")


def test_a_model_trained_on_drawn_faces_says_so_large(visit: Visits, model: Path) -> None:
    app_site.put_model(model, "1", drawn=True)
    page = visit().open()
    warning = page.get_by_text("Trained on drawn faces.")
    expect(warning).to_be_visible()
    assert (
        float(page.eval_on_selector("#drawn-warning strong", "strong => parseFloat(getComputedStyle(strong).fontSize)"))
        >= 24
    )


def test_the_panel_shows_what_the_bundle_says(visit: Visits, model: Path) -> None:
    card = "# Title\n\n**Bold** and <img src=x onerror=alert(1)>\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n## Data"
    metrics = {"test/accuracy": 0.5, "test/accuracy_low": 0.4, "test/accuracy_high": 0.6, "test/images": 1234}
    facts = {"protocol": "pooled", "metrics": metrics, "git_commit": "c0ffee" * 6, "git_dirty": True}
    app_site.put_model(model, "7", None, card, **facts)
    page = visit().open()
    page.get_by_role("button", name="About the model").click()
    for words in ("fer-emotion 7", "50.0 %", "40.0 to 60.0 %", "1,234", "pooled", "c0ffeec0ff, with changes"):
        expect(page.locator("#facts")).to_contain_text(words)
    expect(page.locator("#card h3")).to_have_text("Title")
    expect(page.locator("#card strong")).to_have_text("Bold")
    expect(page.locator("#card td")).to_have_text(["1", "2"])
    expect(page.locator("#card img")).to_have_count(0)
