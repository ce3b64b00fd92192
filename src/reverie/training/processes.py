"""Several processes on one batch, of one machine or of many: each computes its rows, and gradients are averaged.

process r of n   rows [r B / n, (r + 1) B / n) of every batch of B       what is drawn for them: blocks.py
gradient         sum_r m_r g_r / sum_r m_r                               m_r: what is measured in the rows of r

Each then takes the same step, so the weights stay the same everywhere. Rank 0 alone writes files and speaks. Each process
has a device of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import Parameter

from reverie.errors import ReverieError, UsageError
from reverie.training.hardware import choose_device

__all__ = [
    "ApartError",
    "Place",
    "agree",
    "any_of",
    "average",
    "cut",
    "first_alone",
    "joined",
    "local_world",
    "own_device",
    "rank",
    "same",
    "share",
    "summed",
    "wait",
    "world",
]

PATIENCE = timedelta(minutes=30)
"""How long the others are waited for, who may have much to read; who died is noticed at once."""


@dataclass(frozen=True)
class Place:
    """Which process of how many this is.

    Attributes:
        rank, world: among all.
        local_rank, local_world: among those that share this machine's devices.
        address: where they meet: "tcp://host:port" of the first, or "file:///..." on one machine; none where the environment
            has it, as torchrun sets it.
    """

    rank: int = 0
    world: int = 1
    local_rank: int = 0
    local_world: int = 1
    address: str | None = None

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Place | None:
        """As torchrun says it, and what does as it does; None for a process that is alone. Raises UsageError for what is
        no number."""
        if not {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"} <= environment.keys():
            return None
        names = {"RANK": None, "WORLD_SIZE": None, "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"}
        numbers = {name: environment.get(name, usual) or "" for name, usual in names.items()}
        for name, text in numbers.items():
            if not text.isdecimal():
                raise UsageError(f"{name} is {text!r:.40}, and torchrun sets it to a number: unset it to train alone.")
        number, of, local, locally = (int(text) for text in numbers.values())
        return cls(number, of, local, locally)


class ApartError(ReverieError):
    """The processes of a group did not come together."""


@contextmanager
def joined(place: Place, device: str = "auto") -> Iterator[None]:
    """Within the block this process is one of a group, and has a device of its own.

    Raises UsageError where there are not enough devices, and ApartError where the others do not come.
    """
    global _local_world
    own = own_device(device, place)
    if own.type == "cuda":
        torch.cuda.set_device(own)
    try:
        dist.init_process_group(
            "nccl" if own.type == "cuda" else "gloo",
            init_method=place.address or "env://",
            rank=place.rank,
            world_size=place.world,
            timeout=PATIENCE,
        )
    except (dist.DistError, RuntimeError, ValueError) as error:
        at = f" at {place.address}" if place.address else ""
        raise ApartError(
            f"the {place.world} processes of this training did not come together{at} ({str(error).splitlines()[0]:.200}): "
            "see that each machine reaches the first, and start them again."
        ) from error
    _local_world = place.local_world
    try:
        yield
    finally:
        _local_world = 1
        dist.destroy_process_group()


def own_device(name: str, place: Place) -> torch.device:
    """The device of a process, of the setting "auto", "cpu", "cuda" or "cuda:N": each takes another.

    Raises UsageError where the devices do not suffice, and for one device for several processes.
    """
    device = choose_device(name)
    if device.type != "cuda" or place.world == 1:
        return device
    if device.index is not None:
        if place.local_world > 1:
            raise UsageError(
                f"device={name} is one device for {place.local_world} processes on this machine: leave it out, and each "
                "takes its own."
            )
        return device
    count, needed = torch.cuda.device_count(), max(place.local_world, place.local_rank + 1)
    if needed > count:
        raise UsageError(
            f"{needed} processes were started on this machine, which has {count} CUDA devices: start {count}, or set "
            "device=cpu."
        )
    return torch.device("cuda", place.local_rank)


_local_world = 1


def local_world() -> int:
    """How many processes share this machine."""
    return _local_world


def world() -> int:
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    return dist.get_rank() if dist.is_initialized() else 0


def cut(rows: range, parts: int) -> list[range]:
    """Neighbouring rows in so many parts, as even as can be."""
    ends = [rows.start + part * len(rows) // parts for part in range(parts + 1)]
    return [range(first, last) for first, last in pairwise(ends)]


def share(batch: int, parts: int = 1) -> range:
    """The rows of a batch that are this process's. Raises UsageError if not every part of every process gets one."""
    if batch < world() * parts:
        accumulate = f", each in {parts} parts" if parts > 1 else ""
        raise UsageError(
            f"a batch of {batch} is too small for {world()} processes{accumulate}: set batch to {world() * parts} or more, "
            f"or start fewer processes{' or set a lower accumulate' if parts > 1 else ''}."
        )
    return cut(range(batch), world())[rank()]


def summed(tensors: Sequence[Tensor], device: torch.device) -> list[Tensor]:
    """The sums over the processes, in one message; the same bits everywhere."""
    if world() == 1 or not tensors:
        return list(tensors)
    flat = torch.cat([tensor.detach().to(device).flatten() for tensor in tensors])
    dist.all_reduce(flat)
    parts = flat.split([tensor.numel() for tensor in tensors])
    return [part.view(tensor.shape).to(tensor) for part, tensor in zip(parts, tensors, strict=True)]


def average(weights: Iterable[Parameter], counts: float, numbers: Mapping[str, float]) -> dict[str, float]:
    """Puts into the weights the mean of their gradients over the processes, where this one counts so much; and the mean of
    the numbers, of which each process has the same. A weight that no process has a gradient of keeps none."""
    if world() == 1:
        return dict(numbers)
    every = list(weights)
    device, dtype = every[0].device, torch.promote_types(every[0].dtype, torch.float32)
    some = [float(weight.grad is not None) for weight in every]
    told = torch.tensor([counts, *some, *(counts * value for value in numbers.values())], dtype=dtype, device=device)
    mine = [torch.zeros_like(weight) if weight.grad is None else weight.grad * counts for weight in every]
    heads, *sums = summed([told, *mine], device)
    measured, *rest = heads.tolist()
    measured = max(measured, 1e-30)
    for weight, there, total in zip(every, rest, sums, strict=False):
        # In the weight's memory layout: the fused update walks both in storage order.
        weight.grad = torch.empty_like(weight).copy_(total / measured) if there else None
    return {name: total / measured for name, total in zip(numbers, rest[len(every) :], strict=True)}


def any_of(number: int, device: torch.device) -> int:
    """The largest of the processes' numbers, so that all stop when one has to."""
    if world() == 1:
        return number
    value = torch.tensor(number, device=device)
    dist.all_reduce(value, op=dist.ReduceOp.MAX)
    return int(value)


def agree(what: str, device: torch.device) -> bool:
    """Whether all processes say the same."""
    if world() == 1:
        return True
    number = int.from_bytes(hashlib.blake2b(what.encode(), digest_size=7).digest(), "little")
    return any_of(number, device) == -any_of(-number, device)


def same(module: nn.Module) -> None:
    """Gives every process the weights of the first, to the bit: machines round their beginnings differently."""
    if world() > 1:
        for value in module.state_dict().values():
            dist.broadcast(value, 0)


@contextmanager
def first_alone(asked: bool = True) -> Iterator[None]:
    """The first process does what is within the block before the others: what it keeps on disk, they find there."""
    if asked and rank():
        wait()
    yield
    if asked and not rank():
        wait()


def wait() -> None:
    """Until every process is here."""
    if world() > 1:
        dist.barrier()
