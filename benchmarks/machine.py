"""The machine a benchmark ran on, in one line, and the precision that networks multiply in there."""

from __future__ import annotations

import os

import torch

import reverie
from reverie.training.hardware import automatic_precision


def describe() -> str:
    about = torch.cpu.get_capabilities()
    extras = [name for name in ("avx2", "avx512_f", "avx512_bf16", "amx_bf16") if about.get(name)]
    return (
        f"reverie {reverie.__version__}, torch {torch.__version__}, {about.get('cpu_name', 'unknown processor')}, "
        f"{os.cpu_count()} cores, {torch.get_num_threads()} threads, {' '.join(extras)}, "
        f"networks in {automatic_precision(torch.device('cpu'))}"
    )
