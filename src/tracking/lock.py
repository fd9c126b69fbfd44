"""One process at a time moves aliases, whatever machine it runs on: a lock that MLflow's registry holds."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from src.tracking import machine

LEASE_S = 120.0
"""A lock lasts so long at most; a promotion holds it for seconds, as the measuring is done before."""


@contextmanager
def held(client: Any, name: str, wait_s: float = 2 * LEASE_S) -> Iterator[Callable[[], None]]:
    """Hold the lock of the registered model `name`; gives a function that raises if it was lost meanwhile.

    Whoever wants the lock creates an entry of its own in the registry, then looks at all of them: it holds the lock if
    no other lives, else takes its entry back and tries again. Of two holders, the one that created its entry later
    would have seen the other's. As no entry's name comes twice, nobody can remove a lock that it has not seen die. An
    entry is dead when its time is over, or when its process is gone from this machine.

    Raises:
        TimeoutError: Another process held it for `wait_s` seconds.
    """
    prefix = f"{name}.promoting."
    mine = prefix + uuid.uuid4().hex[:12]
    deadline = time.monotonic() + wait_s
    holder = None
    try:
        while other := _take(client, prefix, mine):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name} has been held by {other} for {wait_s:.0f} s; try again when it is done")
            if other != holder:
                holder = other
                print(f"waiting: {name} is held by {other}", flush=True)
            time.sleep(random.uniform(0.1, 0.5))  # two that see each other must not meet again
        yield lambda: _keep(client, mine)
    finally:
        _drop(client, mine)


def _take(client: Any, prefix: str, mine: str) -> str | None:
    """Take the lock, or give the name of who holds it."""
    if holder := _live_other(client, prefix, mine):
        return holder
    tags = {**machine.process_tags(), "expires": str(time.time() + LEASE_S)}
    client.create_registered_model(mine, tags=tags, description="A lock; goes away with the process that holds it.")
    holder = _live_other(client, prefix, mine)
    if holder:
        _drop(client, mine)
    return holder


def _live_other(client: Any, prefix: str, mine: str) -> str | None:
    for entry in client.search_registered_models(f"name LIKE '{prefix}%'"):
        if entry.name == mine:
            continue
        if not _is_dead(entry):
            return _owner(entry.tags)
        _drop(client, entry.name)
    return None


def _owner(tags: dict[str, str]) -> str:
    return f"process {tags['process'].partition('@')[0]} on {tags['host']}" if tags else "a process that is ending"


def _is_dead(entry: Any) -> bool:
    """Tell whether an entry holds nothing; one that is seen while it is removed has lost its tags already."""
    if not entry.tags:
        return time.time() > entry.creation_timestamp / 1000 + LEASE_S
    gone = entry.tags["host"] == machine.host() and not machine.is_alive(entry.tags["process"])
    return gone or time.time() > float(entry.tags["expires"])


def _keep(client: Any, mine: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        if not _is_dead(client.get_registered_model(mine)):
            return
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
    raise TimeoutError(f"this took longer than the {LEASE_S:.0f} s that a lock lasts, nothing was changed; try again")


def _drop(client: Any, entry: str) -> None:
    """Remove an entry; one that can't be removed dies by itself."""
    from mlflow.exceptions import MlflowException
    from requests.exceptions import RequestException

    try:
        client.delete_registered_model(entry)
    except (MlflowException, RequestException):
        return
