"""What a network says of itself, so that the rest of the house need not know which one it is.

A new network is a file with its module and such a class, and its line in registry.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

import torch
from pydantic import BaseModel, Field
from torch import Tensor, nn

from reverie.denoisers.condition_mask import ConditionMask
from reverie.denoisers.conditions import Condition, Labels
from reverie.errors import UsageError

__all__ = ["NetworkConfig", "PictureNetwork", "RecordNetwork"]


class NetworkConfig(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """The size of a network, and what follows from its kind.

    Attributes:
        kind: its name in config.yaml.
    """

    kind: str

    of: ClassVar[Literal["pictures", "records", "linked"]]
    """What it answers for."""
    recipes: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """Settings by name, in the sections of a config; what a section leaves out is as usual."""
    stages: ClassVar[bool] = False
    """Of records: whether it answers stage by stage, statics too, for whatever is given; else for whole records only."""
    usual: ClassVar[Mapping[str, Any]] = {}
    """The sampler and its steps where none are named."""

    def build(self, channels: Any, out_channels: Any) -> nn.Module:
        """The module for states of so many channels (of linked tables, of each kind of token); its weights are drawn from
        torch's own generator."""
        raise NotImplementedError

    def example(self, batch: int, channels: int, length: int) -> tuple[tuple[int, ...], Condition | None]:
        """The shape of states it can be asked for, `length` pixels a side or as many visits, and their condition."""
        raise NotImplementedError

    def tensors(self, condition: Condition | None, count: int) -> dict[str, Tensor]:
        """The condition of `count` states as tensors by name, for a runtime that knows nothing else (see onnx.py). Raises
        UsageError where the network has no graph of tensors alone."""
        raise UsageError(f"a network of the kind {self.kind} has no graph of tensors alone, so no other runtime has it.")

    def condition(self, tensors: Mapping[str, Tensor]) -> Condition | None:
        """The inverse of `tensors`."""
        raise NotImplementedError

    @property
    def scaled(self) -> bool:
        """Whether it is told of states and times in continuous time as our networks are, see Network."""
        return True

    @property
    def class_count(self) -> int:
        """How many classes it knows."""
        return 0

    def with_classes(self, count: int) -> Self:
        """The same for data of so many classes."""
        return self

    def with_attributes(self, levels: tuple[int, ...], numbers: tuple[int, ...]) -> Self:
        """The same for pictures with attributes, of so many levels each and of so many numbers each. Raises UsageError where
        it cannot be told any."""
        if levels or numbers:
            raise UsageError(
                f"a network of the kind {self.kind} is told no attributes: leave `conditions` out, or `recipe`."
            )
        return self

    def fits(self, sizes: tuple[tuple[int, ...], tuple[int, ...]]) -> bool:
        """Whether it is told attributes of these levels and numbers."""
        return sizes == ((), ())

    def of_latents(self) -> Self:
        """The same for the latents of pictures."""
        return self

    def demands(self, codec: Any) -> str | None:
        """Why it has no answer for records coded so, as a sentence; none where it has."""
        return None

    def activations(self, part: int, tokens: float, longest: int) -> float:
        """Numbers kept for the way back, of `part` records that have so many tokens in all and at most `longest` each."""
        raise NotImplementedError

    def numbers(self, batch: int, codec: Any) -> int | None:
        """How many numbers its widest layer answers of a batch coded so, roughly; None where it does not say."""
        return None

    @property
    def lighter(self) -> tuple[Mapping[str, Any], ...]:
        """Settings that take less memory, the least change first."""
        return ()


class PictureNetwork(NetworkConfig, frozen=True):
    """A network for pictures [B, C, H, W].

    Attributes:
        classes: how many classes the pictures have; 0 for a network without.
    """

    of = "pictures"

    classes: int = Field(0, ge=0, le=100_000)

    def example(self, batch: int, channels: int, length: int) -> tuple[tuple[int, ...], Condition | None]:
        return (batch, channels, length, length), None

    def tensors(self, condition: Condition | None, count: int) -> dict[str, Tensor]:
        """Without a class the label is the number after the last."""
        if condition is not None and not isinstance(condition, Labels):
            raise UsageError("another runtime is told classes alone: leave out what else the network is told.")
        if not self.classes:
            return {}
        return {"labels": torch.full((count,), self.classes) if condition is None else condition.values}

    def condition(self, tensors: Mapping[str, Tensor]) -> Condition | None:
        return Labels(tensors["labels"]) if tensors else None

    @property
    def class_count(self) -> int:
        return self.classes

    def with_classes(self, count: int) -> Self:
        return self.model_copy(update={"classes": count})


class RecordNetwork(NetworkConfig, frozen=True):
    """A network for records [B, 1 + visits, C], the statics first, which needs a ConditionMask as its condition."""

    of = "records"
    usual: ClassVar[Mapping[str, Any]] = {"sampler": "angular", "steps": 3}
    codec: ClassVar[Mapping[str, Any]]
    """Settings of the codec that it can be trained with."""
    answers: ClassVar[str]
    """Why: the beginning of a sentence."""

    def example(self, batch: int, channels: int, length: int) -> tuple[tuple[int, ...], Condition | None]:
        shape = (batch, 1 + length, channels)
        asked = torch.ones(shape, dtype=torch.bool)
        asked[:, 0] = False
        return shape, ConditionMask(
            torch.zeros(shape), torch.zeros_like(asked), asked, torch.ones(shape[:2], dtype=torch.bool)
        )

    def demands(self, codec: Any) -> str | None:
        if all(getattr(codec, key) == value for key, value in self.codec.items()):
            return None
        settings = " and ".join(f"codec.{key}={str(value).lower()}" for key, value in self.codec.items())
        return f"{self.answers}: it needs {settings}."
