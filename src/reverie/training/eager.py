"""The optimisers of torch without its compiler, which they import at their first call although nothing here is compiled:
eight hundred modules, and seconds in every process that trains.

What a method that is kept from the compiler does stands in its `__wrapped__`, and `step` computes without gradients. A
method of which torch says nothing is taken as it is: then the compiler is imported, and nothing else is different.
"""

from __future__ import annotations

from inspect import unwrap
from typing import Any

import torch
from torch.optim import Optimizer

__all__ = ["Adam", "AdamW", "Eager"]


class Eager(Optimizer):
    """An optimiser that is never compiled."""

    add_param_group: Any = unwrap(Optimizer.add_param_group)
    zero_grad: Any = unwrap(Optimizer.zero_grad)
    state_dict: Any = unwrap(Optimizer.state_dict)
    load_state_dict: Any = unwrap(Optimizer.load_state_dict)


class Adam(Eager, torch.optim.Adam):
    """torch.optim.Adam."""

    step: Any = torch.no_grad()(unwrap(torch.optim.Adam.step))


class AdamW(Eager, torch.optim.AdamW):
    """torch.optim.AdamW."""

    step: Any = torch.no_grad()(unwrap(torch.optim.AdamW.step))
