"""Reading pictures: every way a file may come, and every way it may be broken."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from src.faces import photos

RED, GREEN, BLUE, GREY = (220, 30, 20), (20, 200, 40), (30, 60, 210), (120, 120, 120)
CORNERS = np.array([[RED, GREEN], [BLUE, GREY]], np.uint8)
QUARTERS = CORNERS.repeat(16, axis=0).repeat(24, axis=1)
"""32 high, 48 wide: upright and turned can't be taken for each other."""

RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)
ORIENTATION = 0x0112
# What lies in a file that a viewer must turn to show QUARTERS (EXIF 2.32, 4.6.4 A, tag Orientation).
STORED = {
    1: QUARTERS,
    2: QUARTERS[:, ::-1],
    3: QUARTERS[::-1, ::-1],
    4: QUARTERS[::-1],
    5: QUARTERS.swapaxes(0, 1),
    6: np.rot90(QUARTERS),
    7: np.rot90(QUARTERS, 2).swapaxes(0, 1),
    8: np.rot90(QUARTERS, -1),
}


def with_orientation(number: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION] = number
    return exif


@pytest.mark.parametrize("orientation", STORED)
def test_a_photo_is_turned_as_its_exif_says(tmp_path: Path, orientation: int) -> None:
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation]))
    stored.save(tmp_path / "turned.png", exif=with_orientation(orientation))
    assert photos.read(tmp_path / "turned.png").tolist() == QUARTERS.tolist()


def test_a_photo_with_broken_exif_is_shown_as_it_is(tmp_path: Path) -> None:
    Image.fromarray(QUARTERS).save(tmp_path / "broken.png", exif=b"Exif\0\0MX\0*\0\0\0\x08\0")
    assert photos.read(tmp_path / "broken.png").tolist() == QUARTERS.tolist()


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "ppm", "webp", "jp2"])
def test_formats_without_loss_give_the_pixels_that_were_saved(tmp_path: Path, suffix: str) -> None:
    Image.fromarray(QUARTERS).save(tmp_path / f"photo.{suffix}", lossless=True)
    assert photos.read(tmp_path / f"photo.{suffix}").tolist() == QUARTERS.tolist()


@pytest.mark.parametrize("mode_suffix", ["P png", "P gif", "P tif", "RGBA png", "RGBA tif", "CMYK jpg", "CMYK tif"])
def test_every_way_to_keep_colours_gives_them_back(tmp_path: Path, mode_suffix: str) -> None:
    mode, suffix = mode_suffix.split()
    path = tmp_path / f"photo.{suffix}"
    Image.fromarray(QUARTERS).convert(mode, palette=Image.Palette.ADAPTIVE).save(path)
    middles = photos.read(path)[8::16, 12::24].astype(int)
    assert np.abs(middles - CORNERS).max() <= 4


def test_grey_levels_come_three_times_over(tmp_path: Path) -> None:
    Image.fromarray(RAMP).save(tmp_path / "grey.png")
    assert photos.read(tmp_path / "grey.png").tolist() == np.stack([RAMP] * 3, axis=-1).tolist()


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path: Path, suffix: str) -> None:
    Image.fromarray(RAMP.astype(np.uint16) * 257).save(tmp_path / f"deep.{suffix}")
    assert photos.read(tmp_path / f"deep.{suffix}")[..., 1].tolist() == RAMP.tolist()


def test_what_is_transparent_is_white_and_its_hidden_colour_is_not_seen(tmp_path: Path) -> None:
    hidden = np.zeros((4, 4, 4), np.uint8)
    hidden[1, 2] = (10, 20, 30, 255)
    Image.fromarray(hidden).save(tmp_path / "cut-out.png")
    read = photos.read(tmp_path / "cut-out.png")
    assert read[0, 0].tolist() == [255, 255, 255]
    assert read[1, 2].tolist() == [10, 20, 30]


def test_of_an_animation_the_first_frame_counts(tmp_path: Path) -> None:
    frames = [Image.fromarray(np.full((8, 8, 3), colour, np.uint8)) for colour in (RED, BLUE)]
    frames[0].save(tmp_path / "moving.webp", save_all=True, append_images=frames[1:], lossless=True)
    assert photos.read(tmp_path / "moving.webp")[0, 0].tolist() == list(RED)


def test_a_strip_is_refused(tmp_path: Path) -> None:
    Image.new("L", (photos.MAX_SIDE + 1, 1)).save(tmp_path / "strip.png")
    with pytest.raises(ValueError, match=r"strip\.png has more than 120,000,000 pixels, or than 65,535 on a side"):
        photos.read(tmp_path / "strip.png")


def test_floating_point_levels_are_refused_rather_than_guessed_at(tmp_path: Path) -> None:
    Image.fromarray(RAMP.astype(np.float32)).save(tmp_path / "float.tif")
    with pytest.raises(ValueError, match=r"float\.tif can't be read: found floating-point levels"):
        photos.read(tmp_path / "float.tif")


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "gif", "bmp"])
def test_half_a_file_is_refused_by_its_name(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"half.{suffix}"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match=rf"half\.{suffix} (can't be read|is no picture)"):
        photos.read(path)


@pytest.mark.parametrize("content", [b"", b"not a picture", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"])
def test_what_is_no_picture_is_refused_by_its_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "notes.jpg").write_bytes(content)
    with pytest.raises(ValueError, match=r"notes\.jpg is no picture that can be read, expected one of JPEG"):
        photos.read(tmp_path / "notes.jpg")


def test_flipped_bytes_give_a_picture_or_one_error(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    for suffix in ("jpg", "png", "tif", "webp", "gif"):
        path = tmp_path / f"photo.{suffix}"
        Image.fromarray(QUARTERS).save(path)
        content = np.frombuffer(path.read_bytes(), np.uint8)
        for _ in range(40):
            flipped = content.copy()
            flipped[random.integers(0, min(len(content), 200), 3)] = random.integers(0, 256, 3)
            path.write_bytes(flipped.tobytes())
            try:
                shape = photos.read(path).shape
            except ValueError as error:
                assert path.name in str(error)  # noqa: PT017 (a picture is as good)
            else:
                assert shape[2:] == (3,)


@pytest.mark.parametrize("side", [12_000, 30_000])  # Pillow itself gives up on the second
def test_a_picture_over_the_limit_is_refused_before_it_is_decoded(tmp_path: Path, side: int) -> None:
    head = bytearray(54)  # of a BMP, its pixels missing
    head[:2], head[10], head[14], head[26], head[28] = b"BM", 54, 40, 1, 24
    head[18:22] = head[22:26] = side.to_bytes(4, "little")
    (tmp_path / "huge.bmp").write_bytes(head)
    with pytest.raises(ValueError, match=r"huge\.bmp has more than 120,000,000 pixels, or"):
        photos.read(tmp_path / "huge.bmp")


def test_a_missing_file_and_an_empty_folder_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"photo\.jpg is missing"):
        photos.read(tmp_path / "photo.jpg")
    with pytest.raises(ValueError, match="is a folder without pictures"):
        photos.read(tmp_path)


def test_the_present_folder_without_pictures_has_a_name_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert photos.find([Path()]) == {Path(): Path(tmp_path.name)}


def test_a_folder_gives_every_picture_below_it_sorted_but_no_hidden_ones_and_no_results(tmp_path: Path) -> None:
    for name in ("b.JPG", "a/z.png", "a/notes.txt", ".hidden/x.png", "._b.jpg", "out/b.jpg", "folder.png/c.heic"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = photos.find([tmp_path], leave_out=tmp_path / "out")
    assert [name.as_posix() for name in found.values()] == ["a/z.png", "b.JPG", "folder.png/c.heic"]
    assert list(found) == [tmp_path / name for name in found.values()]


def test_a_folder_is_searched_even_if_results_go_into_it_or_above_it(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "a.jpg").touch()
    for out in (tmp_path, tmp_path / "below"):
        assert list(photos.find([tmp_path / "below"], out)) == [tmp_path / "below" / "a.jpg"]


def test_a_photo_given_twice_is_found_once(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    assert list(photos.find([tmp_path, tmp_path / "a.jpg"])) == [tmp_path / "a.jpg"]


def test_a_frame_of_the_camera_is_rgb(tmp_path: Path) -> None:
    import cv2

    film = cv2.VideoWriter(str(tmp_path / "film.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (48, 32))
    for _ in range(3):
        film.write(QUARTERS[:, :, ::-1])
    film.release()
    frame = photos.camera_frame(str(tmp_path / "film.avi"))
    assert frame.shape == (32, 48, 3)
    assert np.abs(frame[8, 8] - np.array(RED)).max() < 25


def test_a_camera_that_is_not_there_is_said_to_be_missing() -> None:
    with pytest.raises(OSError, match="found no camera 99"):
        photos.camera_frame(99)
