"""The phone's folder holds one whole bundle, the old or the new one, whatever happens."""

import hashlib
import json
import os
import random
import resource
import stat
import subprocess
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from modules import ROOT
from shop import DRAWN, Shop
from test_signing import write_keys

from src import deploy, promote
from src.faces.drawn import draw
from src.tracking import bundle, handover, store

pytest_plugins = ["registry_fixtures"]
Start = Callable[..., subprocess.Popen]
TARGET = Path("app/model")


def deployed(*options: str) -> None:
    deploy.main(["--to", str(TARGET), *options])


def status(*options: str) -> int:
    with pytest.raises(SystemExit) as left:
        deployed("--check", *options)
    return int(left.value.code or 0)


def content() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in TARGET.iterdir()}


@pytest.fixture
def one(shop: Shop) -> Shop:
    """Give a shop whose champion, version 1, is deployed."""
    shop.add("fair")
    promote.main([])
    deployed()
    return shop


@pytest.fixture
def alone(models: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a bundle in place that is of no registry."""
    monkeypatch.chdir(tmp_path)
    bundle.write(TARGET, models["fair"], draw(3, seed=7)[0][..., None], "# card\n", {})


def test_the_champions_bundle_lands_whole_with_a_note_of_what_it_is(one: Shop):
    assert set(content()) == {"emotion.tflite", "manifest.json", "golden.json", "card.md", "deployed.json"}
    assert content()["emotion.tflite"] == one.models["fair"]
    note = json.loads(content()["deployed.json"])
    assert (note["name"], note["version"], note["alias"]) == ("fer-emotion-drawn", "1", "champion")
    assert note["bundle"] == bundle.digest(TARGET)
    assert [path.name for path in TARGET.parent.iterdir()] == ["model"]


def test_golden_samples_are_no_near_ties(models: dict[str, bytes], tmp_path: Path):
    faces = draw(60, seed=5)[0][..., None]
    bundle.write(tmp_path / "bundle", models["good"], faces, "# card\n", {})
    samples = json.loads((tmp_path / "bundle/golden.json").read_text())["samples"]
    leads = [sorted(sample["probabilities"])[-1] - sorted(sample["probabilities"])[-2] for sample in samples]
    assert min(leads) > 2 * bundle.TOLERANCE
    assert 0 < len(samples) < len(faces), "else this shows nothing"


@pytest.mark.usefixtures("alone")
def test_a_manifest_without_its_files_is_no_bundle():
    (TARGET / "manifest.json").write_text(json.dumps({"schema": 1, "files": list(bundle.LISTED)}))
    with pytest.raises(ValueError, match="is no whole bundle"):
        bundle.verify(TARGET)


def test_check_tells_scripts_whether_there_is_something_newer(shop: Shop):
    shop.add("fair")
    promote.main([])
    assert status() == 3
    deployed()
    assert status() == 0
    shop.add("good")
    assert status() == 0, "a candidate is not a champion"
    promote.main(["--version", "2"])
    assert status() == 3
    deployed()
    assert status() == 0
    (TARGET / "card.md").write_text("changed")
    assert status() == 3
    deployed()
    note = json.loads((TARGET / handover.NOTE).read_text())
    (TARGET / handover.NOTE).write_text(json.dumps(note | {"decision": None}))
    assert status() == 3, "it came before the decision that made it the champion"
    for bundle_of_note in (None, "0" * 64):
        (TARGET / handover.NOTE).write_text(json.dumps(note | {"bundle": bundle_of_note}))
        assert status() == 3, "the app would refuse it"


def test_a_damaged_or_missing_file_is_refused_by_name_and_the_old_bundle_stays(one: Shop):
    before = content()
    folder = one.files(one.add("good"))
    places = random.Random(0)
    for name in bundle.FILES:
        whole = (folder / name).read_bytes()
        flipped = [bytearray(whole) for _ in range(6)]
        for damaged in flipped:
            damaged[places.randrange(len(whole))] ^= 1 << places.randrange(8)
        for damaged in (*flipped, bytearray(whole[:-1])):
            (folder / name).write_bytes(damaged)
            with pytest.raises(ValueError, match=name):
                deployed("--version", "2")
        (folder / name).unlink()
        with pytest.raises(ValueError, match=f"{name} is missing"):
            deployed("--version", "2")
        (folder / name).write_bytes(whole)
        assert content() == before
    assert list(TARGET.parent.iterdir()) == [TARGET]
    deployed("--version", "2")
    assert content()["emotion.tflite"] == one.models["good"]


def rewritten(folder: Path, golden: dict | None = None, **facts: object) -> None:
    """Replace the golden samples and facts of the manifest, as somebody who takes care of the digests would."""
    if golden is not None:
        (folder / bundle.GOLDEN).write_text(json.dumps(golden))
    manifest = json.loads((folder / bundle.MANIFEST).read_text())
    for name, entry in manifest["files"].items():
        whole = (folder / name).read_bytes()
        entry |= {"sha256": hashlib.sha256(whole).hexdigest(), "bytes": len(whole)}
    (folder / bundle.MANIFEST).write_text(json.dumps(manifest | facts))


def golden_with(**changes: object) -> dict:
    golden = json.loads((TARGET / bundle.GOLDEN).read_text())
    golden["samples"][0] |= changes
    return golden


@pytest.mark.usefixtures("alone")
def test_a_model_that_answers_its_golden_samples_otherwise_is_refused():
    before = golden_with()["samples"][0]["probabilities"]
    for other in ([1.0, 0.0, 0.0], [float("nan")] * 3, [share + 0.03 for share in before]):
        rewritten(TARGET, golden_with(probabilities=other))
        with pytest.raises(ValueError, match="golden sample 1 came out as"):
            bundle.verify(TARGET)
    rewritten(TARGET, golden_with(probabilities=[share + 0.01 for share in before]))
    bundle.verify(TARGET)


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("golden", [{}, {"samples": [], "tolerance": 0.02}, {"samples": [{}], "tolerance": 0.02}])
def test_a_bundle_without_golden_samples_is_refused(golden: dict):
    rewritten(TARGET, golden)
    with pytest.raises(ValueError, match=r"is no whole bundle|found no sample"):
        bundle.verify(TARGET)


@pytest.mark.usefixtures("alone")
def test_a_manifest_has_to_list_every_file_of_the_bundle_and_no_other():
    files = json.loads((TARGET / bundle.MANIFEST).read_text())["files"]
    for listed in ({}, {**files, "../model/card.md": files["card.md"]}):
        rewritten(TARGET, files=listed)
        with pytest.raises(ValueError, match=r"manifest\.json: lists"):
            bundle.verify(TARGET)


def test_where_folders_can_not_be_exchanged_an_interrupt_leaves_the_old_one(one: Shop, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(handover, "_exchange", lambda *_: False)
    before = content()
    rename = Path.rename

    def interrupted(path: Path, target: Path) -> Path:
        if path.name == "draft":
            raise KeyboardInterrupt
        return rename(path, target)

    better = one.files(one.add("good"))
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", interrupted)
        with pytest.raises(KeyboardInterrupt):
            handover.replace(better, TARGET, {})
    assert content() == before
    deployed("--version", "2")
    assert content()["emotion.tflite"] == one.models["good"]
    assert list(TARGET.parent.iterdir()) == [TARGET]


def test_a_file_that_does_not_belong_to_a_bundle_is_refused(one: Shop):
    (one.files("1") / "run_me.js").write_text("alert(1)")
    with pytest.raises(ValueError, match=r"run_me\.js does not belong there"):
        deployed()


def test_a_folder_keeps_its_mode_whatever_the_umask(one: Shop):
    TARGET.chmod(0o2775)
    before = os.umask(0o077)
    try:
        deployed()
    finally:
        os.umask(before)
    assert stat.S_IMODE(TARGET.stat().st_mode) == 0o2775
    assert {stat.S_IMODE(path.stat().st_mode) for path in TARGET.iterdir()} == {0o664}


def test_a_folder_stays_that_of_its_group_and_owner(one: Shop):
    root = os.geteuid() == 0
    others = [group for group in os.getgroups() if group != os.getegid()]
    owner, group = (33, 34) if root else (os.geteuid(), next(iter(others), -1))
    try:
        os.chown(TARGET, owner, group)
    except OSError:
        pytest.skip("whoever runs this can't give a folder away")
    if group == -1:
        pytest.skip("only root, or who is in a second group, can give a folder away")
    TARGET.chmod(0o2750)
    deployed()
    assert {(path.stat().st_uid, path.stat().st_gid) for path in (TARGET, *TARGET.iterdir())} == {(owner, group)}
    assert stat.S_IMODE(TARGET.stat().st_mode) == 0o2750


def test_check_refuses_a_place_that_can_not_be_replaced_and_no_version_is_not_the_champion(one: Shop):
    (TARGET / "notes.txt").touch()
    with pytest.raises(ValueError, match=r"holds notes\.txt, which belongs to no bundle"):
        deployed("--check")
    with pytest.raises(ValueError, match="has no version  in"):
        deployed("--version", "")


def test_a_server_that_refuses_after_the_alias_was_found_is_one_line_without_the_password():
    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            there = self.path.split("?")[0].endswith("/alias")
            version = {"name": DRAWN, "version": "1", "run_id": "0" * 32, "tags": []}
            content = {"model_version": version} if there else {"error_code": "PERMISSION_DENIED", "message": "no"}
            self.send_response(200 if there else 403)
            self.end_headers()
            self.wfile.write(json.dumps(content).encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://me:secret@127.0.0.1:{server.server_port}"
        with pytest.raises(ConnectionError, match=r"store http://127\.0\.0\.1:\d+ did not do as asked: PERMISSION"):
            deployed("--name", DRAWN, "--tracking-uri", address)
        server.shutdown()
    with pytest.raises(ConnectionError, match="did not do as asked") as fault:  # nobody listens there now
        deployed("--name", DRAWN, "--tracking-uri", address)
    assert "secret" not in str(fault.value)


def test_a_public_key_refuses_what_is_unsigned_or_signed_by_another(one: Shop, monkeypatch: pytest.MonkeyPatch):
    private, public = write_keys(Path(), "ours")
    _, other = write_keys(Path(), "theirs")
    with pytest.raises(ValueError, match="is not signed"):
        deployed("--public-key", str(public))
    monkeypatch.setenv("FER_SIGNING_KEY", str(private))
    one.add("good")
    promote.main(["--version", "2"])
    before = content()
    with pytest.raises(ValueError, match="another key"):
        deployed("--public-key", str(other))
    assert content() == before
    deployed("--public-key", str(public))
    assert content() != before
    assert status("--public-key", str(public)) == 0
    with pytest.raises(ValueError, match="another key"):
        deployed("--check", "--public-key", str(other))


@pytest.mark.usefixtures("one")
def test_a_folder_that_holds_other_things_is_not_replaced():
    (TARGET / "index.html").write_text("an app")
    with pytest.raises(ValueError, match=r"index\.html, which belongs to no bundle"):
        deployed()
    with pytest.raises(ValueError, match="model, which belongs to no bundle"):
        deploy.main(["--to", "app"])
    assert (TARGET / "index.html").exists()


@pytest.mark.usefixtures("one")
@pytest.mark.parametrize("target", ["params.yaml", "params.yaml/model", "/proc/model"])
def test_a_place_that_can_not_be_written_is_an_error_that_names_it(target: str):
    with pytest.raises(OSError, match=r"params\.yaml|/proc"):
        deploy.main(["--to", target])


def test_a_full_disk_leaves_the_old_bundle_and_nothing_half_written(one: Shop):
    before = content()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, hard))  # the .tflite file has more
    try:
        with pytest.raises(OSError, match="too large"):
            handover.replace(one.files("1"), TARGET, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert content() == before
    assert list(TARGET.parent.iterdir()) == [TARGET]


LIGHT = """
import sys
from importlib.metadata import packages_distributions, requires
from pathlib import Path
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

lines = [line.split("#")[0].strip() for line in Path(sys.argv[1]).read_text().splitlines()]
wanted = [Requirement(line) for line in lines if line]
installed = set()
while wanted:
    one = wanted.pop()
    name = canonicalize_name(one.name)
    if name not in installed and (one.marker is None or one.marker.evaluate({"extra": ""})):
        installed.add(name)
        wanted += map(Requirement, requires(name) or ())
assert "sqlalchemy" in installed and "tensorflow" not in installed
for module, distributions in packages_distributions().items():
    if not installed & {canonicalize_name(name) for name in distributions}:
        sys.modules[module] = None  # importing it fails
from src.deploy import main
main(["--to", "light"])
"""


@pytest.mark.usefixtures("one")
def test_deploy_needs_nothing_but_its_own_requirements(start: Start):
    process = start("-c", LIGHT, str(ROOT / "requirements-deploy.txt"))
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 0, printed
    bundle.verify(Path("light"))


def test_a_store_that_is_not_there_is_named_and_not_made(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    shop.add("fair")
    with pytest.raises(ValueError, match="no version with the alias 'champion'"):
        deployed()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    with pytest.raises(FileNotFoundError, match=r"elsewhere\.db is missing"):
        deployed("--tracking-uri", "sqlite:///elsewhere.db")
    assert not Path("elsewhere.db").exists()


def test_files_in_a_storage_whose_driver_is_not_installed_are_one_line(one: Shop):
    before, client = content(), store.connect()
    run_id = client.get_model_version(DRAWN, "1").run_id
    client.create_model_version(DRAWN, source="gs://bucket/model", run_id=run_id)
    with pytest.raises(ConnectionError, match="needs a driver that is not here: No module"):
        deployed("--version", "2")
    assert content() == before


@pytest.mark.parametrize(
    ("uri", "error", "message"),
    [
        ("sqlite://mlflow.db", ValueError, "three slashes"),
        ("sqlite:///my%20faces/mlflow.db", ValueError, "without [?], %20 and the like"),
        ("sqlite:///what?/mlflow.db", ValueError, "without [?], %20 and the like"),
        ("sqlite:///params.yaml", ConnectionError, "file is not a database"),
        ("postgresql+nobody://here/store", ConnectionError, "did not do as asked"),
        ("mysql+asyncmy://here/store", ConnectionError, "needs a driver that is not here"),
    ],
)
@pytest.mark.usefixtures("shop")
def test_an_address_that_leads_to_no_store_is_one_line(uri: str, error: type, message: str):
    before = set(Path().iterdir())
    with pytest.raises(error, match=message):
        deployed("--tracking-uri", uri)
    assert {path.name for path in set(Path().iterdir()) - before} <= {"params.yaml.lock"}
