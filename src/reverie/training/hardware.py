"""Which device and which precision, by setting; "auto" asks the hardware, never assumes.

Lower precision than the weights' own is for two things only: the steps of training, and the calls of sampling, whose errors
are larger by far. All else (validation, likelihood, inversion, conversion between formats) computes in the weights' own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from reverie.errors import UsageError

__all__ = ["VARIABLE", "autocast_dtype", "automatic_precision", "choose_device", "cuda_settings"]

VARIABLE = "REVERIE_PRECISION"
"""The environment variable that says what "auto" is, fp32 or bf16, whatever the hardware: to try what happens elsewhere."""

ENOUGH = 2**17
"""Numbers from which on bf16 was measured as fast on a CPU, or faster: benchmarks/results/training_throughput.txt."""


def choose_device(name: str) -> torch.device:
    """The device called "auto", "cpu", "cuda" or "cuda:N". Raises UsageError for a CUDA device that is not there."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(name)
    if device.type == "cuda":
        if (device.index or 0) >= (count := torch.cuda.device_count()):
            raise UsageError(f"device {name!r} was asked for, but this machine has {count} CUDA devices.")
        torch.backends.cudnn.allow_tf32 = False  # convolutions round to ten bits if nothing is said; see cuda_settings
    return device


def autocast_dtype(precision: str, device: torch.device) -> torch.dtype | None:
    """The dtype of matrix products: None means fp32. "auto" is `automatic_precision`."""
    if precision == "auto":
        precision = automatic_precision(device)
    return {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision)


def automatic_precision(device: torch.device, numbers: int | None = None) -> str:
    """What "auto" is on this machine: "bf16" where the hardware multiplies it, else "fp32"; or as VARIABLE says. Where a
    layer answers few numbers at a time, None for enough, "fp32" on a CPU: casting takes longer than the products save.

    Raises UsageError where that says anything else.
    """
    chosen = os.environ.get(VARIABLE, "")
    if chosen not in ("", "fp32", "bf16"):
        raise UsageError(f"{VARIABLE} is {chosen!r:.40}, but can only be fp32 or bf16: change it, or unset it.")
    few = device.type == "cpu" and numbers is not None and numbers < ENOUGH
    return chosen or ("bf16" if _multiplies_bf16(device) and not few else "fp32")


def _multiplies_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("amx_bf16") or capabilities.get("avx512_bf16"))


@contextmanager
def cuda_settings(device: torch.device, fast: bool = True) -> Iterator[None]:
    """TF32 products and tuned convolutions while training on CUDA, or neither; put back as they were afterwards."""
    if device.type != "cuda":
        yield
        return
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.benchmark = fast
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark = before
