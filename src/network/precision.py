"""In which number format the network computes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras


def resolve(precision: str) -> str:
    """Turn `auto` into a Keras dtype policy: `mixed_bfloat16` where the hardware multiplies bfloat16, else `float32`.

    That is x86 processors with AMX, AMD's with AVX512-BF16, and any GPU: say `float32` for NVIDIA's before Ampere,
    which have to emulate it. Intel's AVX512-BF16 without AMX, as many a virtual machine shows it, does no more
    multiplications a cycle than its float32 (uops.info, VDPBF16PS): training took 1.4 times as long by it.
    """
    if precision != "auto":
        return precision
    if any(name.startswith("gpu") for name in keras.distribution.list_devices()):
        return "mixed_bfloat16"
    cpuinfo = Path("/proc/cpuinfo")  # Linux only; elsewhere float32 is the safe choice
    words = set(cpuinfo.read_text().split()) if cpuinfo.exists() else set()
    fast = "amx_bf16" in words or {"AuthenticAMD", "avx512_bf16"} <= words
    return "mixed_bfloat16" if fast else "float32"


@contextmanager
def policy(precision: str) -> Iterator[None]:
    """Build layers under this precision, and put the policy back that was there before."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(resolve(precision))
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
