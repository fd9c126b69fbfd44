import gzip
import http.server
import io
import json
import lzma
import os
import socket
import stat
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from src import paths, pull
from src.faces import kaggle
from src.faces.folder import read_pictures
from src.faces.rows import read_rows
from src.faces.sources import find, open_csv
from src.fer2013 import EMOTIONS, USAGES

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 48, 48), np.uint8)
CSV = "emotion,pixels,Usage\n" + "".join(
    f"{i % 7},{' '.join(map(str, image.ravel()))},{USAGES[i % 3]}\n" for i, image in enumerate(IMAGES)
)
PACKED = ["fer2013.csv", "fer2013.csv.gz", "fer2013.csv.xz", "fer2013.zip", "fer2013.tar.gz", "fer2013.tgz"]


def pack(path: Path, text: bytes = CSV.encode(), member: str = "fer2013/fer2013/fer2013.csv") -> Path:
    if path.name.endswith(".zip"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
            archive.writestr("readme.txt", "about")
            archive.writestr(member, text)
    elif path.name.endswith((".tar.gz", ".tgz")):
        with tarfile.open(path, "w:gz") as tar:
            for name, content in (("readme.txt", b"about"), (member, text)):
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    else:
        packers: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".xz": lzma.compress}
        path.write_bytes(packers.get(path.suffix, bytes)(text))
    return path


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    def enter(source: str = "fer2013", where: Path | str = "") -> Path:
        data = f"{{source: {source}, drawn_images: 140, protocol: official, emotions: [happy, sad]}}"
        (tmp_path / "params.yaml").write_text(f"data: {data}\n")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("FER2013_SOURCE", str(where))
        return tmp_path / paths.RAW

    return enter


@pytest.mark.parametrize("name", PACKED)
def test_every_packing_gives_the_same_table(
    name: str, tmp_path: Path, workspace: Callable, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = workspace(where=pack(tmp_path / name))
    pull.main([])
    found = np.load(raw / "faces.npz")
    assert np.array_equal(found["images"], IMAGES)
    assert found["emotions"].tolist() == [i % 7 for i in range(20)]
    assert found["usages"].tolist() == [i % 3 for i in range(20)]
    assert found["rows"].tolist() == list(range(1, 21))
    assert [found[key].dtype for key in found] == [np.uint8, np.uint8, np.uint8, np.int32]
    facts = json.loads((raw / "source.json").read_text())
    assert (facts["kind"], facts["name"], facts["bytes"], facts["original"]) == ("csv", name, len(CSV), None)
    assert "20 faces (7 Training, 7 PublicTest, 6 PrivateTest)" in capsys.readouterr().out


def test_pulling_twice_writes_the_same_bytes_and_nothing_else(tmp_path: Path, workspace: Callable) -> None:
    raw = workspace(where=pack(tmp_path / "fer2013.csv"))
    pull.main([])
    first = {path.name: path.read_bytes() for path in raw.iterdir()}
    time.sleep(2.1)  # the time stamps of a zip count in steps of two seconds
    pull.main([])
    assert {path.name: path.read_bytes() for path in raw.iterdir()} == first
    assert sorted(first) == ["faces.npz", "rejected.csv", "source.json"]
    assert first["rejected.csv"] == b"row,reason\n"


def test_a_rejected_row_is_kept_with_its_number_and_reason(tmp_path: Path, workspace: Callable) -> None:
    rows = CSV.partition("\n")[2] * 6
    wrong = rows.replace(",Training\n", ",Trainin\n", 1)
    raw = workspace(where=pack(tmp_path / "fer2013.csv", f"emotion,pixels,Usage\n{wrong}".encode()))
    pull.main([])
    reason = "\"Usage is 'Trainin', expected Training, PublicTest, PrivateTest\""
    assert (raw / "rejected.csv").read_text() == f"row,reason\n1,{reason}\n"
    facts = json.loads((raw / "source.json").read_text())
    assert (facts["rows_read"], facts["rows_rejected"]) == (120, 1)


def test_a_refused_file_leaves_nothing_behind(tmp_path: Path, workspace: Callable) -> None:
    raw = workspace(where=pack(tmp_path / "fer2013.csv", b"a,b,c\n1,2,3\n"))
    with pytest.raises(ValueError, match=r"fer2013\.csv: found the header 'a,b,c'"):
        pull.main([])
    assert not raw.exists()


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize("share", [0.001, 0.5, 0.98])
def test_a_file_cut_off_anywhere_is_refused(name: str, share: float, tmp_path: Path) -> None:
    path = pack(tmp_path / name)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ValueError, match=name), open_csv(path) as stream:
        read_rows(stream, stream.name)


@pytest.mark.parametrize("name", ["fer2013.csv.gz", "fer2013.tar.gz"])
@pytest.mark.parametrize("damage", ["plain", "flipped"])
def test_a_gzip_file_that_is_none_or_changed_is_refused_by_its_name(name: str, damage: str, tmp_path: Path) -> None:
    path = pack(tmp_path / name)
    changed = bytearray(path.read_bytes())
    changed[-6] ^= 1  # in the checksum
    path.write_bytes(pack(tmp_path / "fer2013.csv").read_bytes() if damage == "plain" else changed)
    with pytest.raises(ValueError, match=name), open_csv(path) as stream:
        read_rows(stream, stream.name)


@pytest.mark.parametrize("name", PACKED)
def test_unpacking_stops_at_the_limit_whatever_the_archive_claims(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unpacks to over 100,000 bytes"):  # noqa: SIM117
        with open_csv(pack(tmp_path / name), limit=100_000) as stream:
            read_rows(stream, stream.name)


def test_links_in_archives_are_not_followed(tmp_path: Path) -> None:
    pack(tmp_path / "secret.csv")
    with tarfile.open(tmp_path / "linked.tar.gz", "w:gz") as tar:
        link = tarfile.TarInfo("fer2013.csv")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "secret.csv")
        tar.addfile(link)
    with zipfile.ZipFile(tmp_path / "linked.zip", "w") as archive:
        entry = zipfile.ZipInfo("fer2013.csv")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, str(tmp_path / "secret.csv"))
    for name in ("linked.tar.gz", "linked.zip"):
        with pytest.raises(ValueError, match=f"{name}: found no fer2013.csv"), open_csv(tmp_path / name):
            pass


def test_a_bzip2_member_that_would_unpack_all_at_once_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("fer2013.csv", CSV)
    with pytest.raises(ValueError, match=r"cannot be opened as \.zip \(bzip2\)"), open_csv(tmp_path / "bomb.zip"):
        pass


def test_a_folder_is_searched_and_the_plain_csv_is_preferred(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    packed = pack(tmp_path / "a/archive.zip")
    assert find(tmp_path) == packed
    plain = pack(tmp_path / "a/b/icml_face_data.csv")
    assert find(tmp_path) == plain


def test_pictures_are_found_beside_the_archive_that_a_mac_made_of_them(tmp_path: Path) -> None:
    archive = pack(tmp_path / "archive.zip")
    for folder in ("__MACOSX/faces/train/happy", "__MACOSX/faces/test", "cats/train/black", "cats/test"):
        (tmp_path / folder).mkdir(parents=True)
    assert find(tmp_path) == archive
    for folder in ("faces/train/happy", "faces/test/happy"):
        (tmp_path / folder).mkdir(parents=True)
    assert find(tmp_path) == tmp_path / "faces"


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("missing", FileNotFoundError, "nothing there"),
        ("", ValueError, "neither"),
        ("x.rar", ValueError, "found a .rar"),
    ],
)
def test_a_source_that_is_none_is_refused(name: str, error: type[Exception], message: str, tmp_path: Path) -> None:
    if name == "x.rar":
        (tmp_path / name).touch()
    with pytest.raises(error, match=message):
        find(tmp_path / name)


def pictures(folder: Path) -> Path:
    for i, image in enumerate(IMAGES[:14]):
        usage = USAGES[i % 3]
        parent = folder / ("train" if usage == "Training" else "test") / EMOTIONS[i % 7]
        parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(parent / f"{usage}_{i}.png")
    return folder


def test_the_image_folder_layout_is_read_in_sorted_order(tmp_path: Path, workspace: Callable) -> None:
    raw = workspace(where=pictures(tmp_path / "download/fer").parent)
    pull.main([])
    found = np.load(raw / "faces.npz")
    order = sorted(range(14), key=lambda i: (i % 3 == 0, EMOTIONS[i % 7], f"{USAGES[i % 3]}_{i}.png"))
    assert np.array_equal(found["images"], IMAGES[order])
    assert found["emotions"].tolist() == [i % 7 for i in order]
    assert found["usages"].tolist() == [i % 3 for i in order]
    facts = json.loads((raw / "source.json").read_text())
    assert (facts["kind"], facts["name"], facts["md5"]) == ("folder", "fer", None)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("train/angry/Training_99.png", b"no picture", "found no picture, expected JPEG or PNG"),
        ("train/anger/Training_99.png", b"", "the folder is 'anger', expected angry"),
        ("test/angry/Training_99.png", b"", r"the name under test/ is 'Training_99.png', expected PublicTest_\*"),
        ("train/angry/Training_99.png", (47, 48), "found 48 x 47 pixels, expected 48 x 48"),
        ("train/angry/Training_99.png", (48, 48), "image file is truncated"),
    ],
)
def test_a_wrong_picture_is_named(name: str, content: bytes | tuple, reason: str, tmp_path: Path) -> None:
    path = pictures(tmp_path) / name
    path.parent.mkdir(exist_ok=True)
    if isinstance(content, tuple):
        file = io.BytesIO()
        Image.fromarray(np.resize(IMAGES, content)).save(file, "PNG")
        content = file.getvalue()[:400]
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"{name}: {reason}.* 1 of 15 rows are wrong"):
        read_pictures(tmp_path)


def test_drawn_faces_put_every_emotion_into_every_split(workspace: Callable) -> None:
    raw = workspace("drawn")
    pull.main([])
    found = np.load(raw / "faces.npz")
    pairs, counts = np.unique(np.stack([found["usages"], found["emotions"]]), axis=1, return_counts=True)
    assert pairs.shape == (2, 21)
    assert counts.tolist() == [16] * 7 + [2] * 14
    assert json.loads((raw / "source.json").read_text())["kind"] == "drawn"


@pytest.fixture
def kaggle_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Send kagglehub to a port of this machine, through its own setting for a local Kaggle and a proxy."""

    def redirect(port: int) -> None:
        for key in [key for key in os.environ if key.startswith("KAGGLE") or key.lower().endswith("_proxy")]:
            monkeypatch.delenv(key)
        monkeypatch.setenv("HOME", str(tmp_path))  # no credentials of the developer's
        monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "LOCALHOST")
        monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")

    return redirect


class Kaggle(http.server.BaseHTTPRequestHandler):
    """Answers the two calls that kagglehub makes for a data set without account."""

    status = 200
    archive = b""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        download = self.path.endswith("/DownloadDataset")
        body = self.archive if download else b'{"currentVersionNumber": 1}'
        self.send_response(self.status)
        self.send_header("Content-Type", "application/zip" if download else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[http.server.ThreadingHTTPServer]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("OneKaggle", (Kaggle,), {})) as found:
        thread = threading.Thread(target=found.serve_forever, args=(0.05,))
        thread.start()
        yield found
        found.shutdown()
        thread.join()


def test_kaggles_archive_is_downloaded_and_read(
    server: http.server.ThreadingHTTPServer, kaggle_at: Callable, tmp_path: Path, workspace: Callable
) -> None:
    server.RequestHandlerClass.archive = pack(tmp_path / "kaggle.zip").read_bytes()  # type: ignore[attr-defined]
    kaggle_at(server.server_port)
    raw = workspace()
    pull.main([])
    assert np.array_equal(np.load(raw / "faces.npz")["images"], IMAGES)
    facts = json.loads((raw / "source.json").read_text())
    assert facts["name"] == "ashishpatel26/facial-expression-recognitionferchallenge"
    assert str(tmp_path) not in (raw / "source.json").read_text()


@pytest.mark.parametrize(("status", "archive"), [(200, b"no archive"), (404, b""), (403, b""), (503, b"")])
def test_whatever_kaggle_refuses_the_ways_out_are_listed(
    status: int, archive: bytes, server: http.server.ThreadingHTTPServer, kaggle_at: Callable
) -> None:
    server.RequestHandlerClass.status, server.RequestHandlerClass.archive = status, archive  # type: ignore[attr-defined]
    kaggle_at(server.server_port)
    with pytest.raises(ConnectionError, match=r"set FER2013_SOURCE to a copy.*credentials, or run `make demo`"):
        kaggle.download()


def test_a_server_that_never_answers_is_given_up(kaggle_at: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kaggle, "TIMEOUT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        kaggle_at(silent.getsockname()[1])
        with pytest.raises(ConnectionError, match="ReadTimeout"):
            kaggle.download()


def test_offline_the_command_ends_with_one_line_and_status_1(kaggle_at: Callable, workspace: Callable) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    kaggle_at(port)
    workspace()
    command = [sys.executable, "-m", "src.pull"]
    root = Path(pull.__file__).parents[1]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ashishpatel26/")
    assert done.stderr.count("\n") == 1
