"""Fixtures for tests of the app in a browser. A plugin of the tests that name it in `pytest_plugins`."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import app_site
import pytest
from app_site import Photos, Visit
from playwright.sync_api import Browser, expect, sync_playwright

from src import cli, predict
from src.faces import photos as files
from src.faces.detection import FaceDetector

PATIENCE_MS = 60_000
"""On an idle machine a second is enough; beside a training it is not."""


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the page once, its types checked; skip what needs it where the tools are missing."""
    if missing := app_site.what_is_missing():
        if "REQUIRE_APP" in os.environ:
            pytest.fail(missing)
        pytest.skip(missing)
    folder = tmp_path_factory.mktemp("app") / "dist"
    app_site.npm("run", "build", "--", "--outDir", str(folder), "--logLevel", "warn")
    return folder


@pytest.fixture(scope="module")
def launch(built: Path) -> Iterator[Callable[..., Browser]]:
    """Give a function that starts Chromium with some options, or gives back the one that was started with them."""
    running: dict[tuple[str, ...], Browser] = {}
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:

        def start(*options: str) -> Browser:
            if options not in running:
                chromium = playwright.chromium
                running[options] = chromium.launch(executable_path=app_site.CHROMIUM, args=list(options))
            return running[options]

        yield start
        for browser in running.values():
            browser.close()


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Photos:
    """Give PNG files of `app_site.pictures`, by name."""
    folder = tmp_path_factory.mktemp("photos")
    for name, picture in app_site.pictures().items():
        picture.save(folder / f"{name}.png")
    return {path.stem: path for path in folder.iterdir()}


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a film for the fake camera that shows the astronaut."""
    return app_site.film(tmp_path_factory.mktemp("film") / "film.mjpeg", app_site.pictures()["astronaut"])


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Give the folder that the site serves as model/: a copy of the committed champion."""
    return Path(shutil.copytree(app_site.CHAMPION, tmp_path / "model"))


@pytest.fixture
def visit(built: Path, launch: Callable[..., Browser], model: Path) -> Iterator[Callable[..., Visit]]:
    """Give a function that lets a person with a fresh browser visit; it takes Chromium's options and a context's.

    The site is the built page, or another folder.
    """
    with ExitStack() as stack:

        def begin(*options: str, site: Path = built, **context: Any) -> Visit:
            server = stack.enter_context(ExitStack())
            address = server.enter_context(app_site.serve(site, model))
            browser = launch(*options).new_context(viewport={"width": 390, "height": 844}, **context)
            browser.set_default_timeout(PATIENCE_MS)
            stack.callback(browser.close)
            return Visit(browser.new_page(), address, server.close)

        yield begin


@pytest.fixture
def live(visit: Callable[..., Visit], film: Path) -> Visit:
    """Give a visit whose camera shows a face and is already allowed, so that the page starts with it."""
    person = visit(*app_site.camera_options(film), permissions=["camera"])
    person.open().wait_for_selector("body[data-state=live] .face")
    return person


@pytest.fixture(scope="session")
def python() -> Callable[[Path], list[predict.Found]]:
    """Give a function that says what Python finds in a photo, with the committed champion."""
    with cli.hushed():
        champion, detector = predict.load_model(app_site.CHAMPION), FaceDetector()
    return lambda path: predict.find_faces(files.read(path), champion, detector)
