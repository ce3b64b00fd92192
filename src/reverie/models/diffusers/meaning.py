"""What a scheduler of diffusers says of the model beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reverie.config import Sampling
from reverie.errors import DataError
from reverie.process.path import NoisePath
from reverie.process.prediction import Kind

__all__ = ["Meaning", "check_plain"]


@dataclass(frozen=True, eq=False)
class Meaning:
    """What a scheduler says of its model.

    Attributes:
        schedule: of the process, a table or a path in continuous time.
        predict: what the network predicts.
        learned_variance: it predicts the variance too.
        sampling: how it wants to be sampled.
        network: how the network is told of the time, and what sign its output has: see DiffusersUNetConfig.
    """

    schedule: NoisePath
    predict: Kind
    learned_variance: bool
    sampling: Sampling
    network: Mapping[str, Any] = field(default_factory=dict)


def check_plain(config: Mapping[str, Any], where: str, **only: Any) -> None:
    """Raises DataError, naming the file and the key, for the first setting that is not the one supported."""
    for key, value in only.items():
        if config.get(key, value) not in (value, None):
            raise DataError(f"{where} has {key} = {config[key]!r:.60}; only {value!r} is supported.")
