"""The app as a page: without network, without any other host, for everybody, on every screen."""

import base64
import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import app_golden
import app_site
import pytest
from app_site import READY, Photos, Visit, agree, place
from playwright.sync_api import Error, expect

from src import predict

pytest_plugins = ["app_fixtures"]
Ask = Callable[[Path], list[predict.Found]]
Visits = Callable[..., Visit]


def test_after_the_first_visit_everything_works_without_network(visit: Visits, photos: Photos, python: Ask) -> None:
    person = visit()
    page = person.open()
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    person.stop()
    page.reload()
    page.wait_for_selector(READY)
    agree(person.show(photos["hopper"]), python(photos["hopper"]), tolerance=0.02)
    expect(person.look_for_a_newer_model()).to_contain_text("can't be reached")


def test_two_copies_on_one_host_keep_their_own_page_and_model(visit: Visits, built: Path, tmp_path: Path) -> None:
    copies = {"": "4", "one/": "5", "one/two/": "6"}  # a worker's scope takes in all that lies below
    for folder, version in copies.items():
        shutil.copytree(built, tmp_path / "host" / folder, dirs_exist_ok=True)
        app_site.put_model(tmp_path / "host" / folder / "model", version)
    person = visit(site=tmp_path / "host")
    page, address = person.page, person.address
    installed = set()
    for folder in copies:
        person.address = f"{address}{folder}"
        person.open().evaluate("navigator.serviceWorker.ready.then(() => true)")
        installed.add(page.context.new_cdp_session(page).send("Page.getAppId")["appId"])
    assert installed == {f"{address}{folder}" for folder in copies}, "each can be installed beside the others"
    (tmp_path / "host/handbook.html").write_text("<title>Another page</title>")
    page.goto(f"{address}handbook.html")
    expect(page).to_have_title("Another page")
    person.stop()
    for folder, version in list(copies.items())[1:]:  # the model of the first is that of the server of these tests
        page.goto(f"{address}{folder}")
        page.wait_for_selector(READY)
        expect(page.locator("#facts")).to_contain_text(f"fer-emotion {version}")


def test_a_new_build_takes_over_only_when_the_host_has_all_of_it(visit: Visits, built: Path, tmp_path: Path) -> None:
    site = Path(shutil.copytree(built, tmp_path / "site"))
    person = visit(site=site)
    page = person.open()
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    first = page.evaluate("caches.keys()")

    old = (site / "index.html").read_bytes()
    new = old.replace(b"<title>Expressions", b"<title>More expressions")
    worker = (site / "service-worker.js").read_text()
    was, will_be = (base64.b64encode(hashlib.sha256(content).digest()).decode() for content in (old, new))
    worker = worker.replace(was, will_be)
    worker = re.sub('DIGEST = "[0-9a-f]+"', f'DIGEST = "{"0" * 16}"', worker)
    (site / "service-worker.js").write_text(worker)  # the host is being copied to: its page is still the old one
    update = """navigator.serviceWorker.getRegistration().then(async registration => {
        const { installing } = await registration.update();
        await new Promise(done => installing.addEventListener("statechange", () => {
            if (["redundant", "activated"].includes(installing.state)) done();
        }));
        return installing.state;
    })"""
    assert page.evaluate(update) == "redundant"
    (site / "index.html").write_bytes(new)
    assert page.evaluate(update) == "activated"
    assert page.evaluate("caches.keys()") != first
    person.stop()
    page.reload()
    page.wait_for_selector(READY)
    expect(page).to_have_title("More expressions")


def test_no_request_goes_to_another_host_and_none_could(live: Visit, photos: Photos) -> None:
    assert len(live.show(photos["both"])) == 2
    expect(live.look_for_a_newer_model()).to_have_text("This is the newest model.")
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


def test_a_browser_that_is_too_old_is_told_so(visit: Visits) -> None:
    person = visit()
    person.page.add_init_script("delete window.WebAssembly; navigator.mediaDevices.getUserMedia = () => asked();")
    page = person.open()
    expect(page.locator("#notice-title")).to_have_text("This browser is too old")
    with page.expect_navigation():
        page.get_by_role("button", name="Try again").click()  # another camera would not help
    expect(page.locator("#notice-title")).to_have_text("This browser is too old")


def test_a_page_whose_script_does_not_come_can_be_loaded_again(visit: Visits) -> None:
    person = visit()
    person.page.route("**/assets/*.js", lambda route: route.abort())
    person.page.goto(person.address)
    expect(person.page.locator("#notice-title")).to_have_text("This page can't start here")
    expect(person.page.get_by_role("button", name="Choose a photo")).to_be_hidden()
    person.page.unroute("**/assets/*.js")
    person.page.get_by_role("button", name="Load the page again").click()
    expect(person.page.locator("#notice-title")).to_have_text("See what a face shows")


def test_scripts_that_others_put_into_the_page_may_fail(visit: Visits, built: Path) -> None:
    foreign = '<script src="https://example.org/beacon.js"></script><script src="injected.js"></script>'
    html = (built / "index.html").read_text(encoding="utf-8").replace("</body>", f"{foreign}</body>")
    assert foreign in html
    person = visit()
    person.page.route(person.address, lambda route: route.fulfill(body=html, content_type="text/html"))
    person.page.goto(person.address)
    expect(person.page.locator("#notice-title")).to_have_text("See what a face shows")
    expect(person.page.get_by_role("button", name="Choose a photo")).to_be_visible()


def test_no_device_of_the_gpu_is_asked_for(visit: Visits) -> None:
    gpu = "{ requestAdapter: async () => { window.asked = true; return null; } }"
    person = visit()
    person.page.add_init_script(
        f"const gpu = {gpu}; Object.defineProperty(Navigator.prototype, 'gpu', {{ value: gpu }})"
    )
    assert person.open().evaluate("[window.asked, 'requestAdapter' in navigator.gpu]") == [None, True]


LOOKS: list[tuple[Literal["light", "dark"], int, int]] = [("light", 390, 844), ("dark", 390, 844), ("light", 320, 568)]


def test_axe_finds_nothing_to_complain_about(visit: Visits, photos: Photos) -> None:
    axe = (app_site.APP / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
    person = visit()
    page = person.open()
    page.evaluate(axe)
    about = page.get_by_role("button", name="About the model")
    for show in (lambda: None, lambda: person.show(photos["both"]), about.click):
        show()
        for scheme, width, height in LOOKS:
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(300)  # fading colours are not the final ones
            found = page.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]
            complaints = [f"{problem['id']}: {node['html']}" for problem in found for node in problem["nodes"]]
            assert complaints == [], (scheme, width)


SCREENS = [(320, 568), (390, 844), (844, 390), (768, 1024), (1440, 900)]


def test_buttons_are_large_and_nothing_sticks_out_on_any_screen(visit: Visits, photos: Photos) -> None:
    person = visit()
    page = person.open()
    for show in (lambda: None, lambda: person.show(photos["both"])):
        show()
        for screen in SCREENS:
            page.set_viewport_size({"width": screen[0], "height": screen[1]})
            for button in page.locator("button:visible").all():
                left, top, width, height = place(button)
                assert min(width, height) >= 44, (screen, button)
                assert 0 <= left <= screen[0] - width, (screen, button)
                assert 0 <= top <= screen[1] - height, (screen, button)
            assert page.evaluate("document.documentElement.scrollWidth") <= screen[0]


def test_zoomed_in_every_button_can_be_scrolled_to(visit: Visits, photos: Photos) -> None:
    person = visit()
    page = person.open()
    for screen in ((320, 256), (195, 422)):  # a laptop at 400 %, a phone at 200 %
        page.set_viewport_size({"width": screen[0], "height": screen[1]})
        person.show(photos["both"])
        assert max(place(page.locator("#still"))[2:]) >= 150, screen
        for button in page.locator("button:visible").all():
            button.scroll_into_view_if_needed()
            left, top, width, height = place(button)
            assert 0 <= left <= screen[0] - width, (screen, button)
            assert 0 <= top <= screen[1] - height, (screen, button)
        assert page.evaluate("document.documentElement.scrollWidth") <= screen[0]


def test_beside_the_notch_of_a_phone_nothing_is_hidden(visit: Visits, photos: Photos) -> None:
    person = visit()
    page = person.open()
    person.show(photos["hopper"])
    page.set_viewport_size({"width": 844, "height": 390})
    insets = {"insets": {"left": 47, "right": 47, "top": 0, "bottom": 21}}
    page.context.new_cdp_session(page).send("Emulation.setSafeAreaInsetsOverride", insets)
    for words in page.locator("h1, .value, button:visible").all():
        left, _, width, _ = place(words)
        assert 47 <= left <= 844 - 47 - width, words


def test_the_page_can_be_installed(visit: Visits) -> None:
    page = visit().open()
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    chromium = page.context.new_cdp_session(page)
    assert chromium.send("Page.getAppManifest")["errors"] == []
    problems = [problem["errorId"] for problem in chromium.send("Page.getInstallabilityErrors")["installabilityErrors"]]
    assert set(problems) <= {"in-incognito"}  # where every test runs


def test_the_golden_numbers_of_the_unit_tests_are_those_of_the_python_code() -> None:
    kept = json.loads(app_golden.FILE.read_text(encoding="utf-8"))
    assert kept == json.loads(json.dumps(app_golden.golden())), "run `PYTHONPATH=. python tests/app_golden.py`"


@pytest.mark.usefixtures("built")
def test_the_units_of_the_app() -> None:
    app_site.npm("test")


def test_the_locked_packages_hold_no_addresses() -> None:
    packages = json.loads((app_site.APP / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert len(packages) > 20
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert all("integrity" in package for name, package in packages.items() if name)
