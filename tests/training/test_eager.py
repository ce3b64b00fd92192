"""Optimisers without the compiler of torch take the steps of torch's own, to the bit, and import no compiler."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch

from reverie.training import eager

OURS: list[tuple[Any, Any, dict[str, float]]] = [
    (eager.Adam, torch.optim.Adam, {}),
    (eager.AdamW, torch.optim.AdamW, {"weight_decay": 0.1}),
]


@pytest.mark.parametrize(("ours", "theirs", "settings"), OURS)
def test_steps_are_those_of_torch_also_after_the_state_was_kept_and_read(ours: Any, theirs: Any, settings: Any) -> None:
    found = []
    for kind in (ours, theirs):
        weight = torch.nn.Parameter(torch.arange(6.0))
        optimizer = kind([weight], lr=0.1, fused=True, **settings)
        for k in range(4):
            optimizer.zero_grad()
            ((weight - k) ** 3).sum().backward()
            optimizer.step()
            again = kind([weight], lr=0.5, fused=True, **settings)
            again.load_state_dict(optimizer.state_dict())
            optimizer = again
        found.append(weight.detach().clone())
    assert torch.equal(*found) and bool((found[0] != torch.arange(6.0)).any())
    assert weight.requires_grad and torch.is_grad_enabled()


CODE = """
import sys
import torch
from reverie.training import eager, muon
for kind in (eager.Adam, eager.AdamW, muon.Muon):
    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = kind([weight], lr=0.1)
    optimizer.zero_grad()
    weight.sum().backward()
    optimizer.step()
    optimizer.load_state_dict(optimizer.state_dict())
assert "torch._dynamo" not in sys.modules
"""


def test_no_compiler_is_imported() -> None:
    assert subprocess.run([sys.executable, "-c", CODE]).returncode == 0
