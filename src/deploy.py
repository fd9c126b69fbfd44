"""Fetch the champion's bundle, check every byte and golden sample, and put it in place of the one that is there."""

from __future__ import annotations

import os
import sys
import tempfile
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from src import cli

NEWER = 3
"""Exit status of `--check` when there is something newer."""


def main(argv: list[str] | None = None) -> None:
    options = read_options(argv)
    if options.tracking_uri:
        os.environ["MLFLOW_TRACKING_URI"] = options.tracking_uri
    client, version = find(options)
    if options.check:
        with cli.hushed():
            state = difference(options.to, version, options.public_key)
        print(f"{options.to}: {state or f'{version}, up to date'}")
        sys.exit(NEWER if state else 0)
    deploy(client, version, options)
    print(f"{options.to}: {version}, checked and in place")


def read_options(argv: list[str] | None) -> Namespace:
    """Read the command line; `--help` says what each option does."""
    parser = cli.parser("deploy", __doc__)
    parser.epilog = (
        f"Exit status: 0 done, or with --check up to date; {NEWER} with --check: newer, deploy again; 1 failed."
    )
    parser.add_argument(
        "--to", required=True, type=Path, metavar="DIR", help="new, empty, or holding a bundle: replaced"
    )
    parser.add_argument("--name", help="registered model; by default the one of this workspace's data, or fer-emotion")
    parser.add_argument("--version", metavar="N", help="this version instead of the champion")
    parser.add_argument("--tracking-uri", metavar="URI", help="the MLflow store, instead of MLFLOW_TRACKING_URI")
    parser.add_argument("--public-key", type=Path, metavar="FILE", help="PEM; refuse what its owner has not signed")
    parser.add_argument("--check", action="store_true", help="only say whether there is something newer than in DIR")
    return parser.parse_args(argv)


def find(options: Namespace) -> tuple[Any, Any]:
    """Give the client of the store, and the version that is asked for.

    Raises:
        FileNotFoundError: The store is a file that is not there; MLflow would make an empty one.
        ValueError: There is no such version.
    """
    from src.tracking import store, versions

    store.demand_existing()
    name = options.name or versions.default_name()
    with cli.hushed():
        client = store.connect()
        return client, versions.find(client, name, options.version, versions.CHAMPION)


def difference(target: Path, version: Any, public_key: Path | None = None) -> str | None:
    """Say what there is to deploy; None where `target` holds this very version, unchanged and signed as wanted.

    Raises:
        ValueError: The version there is not signed as wanted, or `target` is no bundle's folder.
        NotADirectoryError: It is a file.
    """
    from src.tracking import bundle, handover, signing, versions

    handover.demand_replaceable(target)
    wanted = str(version)
    here = handover.read_note(target)
    if here is None:
        return f"holds nothing deployed yet, {wanted} is there"
    if (here["name"], here["version"]) != (version.name, version.number):
        return f"holds {here['name']} version {here['version']}, {wanted} is there"
    try:
        bundle.verify(target)
    except ValueError as error:
        return f"{error}; deploy {wanted} again"
    if bundle.digest(target) != version.tags.get("bundle"):
        return f"holds another bundle than {wanted}, deploy it again"
    if here.get("bundle") != bundle.digest(target):
        return f"{handover.NOTE} is of another bundle than lies beside it, deploy {wanted} again"
    if here.get("decision") != version.tags.get(versions.DECISION):
        return f"{handover.NOTE} names another decision than made {wanted} the champion, deploy it again"
    if public_key:
        signing.check((target / bundle.MANIFEST).read_bytes(), version.tags.get(signing.TAG), public_key)
    return None


def deploy(client: Any, version: Any, options: Namespace) -> None:
    """Fetch, check, and swap in; whatever goes wrong, `options.to` stays as it was.

    Raises:
        ValueError: The bundle is not whole, not signed as wanted, or comes out wrong here; or the target is no bundle.
        OSError: The target can't be written.
        ConnectionError: The store can't be reached.
    """
    from src.tracking import bundle, handover, signing, versions

    handover.demand_replaceable(options.to)
    with cli.hushed(), tempfile.TemporaryDirectory() as folder:
        there = versions.fetch(client, version, Path(folder))
        if options.public_key:
            signing.check((there / bundle.MANIFEST).read_bytes(), version.tags.get(signing.TAG), options.public_key)
        note = {
            "name": version.name,
            "version": version.number,
            "alias": None if options.version else versions.CHAMPION,
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "run": version.run_id,
            "decision": version.tags.get(versions.DECISION),
            "bundle": bundle.digest(there),
        }
        handover.replace(there, options.to, note)


if __name__ == "__main__":
    cli.run(main)
