"""The app as a person meets it: built, served with some model, opened in Debian's Chromium with a camera of our own."""

import functools
import io
import json
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from modules import ROOT
from PIL import Image, ImageOps
from playwright.sync_api import Locator, Page, Request

from src import cli, predict
from src.faces.drawn import draw
from src.tracking import bundle, handover

APP = ROOT / "app"
CHAMPION = APP / "public/model"
CHROMIUM = shutil.which("chromium")
CAMERA_SIZE = (640, 480)
READY = "#open-info:enabled, body[data-state=trouble]"

Photos = dict[str, Path]
Probabilities = list[dict[str, float]]


def what_is_missing() -> str | None:
    """Say in one line what the browser tests lack on this machine, and how to get it."""
    if not CHROMIUM:
        return "no chromium; `apt-get install chromium`"
    node = shutil.which("node")
    if not node:
        return "no node; install it from nodejs.org"
    asked = subprocess.run([node, APP / "demand-node.cjs"], capture_output=True, text=True)
    if asked.returncode != 0:
        return asked.stderr.strip()
    if not (APP / "node_modules/vite").exists():
        return "the app's packages are not installed; `make app/node_modules/.package-lock.json`"
    return None


def npm(*words: str) -> None:
    """Run npm in app/.

    Raises:
        AssertionError: It failed; the message is what it printed.
    """
    done = subprocess.run(["npm", *words], cwd=APP, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def put_model(folder: Path, version: str, model: bytes | None = None, card: str = "# card", **facts: Any) -> None:
    """Deploy a bundle into `folder`: the committed champion's network and manifest, or what is given instead."""
    manifest = json.loads((CHAMPION / bundle.MANIFEST).read_text(encoding="utf-8")) | facts
    with tempfile.TemporaryDirectory() as scratch, cli.hushed():
        source = Path(scratch) / "bundle"
        network = model or (CHAMPION / bundle.MODEL).read_bytes()
        bundle.write(source, network, draw(3, seed=7)[0][..., None], card, manifest)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        deployed = {"name": "fer-emotion", "version": version, "alias": "champion", "time": now}
        handover.replace(source, folder, {**deployed, "bundle": bundle.digest(source)})


class Handler(SimpleHTTPRequestHandler):
    """Serves the built page, and below model/ whatever lies in the folder of the model.

    It tells caches, as many hosts do, that an answer may depend on who asks.
    """

    def __init__(self, *arguments: Any, model: Path, **named: Any) -> None:
        self._model = model
        super().__init__(*arguments, **named)

    def translate_path(self, path: str) -> str:
        if path.startswith("/model/"):
            return str(self._model / path.removeprefix("/model/"))
        return super().translate_path(path)

    def send_head(self) -> Any:
        del self.headers["If-Modified-Since"]  # it counts in seconds, and tests deploy twice in one
        return super().send_head()

    def end_headers(self) -> None:
        self.send_header("Vary", "Origin")
        super().end_headers()

    def copyfile(self, source: Any, outputfile: Any) -> None:
        with suppress(ConnectionError):  # the browser has closed its page
            super().copyfile(source, outputfile)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serve(built: Path, model: Path) -> Iterator[str]:
    """Serve on a port of its own, which browsers take for a site of its own; gives the address."""
    handler = functools.partial(Handler, directory=str(built), model=model)
    with ThreadingHTTPServer(("localhost", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://localhost:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def film(path: Path, photo: Image.Image) -> Path:
    """Write a photo as a film for the fake camera: frames of 640 x 480, grey around what is not as wide."""
    frame = Image.new("RGB", CAMERA_SIZE, (110, 110, 110))
    fitted = ImageOps.contain(photo, CAMERA_SIZE)
    frame.paste(fitted, ((frame.width - fitted.width) // 2, (frame.height - fitted.height) // 2))
    content = io.BytesIO()
    frame.save(content, "JPEG", quality=95)
    path.write_bytes(content.getvalue() * 10)
    return path


def pictures() -> dict[str, Image.Image]:
    """Give photos of faces that ship in packages: two people, each changed in several ways, and both together."""
    from matplotlib import cbook
    from skimage import data

    astronaut = Image.fromarray(data.astronaut())
    with Image.open(str(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))) as file:
        hopper = file.convert("RGB")
    both = Image.new("RGB", (600 + hopper.width, 600))
    both.paste(astronaut.crop((100, 0, 356, 256)).resize((600, 600)), (0, 0))
    both.paste(hopper, (600, 0))
    transparent = hopper.copy()
    transparent.putalpha(200)
    return {
        "astronaut": astronaut,
        "hopper": hopper,
        "both": both,
        "flipped": hopper.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        "dark": astronaut.point(lambda level: level // 2),
        "small": astronaut.crop((80, 0, 380, 300)).resize((97, 97)),
        "large": hopper.resize((1501, 1777)),
        "tilted": astronaut.rotate(12, resample=Image.Resampling.BICUBIC),
        "grey": hopper.convert("L"),
        "transparent": transparent,
    }


def camera_options(film: Path | None = None, cameras: int = 1) -> list[str]:
    """Give Chromium's options for cameras that show a film, or without one a pattern."""
    options = [f"--use-fake-device-for-media-stream=device-count={cameras}"]
    return [*options, f"--use-file-for-fake-video-capture={film}"] if film else options


class Visit:
    """A person's tab at a site of its own.

    Attributes:
        page: The page, once `open` was called.
        address: Of the site.
        stop: Switches the server off.
        requests: Every address that the browser asked for.
    """

    def __init__(self, page: Page, address: str, stop: Callable[[], None]) -> None:
        self.page, self.address, self.stop = page, address, stop
        self.requests: list[str] = []
        page.context.on("request", self._note)  # the worker's, too

    def _note(self, request: Request) -> None:
        self.requests.append(request.url)

    def leave(self) -> None:
        """Close the page, with its worker and what it kept: the next visit may be given the same port."""
        window = self.page.context
        window.remove_listener("request", self._note)
        self.page.close()
        chromium = window.new_cdp_session(window.pages[0])
        chromium.send("Storage.clearDataForOrigin", {"origin": self.address, "storageTypes": "all"})
        chromium.send("ServiceWorker.enable")
        chromium.send("ServiceWorker.stopAllWorkers")  # Playwright watches workers, which keeps them from ending
        chromium.detach()

    def open(self) -> Page:
        """Go there and wait until the page has loaded its model, or says why not."""
        self.page.goto(self.address)
        self.page.wait_for_selector(READY)
        return self.page

    def show(self, photo: Path) -> Probabilities:
        """Choose a photo, and give what the page says of each face."""
        self.page.set_input_files("#file", photo)
        self.page.wait_for_selector("#faces[aria-busy=false]", state="attached")
        return self.faces()

    def faces(self) -> Probabilities:
        """Give what the page says of each face, in the order shown."""
        read = "faces => faces.map(face => Array.from(face.querySelectorAll('[role=meter]'),"
        rows = self.page.eval_on_selector_all(
            "#faces > li", read + "bar => [bar.ariaLabel, Number(bar.ariaValueNow)]))"
        )
        return [dict(row) for row in rows]

    def look_for_a_newer_model(self) -> Locator:
        """Press the button for it, and give where the page says what came of it."""
        self.page.get_by_role("button", name="About the model").click()
        self.page.get_by_role("button", name="Look for a newer model").click()
        return self.page.locator("#update-state")


def place(element: Locator) -> tuple[float, float, float, float]:
    """Give left, top, width and height on the page, in pixels."""
    box = element.bounding_box()
    assert box, f"{element} is not shown"
    return box["x"], box["y"], box["width"], box["height"]


def agree(found: Probabilities, expected: list[predict.Found], tolerance: float) -> None:
    """Demand the same faces, emotions and probabilities."""
    assert len(found) == len(expected) > 0
    for here, there in zip(found, expected, strict=True):
        assert here == pytest.approx(there.probabilities, abs=tolerance)
        assert max(here, key=here.__getitem__) == there.emotion
