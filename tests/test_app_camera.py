"""The app's camera, which shows a film of a photo: live, paused, mirrored, changed, refused."""

from collections.abc import Callable
from pathlib import Path

import app_site
import pytest
from app_site import Photos, Visit
from PIL import Image
from playwright.sync_api import expect

from src import predict

pytest_plugins = ["app_fixtures"]
Ask = Callable[[Path], list[predict.Found]]
Visits = Callable[..., Visit]

SHOW = """hidden => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""
TRACKS = "document.getElementById('video').srcObject.getTracks().map(track => track.readyState)"
STEPS = ["Take the frame", "Find faces", "Cut them out", "Read expressions", "All together", "Frames in a second"]


def test_the_camera_shows_a_face_with_its_frame_emotion_and_times(
    live: Visit, film: Path, tmp_path: Path, python: Ask
) -> None:
    (tmp_path / "frame.jpg").write_bytes(film.read_bytes())  # a viewer shows the first frame
    (expected,) = python(tmp_path / "frame.jpg")
    live.page.wait_for_timeout(1500)  # smoothing settles
    (found,) = live.faces()
    assert found == pytest.approx(expected.probabilities, abs=0.1)  # cameras give colours another way than files
    expect(live.page.locator(".mark")).to_have_count(1)
    live.page.get_by_role("button", name="About the model").click()
    expect(live.page.locator("#speed dt")).to_have_text(STEPS)
    times = live.page.locator("#speed dd").all_text_contents()
    assert all(float(time.removesuffix(" ms")) > 0 for time in times)


def test_pause_switches_the_camera_off_and_keeps_the_picture(live: Visit) -> None:
    live.page.get_by_role("button", name="Pause").click()
    assert live.page.evaluate(TRACKS) == ["ended"]
    expect(live.page.locator("#still")).to_be_visible()
    faces = live.faces()
    assert len(faces) == 1
    live.page.get_by_role("button", name="Mirror").click()
    live.page.wait_for_timeout(300)
    assert live.faces() == faces
    expect(live.page.locator("#hint")).to_have_text("Paused. The camera is off.")
    live.page.get_by_role("button", name="Go on").click()
    live.page.wait_for_selector("body[data-state=live] .face")


def test_the_camera_is_off_while_nobody_sees_the_page(live: Visit) -> None:
    live.page.evaluate(SHOW, True)
    live.page.wait_for_selector("body[data-state=paused]")
    assert live.page.evaluate(TRACKS) == ["ended"]
    live.page.evaluate(SHOW, False)
    live.page.wait_for_selector("body[data-state=live] .face")
    live.page.get_by_role("button", name="Pause").click()
    for hidden in (True, False):
        live.page.evaluate(SHOW, hidden)
    expect(live.page.locator("body")).to_have_attribute("data-state", "paused")


def test_a_camera_that_is_interrupted_shows_no_old_faces_until_it_goes_on(live: Visit) -> None:
    live.page.evaluate("""() => {
        video.pause();  // no more frames come
        video.srcObject.getVideoTracks()[0].dispatchEvent(new Event("mute"));
    }""")
    expect(live.page.locator("#hint")).to_contain_text("The camera is interrupted")
    live.page.wait_for_timeout(300)  # a frame may have been looked at meanwhile
    expect(live.page.locator(".face, .mark")).to_have_count(0)
    live.page.evaluate("""() => {
        video.srcObject.getVideoTracks()[0].dispatchEvent(new Event("unmute"));
        return video.play();
    }""")
    live.page.wait_for_selector("body[data-state=live] .face")
    expect(live.page.locator("#hint")).to_be_hidden()


def test_a_camera_that_opens_after_the_page_was_left_goes_off_again(live: Visit) -> None:
    live.page.get_by_role("button", name="Pause").click()
    before = live.page.evaluate("document.getElementById('video').srcObject.id")
    live.page.evaluate(f"document.getElementById('toggle').click(); ({SHOW})(true)")
    live.page.wait_for_function("before => document.getElementById('video').srcObject.id !== before", arg=before)
    live.page.wait_for_function(f"() => {TRACKS}.includes('ended')")
    expect(live.page.locator("body")).to_have_attribute("data-state", "paused")
    live.page.evaluate(SHOW, False)
    live.page.wait_for_selector("body[data-state=live] .face")


def test_the_mirror_turns_the_picture_and_the_frame_round_a_face(live: Visit) -> None:
    place = "(mark => 100 * (mark.offsetLeft + mark.offsetWidth / 2) / mark.parentElement.clientWidth)"
    place += "(document.querySelector('.mark'))"
    button = live.page.get_by_role("button", name="Mirror")
    expect(button).to_have_attribute("aria-pressed", "true")
    before = live.page.evaluate(place)
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")
    live.page.wait_for_function(f"before => Math.abs({place} - (100 - before)) < 0.5", arg=before)


def test_every_button_works_by_keyboard(live: Visit) -> None:
    live.page.on("filechooser", lambda _: None)  # tells the browser in time; expecting one does not wait for that
    live.page.keyboard.press(" ")
    live.page.wait_for_selector("body[data-state=paused]")
    live.page.keyboard.press(" ")
    live.page.wait_for_selector("body[data-state=live]")

    def focus(name: str) -> None:
        for _ in range(8):
            live.page.keyboard.press("Tab")
            if live.page.evaluate("document.activeElement.id") == name:
                return
        pytest.fail(f"{name} can't be reached")

    focus("mirror")
    live.page.keyboard.press(" ")
    expect(live.page.locator("#mirror")).to_have_attribute("aria-pressed", "false")
    focus("open-info")
    live.page.keyboard.press("Enter")
    expect(live.page.get_by_role("dialog")).to_be_visible()
    live.page.keyboard.press("Escape")
    expect(live.page.get_by_role("dialog")).to_be_hidden()
    focus("photo")
    with live.page.expect_file_chooser():
        live.page.keyboard.press("Enter")
    focus("toggle")
    live.page.keyboard.press("Enter")
    live.page.wait_for_selector("body[data-state=paused]")
    expect(live.page.get_by_role("button", name="Change camera")).to_be_hidden()  # there is none to change


def test_a_photo_chosen_while_its_picker_hid_the_page_is_shown(live: Visit, photos: Photos) -> None:
    live.page.evaluate(SHOW, True)
    live.page.wait_for_selector("body[data-state=paused]")
    shown = "document.getElementById('file').addEventListener('change', () => setTimeout(() => (%s)(false)))"
    live.page.evaluate(shown % SHOW)
    live.page.set_input_files("#file", photos["both"])
    expect(live.page.locator(".face")).to_have_count(2)
    expect(live.page.locator("body")).to_have_attribute("data-state", "photo")
    assert live.page.evaluate(TRACKS) == ["ended"]


def test_a_picture_has_its_shape_and_is_mirrored_before_the_model_is_there(
    visit: Visits, film: Path, photos: Photos
) -> None:
    person = visit(*app_site.camera_options(film), permissions=["camera"])
    page = person.page
    page.route("**/model/deployed.json", lambda _: None)  # never answered
    page.goto(person.address)
    page.wait_for_selector("body[data-state=live]")
    expect(page.locator("#frame")).to_have_class("frame mirrored")
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Mirror").click()
    expect(page.locator("#frame")).to_have_class("frame")
    page.set_input_files("#file", photos["hopper"])
    page.wait_for_selector("body[data-state=photo]")
    with Image.open(photos["hopper"]) as hopper:
        _, _, width, height = app_site.place(page.locator("#still"))
        assert width / height == pytest.approx(hopper.width / hopper.height, rel=0.02)


def test_what_the_page_says_is_told_to_screen_readers(live: Visit, tmp_path: Path) -> None:
    told = live.page.locator("#announcement")
    live.page.get_by_role("button", name="Pause").click()
    expect(told).to_have_text("Paused. The camera is off.")
    Image.new("RGB", (300, 200), (90, 120, 80)).save(tmp_path / "empty.png")
    live.show(tmp_path / "empty.png")
    expect(told).to_contain_text("No face found")


def test_without_a_face_the_page_says_what_to_do_and_changes_to_the_other_camera(visit: Visits) -> None:
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
    second = page.evaluate(current)
    assert second != first
    page.wait_for_selector("body[data-state=live]")
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Go on").click()
    page.wait_for_selector("body[data-state=live]")
    assert page.evaluate(current) == second, "it goes on with the camera that was chosen"


def test_on_a_phone_it_changes_from_the_front_camera_to_the_back(visit: Visits) -> None:
    phone = """
        const devices = navigator.mediaDevices, { getUserMedia } = devices;
        window.asked = [];
        MediaStreamTrack.prototype.getSettings = () => ({ facingMode: asked.at(-1), deviceId: asked.at(-1) });
        devices.getUserMedia = (wanted) => {
            asked.push(wanted.video.facingMode);
            return getUserMedia.call(devices, wanted);
        };
    """
    person = visit(*app_site.camera_options(cameras=2), permissions=["camera"])
    person.page.add_init_script(phone)
    page = person.open()
    page.get_by_role("button", name="Change camera").click()
    page.wait_for_function("() => asked.length == 2")
    assert page.evaluate("asked") == ["user", "environment"]


def test_cameras_that_all_look_one_way_take_turns(visit: Visits) -> None:
    one_way = """
        const { getSettings } = MediaStreamTrack.prototype;
        MediaStreamTrack.prototype.getSettings = function () {
            return { ...getSettings.call(this), facingMode: "user" };
        };
    """
    person = visit(*app_site.camera_options(cameras=2), permissions=["camera"])
    person.page.add_init_script(one_way)
    page = person.open()
    page.wait_for_selector("body[data-state=live]")
    current = "document.getElementById('video').srcObject.getVideoTracks()[0].getSettings().deviceId"
    for _ in range(2):
        before = page.evaluate(current)
        page.get_by_role("button", name="Change camera").click()
        page.wait_for_function(f"before => {current} !== before", arg=before)
        page.wait_for_selector("body[data-state=live]")


def test_a_camera_that_is_refused_on_going_on_is_not_asked_for_again_and_the_keyboard_keeps_its_place(
    live: Visit,
) -> None:
    page = live.page
    page.get_by_role("button", name="Pause").click()
    refuse = "async () => { asked++; throw new DOMException('', 'NotAllowedError') }"
    page.evaluate(f"() => {{ window.asked = 0; navigator.mediaDevices.getUserMedia = {refuse} }}")
    page.locator("#toggle").press("Enter")
    expect(page.locator("#notice-title")).to_have_text("The camera is not allowed")
    assert page.evaluate("asked") == 1
    expect(page.locator("#notice")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#start")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_function("() => asked == 2")
    expect(page.locator("#notice")).to_be_focused()


def test_a_camera_that_is_refused_missing_or_busy_is_told_in_clear_words(visit: Visits) -> None:
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
