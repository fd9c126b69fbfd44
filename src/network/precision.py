"""In which number format the network computes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras


def resolve(precision: str) -> str:
    """Turn `auto` into a Keras dtype policy: `mixed_bfloat16` where the hardware multiplies bfloat16, else `float32`.

    That is x86 processors with AVX512-BF16 or AMX, for which TensorFlow's oneDNN has kernels, and any GPU: say
    `float32` for NVIDIA's before Ampere, which have to emulate it.
    """
    if precision != "auto":
        return precision
    if any(name.startswith("gpu") for name in keras.distribution.list_devices()):
        return "mixed_bfloat16"
    cpuinfo = Path("/proc/cpuinfo")  # Linux only; elsewhere float32 is the safe choice
    flags = set(cpuinfo.read_text().split()) if cpuinfo.exists() else set()
    return "mixed_bfloat16" if flags & {"avx512_bf16", "amx_bf16"} else "float32"


@contextmanager
def policy(precision: str) -> Iterator[None]:
    """Build layers under this precision, and put the policy back that was there before."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(resolve(precision))
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
