"""A network as it is: each layer in the order it is done, what it answers, and its weights, taken from a real pass.

Two passes, of one example and of two, tell which axis of an answer is the batch: it is left out.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from reverie.errors import UsageError
from reverie.memory import available, held, ran_out
from reverie.process import TerminalSNRWarning
from reverie.process.randomness import generator

if TYPE_CHECKING:
    from reverie.config import RunConfig

__all__ = ["NetworkTrace", "Row", "network"]


@dataclass(frozen=True)
class Row:
    """One line of the trace: a layer, the shape of its answer for one example, and its weights."""

    layer: str
    shape: tuple[int, ...]
    weights: int


@dataclass(frozen=True)
class NetworkTrace:
    """The network of a recipe, traced.

    Attributes:
        kind: of network.
        entering: the shape of x_t for one example.
        rows: the layers, in the order in which they answer.
        weights: all of them; those of the rows, and what the network keeps besides its layers.
    """

    recipe: str
    kind: str
    entering: tuple[int, ...]
    rows: tuple[Row, ...]
    weights: int

    def reply(self) -> dict[str, Any]:
        """As JSON."""
        rows = [{"layer": row.layer, "shape": list(row.shape), "weights": row.weights} for row in self.rows]
        return {
            "recipe": self.recipe,
            "network": self.kind,
            "entering": list(self.entering),
            "weights": self.weights,
            "layers": rows,
        }


def network(
    recipe: str = "health-gym", channels: int = 22, length: int = 60, settings: Mapping[str, Any] | None = None
) -> NetworkTrace:
    """Traces the untrained network of a recipe.

    Args:
        recipe, settings: see config.resolve.
        channels: of a picture, or of the codes of a visit.
        length: pixels of a side, or visits of a record (before which the token of its statics stands).

    Raises UsageError for an unknown recipe or setting, fewer than 1 channel or visit, or more than memory holds.
    """
    from reverie.config import Source, resolve  # they know records too, which takes longer to import than torch
    from reverie.models.model import untrained

    if channels < 1 or length < 1:
        raise UsageError(f"channels and length must be above 0, not {channels} and {length}.")
    with warnings.catch_warnings(action="ignore", category=TerminalSNRWarning):  # the schedule is not looked at here
        config = resolve(Source(name="trace"), 0, recipe, settings or {})
    try:
        with held((available() or 0) // 2 or None):  # or the system would end this process, or another
            with warnings.catch_warnings(action="ignore", category=TerminalSNRWarning):
                module = untrained(config, channels).module.eval()
            one, two = (_pass(module, _question(config, channels, length, batch)) for batch in (1, 2))
    except (RuntimeError, MemoryError) as error:
        if not ran_out(error):
            raise
        raise UsageError(
            f"a pass of this network over {channels:,} channels and a length of {length:,} takes more memory than there is: "
            "take a smaller `length`, or fewer `channels`."
        ) from error
    layers = dict(_layers(module))
    rows = tuple(
        Row(name, _without_batch(shape, other), sum(p.numel() for p in layers[name].parameters()))
        for (name, shape), (_, other) in zip(one, two, strict=True)
    )
    entering = tuple(_question(config, channels, length, 1)[0].shape[1:])
    return NetworkTrace(recipe, config.network.kind, entering, rows, sum(p.numel() for p in module.parameters()))


def _question(config: RunConfig, channels: int, length: int, batch: int) -> tuple[Any, ...]:
    """What the network is asked: x_t, t, and the condition that it cannot do without."""
    shape, condition = config.network.example(batch, channels, length)
    x_t, t = torch.randn(shape, generator=generator(0, "trace")), torch.ones(batch, dtype=torch.int64)
    return (x_t, t) if condition is None else (x_t, t, condition)


def _layers(module: nn.Module) -> list[tuple[str, nn.Module]]:
    """The parts a network is made of: its children, lists of them opened."""
    found = []
    for name, child in module.named_children():
        found += (
            [(f"{name}.{i}", part) for i, part in enumerate(child)] if isinstance(child, nn.ModuleList) else [(name, child)]
        )
    return found


def _pass(module: nn.Module, question: tuple[Any, ...]) -> list[tuple[str, tuple[int, ...]]]:
    """Each layer that answered, and the shape of its answer; of several answers, joined along the last axis."""
    seen: list[tuple[str, tuple[int, ...]]] = []

    def noting(name: str) -> Any:
        def hook(_: nn.Module, __: tuple[Any, ...], answer: Tensor | tuple[Tensor, ...]) -> None:
            parts = answer if isinstance(answer, tuple) else (answer,)
            seen.append((name, (*parts[0].shape[:-1], sum(part.shape[-1] for part in parts))))

        return hook

    hooks = [layer.register_forward_hook(noting(name)) for name, layer in _layers(module)]
    with torch.no_grad():
        module(*question)
    for hook in hooks:
        hook.remove()
    return seen


def _without_batch(one: tuple[int, ...], two: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(a for a, b in zip(one, two, strict=True) if (a, b) != (1, 2))
