"""Measure the app in headless Chromium: frames, bytes, parity with Python; and take pictures of its states.

`PYTHONPATH=tests python -m bench.app` prints the tables; with `--pictures docs` it writes docs/app.jpg instead. It
needs what the app's tests need.
"""

from __future__ import annotations

import argparse
import gzip
import io
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import app_site
from app_site import Visit
from PIL import Image
from playwright.sync_api import Browser, Playwright, sync_playwright

from src import cli, predict
from src.faces import photos as files
from src.faces.detection import FaceDetector

FRAMES_MS = 15_000
SHEET_COLUMNS = 5
PHONE = (390, 844)
GREY = (150, 150, 150)


@contextmanager
def person(playwright: Playwright, site: Path, model: Path, *options: str, **context: object) -> Iterator[Visit]:
    """Give a visit with a browser of its own; `context` are Playwright's options of one."""
    with app_site.serve(site, model) as address:
        browser: Browser = playwright.chromium.launch(executable_path=app_site.CHROMIUM, args=list(options))
        size = {"width": PHONE[0], "height": PHONE[1]}
        page = browser.new_context(**{"viewport": size, **context}).new_page()  # type: ignore[arg-type]
        yield Visit(page, address, lambda: None)
        browser.close()


def print_frames(playwright: Playwright, site: Path, film: Path) -> None:
    """Print the median of each step while the camera runs."""
    camera = app_site.camera_options(film)
    with person(playwright, site, app_site.CHAMPION, *camera, permissions=["camera"]) as visit:
        visit.open().wait_for_timeout(FRAMES_MS)
        visit.page.click("#open-info")
        names, values = (visit.page.locator(f"#speed {tag}").all_text_contents() for tag in ("dt", "dd"))
    print("\n| step | median |\n|---|---|")
    print(*(f"| {name} | {value} |" for name, value in zip(names, values, strict=True)), sep="\n")


def print_bytes(site: Path) -> None:
    """Print the size of every file that a first visit fetches, as it is and by gzip."""
    paths = [*site.rglob("*.*"), *app_site.CHAMPION.iterdir()]
    paths = [path for path in paths if path.is_file() and site / "model" not in path.parents]
    sizes = {path: (path.stat().st_size, len(gzip.compress(path.read_bytes(), 9))) for path in paths}
    print("\n| file | bytes | gzip |\n|---|---|---|")
    for path, (plain, packed) in sorted(sizes.items(), key=lambda item: -item[1][1]):
        print(f"| {path.name} | {plain:,} | {packed:,} |")
    plain, packed = (sum(size[kind] for size in sizes.values()) for kind in (0, 1))
    print(f"| together | {plain:,} | {packed:,} |")


def print_parity(playwright: Playwright, site: Path, folder: Path) -> None:
    """Print for each photo, as PNG and as JPEG, how far the app's probabilities lie from Python's."""
    with cli.hushed():
        champion, detector = predict.load_model(app_site.CHAMPION), FaceDetector()
    print("\n| photo | face | Python | app, PNG | most apart, PNG | most apart, JPEG |\n|---|---|---|---|---|---|")
    with person(playwright, site, app_site.CHAMPION) as visit:
        visit.open()
        for name, picture in app_site.pictures().items():
            apart = {}
            for suffix, mode in {"jpg": "RGB", "png": picture.mode}.items():
                path = folder / f"{name}.{suffix}"
                picture.convert(mode).save(path, quality=85)
                expected = [face.probabilities for face in predict.find_faces(files.read(path), champion, detector)]
                found = visit.show(path)
                pairs = zip(found, expected, strict=True)
                apart[suffix] = [max(abs(one[label] - other[label]) for label in other) for one, other in pairs]
            for index, (here, there) in enumerate(zip(found, expected, strict=True)):
                texts = [" / ".join(f"{value:.3f}" for value in row.values()) for row in (there, here)]
                far = [f"{apart[suffix][index]:.4f}" for suffix in ("png", "jpg")]
                print("|", " | ".join([name, str(index + 1), *texts, *far]), "|")


def pictures(playwright: Playwright, site: Path, folder: Path, film: Path) -> list[Image.Image]:
    """Take a picture of each state, upright, in turns light and dark."""
    taken: list[Image.Image] = []

    def take(visit: Visit) -> None:
        visit.page.wait_for_timeout(500)
        taken.append(Image.open(io.BytesIO(visit.page.screenshot())).convert("RGB"))

    both, plain, drawn = folder / "both.png", folder / "plain.png", folder / "drawn"
    app_site.pictures()["both"].save(both)
    Image.new("RGB", (300, 300), (96, 120, 116)).save(plain)
    camera = app_site.camera_options(film)
    model = Path(shutil.copytree(app_site.CHAMPION, folder / "model"))
    with person(playwright, site, model, *app_site.camera_options()) as visit:
        visit.open()
        take(visit)
        visit.page.click("#start")
        visit.page.wait_for_selector("body[data-state=trouble]")
        take(visit)
        visit.show(both)
        take(visit)
        visit.show(plain)
        take(visit)
    with person(playwright, site, model, *camera, permissions=["camera"], color_scheme="dark") as visit:
        visit.open().wait_for_selector(".face")
        visit.page.wait_for_timeout(2500)
        take(visit)
        visit.page.click("#open-info")
        take(visit)
        visit.page.locator("#card").evaluate("card => card.scrollIntoView()")
        take(visit)
        visit.page.click("#close-info")
        visit.page.click("#toggle")
        take(visit)
        (model / "emotion.tflite").write_bytes(b"tampered with")
        (model / "deployed.json").write_text(
            (model / "deployed.json").read_text().replace('"version": "', '"version": "1')
        )
        visit.look_for_a_newer_model()
        visit.page.click("#close-info")
        take(visit)
    app_site.put_model(drawn, "1", drawn=True, name="fer-emotion-drawn")
    with person(playwright, site, drawn) as visit:
        visit.open()
        take(visit)
    return taken


def sheet(taken: list[Image.Image]) -> Image.Image:
    """Lay the pictures side by side, at half their size."""
    width, height = PHONE[0] // 2, PHONE[1] // 2
    rows = -(-len(taken) // SHEET_COLUMNS)
    whole = Image.new("RGB", (SHEET_COLUMNS * (width + 8) + 8, rows * (height + 8) + 8), GREY)
    for index, picture in enumerate(taken):
        row, column = divmod(index, SHEET_COLUMNS)
        small = picture.resize((width, height), Image.Resampling.LANCZOS)
        whole.paste(small, (8 + column * (width + 8), 8 + row * (height + 8)))
    return whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="only write app.jpg there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        folder = Path(scratch)
        site = folder / "site"
        app_site.npm("run", "build", "--", "--outDir", str(site))
        film = app_site.film(folder / "film.mjpeg", app_site.pictures()["astronaut"])
        if options.pictures:
            taken = pictures(playwright, site, folder, film)
            sheet(taken).save(options.pictures / "app.jpg", quality=85)
            return
        print_frames(playwright, site, film)
        print_bytes(site)
        print_parity(playwright, site, folder)


if __name__ == "__main__":
    main()
