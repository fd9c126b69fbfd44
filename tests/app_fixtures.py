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
from filelock import FileLock
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from src import cli, predict
from src.faces import photos as files
from src.faces.detection import FaceDetector

PATIENCE_MS = 60_000
"""On an idle machine a second is enough; beside a training it is not."""


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the page once for all workers, its types checked; skip what needs it where the tools are missing."""
    if missing := app_site.what_is_missing():
        if "REQUIRE_APP" in os.environ:
            pytest.fail(missing)
        pytest.skip(missing)
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "dist"
    with FileLock(folder.with_suffix(".lock")):
        if not folder.exists():
            build = tmp_path_factory.mktemp("app") / "dist"
            app_site.npm("run", "build", "--", "--outDir", str(build), "--logLevel", "warn")
            build.rename(folder)  # whole or not at all
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


@pytest.fixture(scope="module")
def new_page(launch: Callable[..., Browser]) -> Callable[..., Page]:
    """Give a function that opens a tab in the window for these options of Chromium and of a context.

    A window costs a second of processor time, so a blank tab keeps each one open.
    """
    windows: dict[str, BrowserContext] = {}

    def open_tab(*options: str, **context: Any) -> Page:
        key = repr((options, context))
        if key not in windows:
            windows[key] = launch(*options).new_context(viewport={"width": 390, "height": 844}, **context)
            windows[key].set_default_timeout(PATIENCE_MS)
            windows[key].new_page()
        return windows[key].new_page()

    return open_tab


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
def visit(built: Path, new_page: Callable[..., Page], model: Path) -> Iterator[Callable[..., Visit]]:
    """Give a function that lets a person visit for the first time; it takes Chromium's options and a context's.

    The site is the built page, or another folder.
    """
    with ExitStack() as stack:

        def begin(*options: str, site: Path = built, **context: Any) -> Visit:
            server = stack.enter_context(ExitStack())
            address = server.enter_context(app_site.serve(site, model))
            person = Visit(new_page(*options, **context), address, server.close)
            stack.callback(person.leave)
            return person

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
