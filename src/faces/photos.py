"""Photos as arrays, whatever they come as: turned, grey, transparent, CMYK, 16 bits deep, or from the camera."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 120_000_000
"""Cameras of phones reach 108 million; finding faces in them takes some 16 bytes a pixel."""

MAX_SIDE = 65_535
"""JPEG's; a longer picture in another format is a strip, which would take a weight per pixel and cell of a face."""

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "JPEG2000", "AVIF")
"""What is opened, by content. Pillow knows more, and would start Ghostscript for one of them."""

SUFFIXES = {
    *(".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".jp2", ".jpeg", ".jpg"),
    *(".mpo", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"),
}
"""What counts as a picture in a folder; HEIC can't be read, but is complained about and not passed over."""

WHITE = (255, 255, 255, 255)
SETTLING_FRAMES = 8
"""Frames thrown away while a camera finds its exposure; the first is often black."""


def find(given: list[Path], leave_out: Path | None = None) -> dict[Path, Path]:
    """Give the pictures that a person means by some paths: as they are, or for a folder every picture below it.

    Args:
        given: Pictures and folders. What is neither is given back as it is, and so is a folder without a picture:
            `read` says what is wrong with them.
        leave_out: A folder that is passed over if it lies below one in `given`: where results are written to.

    Returns:
        Each picture once, a folder's sorted -> its path below the folder, or its bare name.
    """
    names: dict[Path, Path] = {}
    for start in given:
        below = _below(start, leave_out)
        alone = {start: Path(os.path.basename(os.path.realpath(start)))}  # of "." too, and of a link to itself
        names |= {path: path.relative_to(start) for path in below} or alone
    return names


def _below(folder: Path, leave_out: Path | None) -> list[Path]:
    skipped = leave_out.resolve() if leave_out and folder.resolve() in leave_out.resolve().parents else None
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and skipped not in path.resolve().parents
    ]


def read(path: Path) -> np.ndarray:
    """Read a picture the way a viewer shows it: turned as EXIF says, transparency on white, the first frame.

    Returns:
        uint8 array (height, width, 3), RGB.

    Raises:
        FileNotFoundError: There is nothing at `path`.
        ValueError: It is no picture, a broken one, or over `MAX_PIXELS` or `MAX_SIDE`; the message names the file.
    """
    from PIL import Image, UnidentifiedImageError

    if path.is_dir():
        raise ValueError(f"{path} is a folder without pictures, expected some of {' '.join(sorted(SUFFIXES))}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Pillow, about oddities that it copes with
            with Image.open(path, formats=FORMATS) as image:
                if image.width * image.height > MAX_PIXELS or max(image.size) > MAX_SIDE:
                    raise Image.DecompressionBombError
                return _rgb(_upright(image))
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is missing, expected a picture or a folder") from None
    except UnidentifiedImageError:
        raise ValueError(f"{path} is no picture that can be read, expected one of {', '.join(FORMATS)}") from None
    except Image.DecompressionBombError:
        limits = f"{MAX_PIXELS:,} pixels, or than {MAX_SIDE:,} on a side"
        raise ValueError(f"{path} has more than {limits}, the limits; scale it down") from None
    except Exception as error:  # Pillow's readers trip over broken files in every way: SyntaxError, struct.error, ...
        raise ValueError(f"{path} can't be read: {str(error) or repr(error)}") from None


def camera_frame(camera: int | str = 0) -> np.ndarray:
    """Take one frame.

    Args:
        camera: Number of the camera, or whatever else cv2.VideoCapture opens.

    Returns:
        uint8 array (height, width, 3), RGB.

    Raises:
        OSError: There is no such camera, or it gives no picture.
    """
    import cv2

    capture = cv2.VideoCapture(camera)
    try:
        if not capture.isOpened():
            raise OSError(f"found no camera {camera}; plug one in, allow this program to use it, or give a photo")
        frame = None
        for _ in range(SETTLING_FRAMES + 1):
            is_there, latest = capture.read()
            frame = latest if is_there else frame
        if frame is None:
            raise OSError(f"camera {camera} gives no picture; close other programs that use it")
        return cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
    finally:
        capture.release()


def _upright(image: Image.Image) -> Image.Image:
    from PIL import ImageOps

    image.load()
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # broken EXIF, in as many ways as above; viewers show such a picture as it is
        return image


def _rgb(image: Image.Image) -> np.ndarray:
    """Give uint8 (height, width, 3) of a Pillow image of any mode; 16 bits lose the lower 8, as in Pillow's RGB."""
    from PIL import Image

    if image.mode.startswith("I"):
        levels = np.asarray(image).astype(np.int64)
        if levels.min() < 0 or levels.max() > 65535:
            raise ValueError(f"found levels {levels.min()} to {levels.max()}, expected at most 16 bits")
        return np.repeat((levels >> 8).astype(np.uint8)[:, :, None], 3, axis=2)
    if image.mode == "F":
        raise ValueError("found floating-point levels, expected 8 or 16 bits")
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, WHITE), image.convert("RGBA"))
    return np.array(image.convert("RGB"))
