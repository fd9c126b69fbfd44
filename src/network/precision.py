"""In which number format the network computes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras


def resolve(precision: str) -> str:
    """Turn `auto` into a Keras dtype policy: `mixed_bfloat16` where that trains faster, else `float32`.

    It does on any GPU (say `float32` for NVIDIA's before Ampere, which have to emulate it) and on some processors.
    """
    if precision != "auto":
        return precision
    cpuinfo = Path("/proc/cpuinfo")  # Linux only; elsewhere float32 is the safe choice
    words = set(cpuinfo.read_text().split()) if cpuinfo.exists() else set()
    return "mixed_bfloat16" if has_gpu() or is_faster_in_bfloat16(words, keras.backend.backend()) else "float32"


def has_gpu() -> bool:
    """Tell whether the backend trains on a GPU."""
    if keras.backend.backend() == "torch":  # Keras can't list its devices
        import torch

        return torch.cuda.is_available()
    return any(name.startswith("gpu") for name in keras.distribution.list_devices())


def is_faster_in_bfloat16(words: set[str], backend: str) -> bool:
    """Tell whether a processor trains faster in bfloat16: under TensorFlow an x86 with AMX, or AMD's with AVX512-BF16.

    Intel's AVX512-BF16 without AMX, as virtual machines may show it, takes 1.4 times as long as its float32; JAX from
    0.11 on answers NaN in bfloat16 (bench/notes.md).

    Args:
        words: All words of /proc/cpuinfo.
        backend: Keras' backend.
    """
    return backend == "tensorflow" and ("amx_bf16" in words or {"AuthenticAMD", "avx512_bf16"} <= words)


@contextmanager
def policy(precision: str) -> Iterator[None]:
    """Build layers under this precision, and put the policy back that was there before."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(resolve(precision))
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
