"""This machine and its processes: what they are called, whether they live, and what a training costs them."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from src.tracking import store

CLOCK_STEP_S = 60
"""The start of a process moves as the system's clock is set."""


def host() -> str:
    """Give the name of this machine."""
    return socket.gethostname()


def describe() -> str:
    """Say in a few words what machine this is."""
    gib = psutil.virtual_memory().total / 2**30
    return f"{host()}, {psutil.cpu_count()} CPUs, {gib:.0f} GiB"


def process_tags() -> dict[str, str]:
    """Name this machine and this process, `<pid>@<start in epoch seconds>`, as no later process of it will be named."""
    return {"host": host(), "process": f"{os.getpid()}@{psutil.Process().create_time():.2f}"}


def is_alive(name: str) -> bool:
    """Say whether the process of this name, as `process_tags` gave it on this machine, still runs."""
    pid, _, started = name.partition("@")
    try:
        process = psutil.Process(int(pid))
        if process.status() == psutil.STATUS_ZOMBIE:  # dead, but its parent has not asked how it ended
            return False
        return abs(process.create_time() - float(started)) < CLOCK_STEP_S
    except (psutil.NoSuchProcess, ValueError):
        return False


@contextmanager
def watched(run_id: str) -> Iterator[None]:
    """Log what the block takes of processor, memory, disk and network to the run, `system/...`, every 10 seconds.

    MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL changes the seconds. It happens in a thread of its own, which gives up
    silently when the store goes away.
    """
    from mlflow.system_metrics import system_metrics_monitor

    logging.getLogger(system_metrics_monitor.__name__).setLevel(logging.CRITICAL)
    monitor = system_metrics_monitor.SystemMetricsMonitor(
        run_id, resume_logging=True, tracking_uri=store.tracking_uri()
    )
    monitor.start()
    try:
        yield
    finally:
        monitor.finish()
