"""Several processes on one batch (torchrun): each computes its share of every batch, gradients are averaged.

All randomness of a step is drawn for the whole batch and then cut into shares, so the data and the noise do not depend on
the number of processes. Rank 0 alone writes files and speaks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from reverie.errors import UsageError

__all__ = ["any_of", "joined", "parallel", "parts", "rank", "total", "wait", "world"]


@contextmanager
def joined(device: torch.device) -> Iterator[None]:
    """Joins the group that torchrun set up; its addresses are in the environment, as torch expects."""
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=timedelta(minutes=10))
    try:
        yield
    finally:
        dist.destroy_process_group()


def world() -> int:
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    return dist.get_rank() if dist.is_initialized() else 0


def parts(batch: int, count: int) -> list[slice]:
    """The rows of the batch that are this process's, in `count` parts. Raises UsageError if they cannot be cut evenly."""
    size, left = divmod(batch, world() * count)
    if left:
        raise UsageError(
            f"a batch of {batch} cannot be cut into {count} equal parts for each of {world()} processes: change batch or "
            "accumulate."
        )
    first = rank() * count * size
    return [slice(first + part * size, first + (part + 1) * size) for part in range(count)]


def parallel(module: nn.Module) -> nn.Module:
    """The module with its gradients averaged over the processes; itself if there is one."""
    return DistributedDataParallel(module) if world() > 1 else module


def any_of(number: int, device: torch.device) -> int:
    """The largest of the processes' numbers, so that all stop when one has to."""
    if world() == 1:
        return number
    value = torch.tensor(number, device=device)
    dist.all_reduce(value, op=dist.ReduceOp.MAX)
    return int(value)


def total(value: float, device: torch.device) -> float:
    """The sum over the processes."""
    if world() == 1:
        return value
    summed = torch.tensor(value, dtype=torch.float64, device=device)
    dist.all_reduce(summed)
    return float(summed)


def wait() -> None:
    """Until every process is here."""
    if world() > 1:
        dist.barrier()
