"""What models of patients share, of one table or of many: each stage is drawn by one sampler, as the network declares."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, TypeVar

from reverie.denoisers.network import Network
from reverie.errors import UsageError
from reverie.models import few_calls
from reverie.models.model import CALIBRATION, Codec, Model
from reverie.models.shards import in_order
from reverie.plain import number_of
from reverie.records.conditions import Conditions
from reverie.samplers import Sampler, named, time_grid

__all__ = ["StagedModel"]

Made = TypeVar("Made")


@dataclass(frozen=True, eq=False)
class StagedModel(Model[Codec]):
    """A model whose patients are made in stages.

    Attributes:
        calibration: puts right what is drawn; none for what the network draws as it is.
    """

    calibration: Any = None

    @cached_property
    def sampling_denoiser(self) -> Network:
        network = super().sampling_denoiser
        return network.rounded() if network.autocast else network

    @property
    def usual(self) -> dict[str, Any]:
        """The sampler and its steps where none are named: the network says."""
        return dict(self.config.network.usual)

    @property
    def learned(self) -> dict[str, Any]:
        return {CALIBRATION: self.calibration.config} if self.calibration else {}

    def _count(self, count: int | None, conditions: Conditions) -> int:
        """How many patients are made. Raises UsageError for no number, and for another than are given."""
        count = conditions.rows if count is None else count
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise UsageError(f"count must be a whole number above 0, not {count!r}.")
        if conditions.rows not in (None, count):
            told = number_of(conditions.rows or 0, "patient")
            raise UsageError(f"statics of {told} are given, so {count} cannot be made: leave the count out.")
        return count

    def _check_draws(self, draws: int) -> None:
        if draws < 1:
            raise UsageError(f"draws must be a whole number above 0, not {draws}.")

    def _drawn(
        self,
        draws: int,
        parts: int,
        complete: Callable[[int, int], Made],
        workers: int = 0,
        on_step: Callable[[int, int], None] | None = None,
    ) -> Iterator[list[Made]]:
        """Of each draw what `complete` (number of a part, of the draw) makes of so many parts, by several threads."""
        made = in_order(lambda number: complete(number % parts, number // parts), draws * parts, workers, on_step)
        return (list(islice(made, parts)) for _ in range(draws))

    def _method(self, told: dict[str, Any]) -> tuple[Sampler, Sequence[float]]:
        """The sampler and its grid; what is None or left out is as the network declares."""
        told, path = dict(told), self.process.schedule
        asked = {name: told.pop(name, None) for name in ("sampler", "steps")}
        sampler, steps = (self.usual[name] if value is None else value for name, value in asked.items())
        few_calls.check(self.config, sampler)
        ends = {name: told.pop(name, None) for name in ("sigma_min", "sigma_max")}
        grid = time_grid(path, steps, told.pop("spacing", None) or path.spacing, **ends)
        return named(sampler, **told), grid
