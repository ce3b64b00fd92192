"""A model of linked tables: one network that makes patients with all that hangs on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from reverie.denoisers.events import EventNetwork
from reverie.denoisers.network import Network
from reverie.errors import UsageError
from reverie.modality import LINKED
from reverie.models.shards import in_order
from reverie.models.staged import StagedModel
from reverie.plain import number_of
from reverie.records.conditions import Conditions
from reverie.records.linked.calibrating import Fitting, Weighing
from reverie.records.linked.calibration import LinkedCalibration, tilted
from reverie.records.linked.choosing import chosen
from reverie.records.linked.codec import LinkedCodec
from reverie.records.linked.complete import LinkedCompleter
from reverie.records.linked.fitting import FittedTables, fit_tables, to_fill
from reverie.records.linked.forecast import Horizon, LinkedForecaster
from reverie.records.linked.generate import SHARD, LinkedSampler
from reverie.records.linked.given import parted
from reverie.records.linked.making import Keyed, Rows, frames_of, joined
from reverie.records.linked.opening import opened
from reverie.records.linked.questions import Encoded
from reverie.records.linked.stages import Stages
from reverie.shards import Whole
from reverie.training.hardware import autocast_dtype

__all__ = ["LinkedModel"]

CALIBRATED = 160, 320
"""Patients that are drawn to put right what is drawn, at least and at most: as many as were trained on."""


@dataclass(frozen=True, eq=False)
class LinkedModel(StagedModel[LinkedCodec]):
    """Makes new patients in linked tables."""

    modality = LINKED
    calibration: LinkedCalibration | None = None

    def sample(
        self,
        count: int | None = None,
        seed: int = 0,
        where: Mapping[str, Any] | Sequence[str] = (),
        given: Any = None,
        **settings: Any,
    ) -> dict[str, pl.DataFrame]:
        """The tables of `count` new patients, by name, with the columns and types of those trained on, and new keys.

        Args:
            seed: the same seed gives the same tables, however many threads make them.
            where: what patients must be: {"sex": "female"}, or ["sex=female"]; what every row of a table is:
                ["stays.admission_type=emergency"]; what one row of each patient is: ["any labs.value>5"]; and how many rows
                there are: ["count(stays)>=2"].
            given: a frame or file of some of what patients are, one row for each to make; then `count` may be left out.
            settings: see `shards`.

        Raises UsageError for a condition that cannot be understood or is hardly ever met, DataError for unknown values.
        """
        return joined(self.shards(count, seed, where, given, **settings)) | dict(self.codec.lookups)

    def shards(
        self,
        count: int | None = None,
        seed: int = 0,
        where: Mapping[str, Any] | Sequence[str] = (),
        given: Any = None,
        **settings: Any,
    ) -> Iterator[dict[str, pl.DataFrame]]:
        """The tables of `sample` but for lookups, some patients at a time, in memory that does not grow with their number.

        Args:
            sampler, steps, spacing: of each stage, as is usual for the network if left out; the sampler's own settings
                follow.
            workers: threads; 0 for one for each core. Their number changes nothing but the time.
            on_step: called with (patients done, in all).
            on_choice: called with (patients drawn, those of them who met all conditions), where some are met by drawing.
        """
        return (tables for tables, _ in self.numbered(count, seed, where, given, **settings))

    def numbered(
        self,
        count: int | None = None,
        seed: int = 0,
        where: Mapping[str, Any] | Sequence[str] = (),
        given: Any = None,
        sampler: str | None = None,
        steps: int | None = None,
        spacing: str | None = None,
        workers: int = 0,
        on_step: Callable[[int, int], None] | None = None,
        on_choice: Callable[[int, int], None] | None = None,
        first: int = 0,
        before: Mapping[str, int] | None = None,
        **settings: Any,
    ) -> Iterator[tuple[dict[str, pl.DataFrame], dict[str, int]]]:
        """The same with how many rows of each table there are by then.

        Args:
            first, before: the shard to begin with, and how many rows there were before it: as if all were made.
        """
        of_patients, rows = parted(self.codec, where)
        conditions = Conditions.of(self.codec.codecs[self.codec.tree.root], of_patients, given)
        count = self._count(count, conditions)
        maker = self._maker({"sampler": sampler, "steps": steps, "spacing": spacing, **settings})
        fixed = {self.codec.tree.root: conditions.columns, **rows.fixed}
        whole = replace(maker, given=rows if rows else None, fixed=fixed)

        def make(number: int) -> tuple[dict[str, Rows], int, int]:
            def draw(again: int, patients: int = SHARD) -> dict[str, Rows]:
                name = number if again == 0 else f"{number}, {again} times again"
                with torch.inference_mode():
                    scores = whole.shard(name, seed, conditions.shard(number, SHARD, seed), accept=conditions.accept)
                return frames_of(scores, patients)

            patients = min(SHARD, count - number * SHARD)
            if not rows.choices:
                return draw(0, patients), 0, 0
            return chosen(self.codec, rows.choices, draw, patients, conditions.rows is not None)

        def step(done: int, total: int) -> None:
            if on_step:
                on_step(done + first * SHARD, count)

        if (left := -(-count // SHARD) - first) <= 0:
            return
        keyed = Keyed(self.codec, dict(before or {}))
        for made, drawn, met in in_order(lambda n: make(first + n), left, workers, step, SHARD, count - first * SHARD):
            if on_choice and rows.choices:
                on_choice(drawn, met)
            tables = keyed.tables(made)
            shown = {name: frame for name, frame in tables.items() if not self.codec.forms.schema[name].implied}
            yield shown, dict(keyed.count)

    def impute(
        self, source: Any, draws: int = 1, seed: int = 0, columns: Sequence[str] | None = None, **settings: Any
    ) -> list[dict[str, pl.DataFrame]]:
        """The given tables with the holes of their rows filled, `draws` times; what was given is untouched, rows and all.

        Args:
            source: a folder of tables like those trained on, a .zip of one, a DuckDB or SQLite file, or frames by name.
                Columns and tables that the model does not know are carried along, and what it cannot read it does not see,
                see records/linked/fitting.py.
            columns: those to fill, as "stays.ward"; all that the model has learned if left out.
            settings: sampler, steps, spacing, workers and on_step, see `shards`.

        Raises UsageError for a column not learned, and what fit_tables raises.
        """
        fitted = self._fitted(source)
        made = self.completed(fitted, draws, seed, columns, **settings)
        return [fitted.whole(fitted.filled(self.codec, tables)) for tables in made]

    def completed(
        self,
        fitted: FittedTables,
        draws: int = 1,
        seed: int = 0,
        columns: Sequence[str] | None = None,
        hear: Callable[[str], None] = lambda note: None,
        workers: int = 0,
        on_step: Callable[[int, int], None] | None = None,
        **settings: Any,
    ) -> Iterator[dict[str, pl.DataFrame]]:
        """Of each draw, by table the rows that the model reads with their holes filled; `hear` is told how cells were read,
        and which rules across tables what is given breaks or leaves no room for.

        Nothing that was drawn is put right: maps of all patients say nothing of how scores lie around those given.
        """
        self._check_draws(draws)
        plain = replace(self, calibration=None)._maker(settings)
        completer = LinkedCompleter(plain.stages, fitted, to_fill(self.codec, columns))
        parts = completer.blocks
        for note in (said := completer.notes):
            hear(note)

        def complete(number: int, draw: int) -> dict[str, pl.DataFrame]:
            with torch.inference_mode():
                return parts[number].holes((seed, "complete", draw, *([number] if number else [])))

        for of in self._drawn(draws, len(parts), complete, workers, on_step):
            made = {table: pl.concat(part[table] for part in of) for table in of[0]}
            for note in completer.left(made):
                if note not in said:
                    hear(note)
                    said.append(note)
            yield made

    def forecast(
        self, source: Any, horizon: int | str, draws: int = 1, seed: int = 0, **settings: Any
    ) -> list[dict[str, pl.DataFrame]]:
        """The given tables with what comes after, `draws` times: further rows of those that hang on patients, which begin
        after the last event given, and what hangs on them, below the rows given.

        Args:
            source: as for `impute`.
            horizon: so long after a patient's last event, as "30d"; or so many rows of each table that hangs on patients.
            settings: sampler, steps, spacing, workers and on_step, see `shards`.

        Raises UsageError for a horizon that is none, and where nothing can come after.
        """
        fitted = self._fitted(source)
        return [fitted.longer(self.codec, rows) for rows in self.continued(fitted, horizon, draws, seed, **settings)]

    def continued(
        self,
        fitted: FittedTables,
        horizon: int | str,
        draws: int = 1,
        seed: int = 0,
        hear: Callable[[str], None] = lambda note: None,
        workers: int = 0,
        on_step: Callable[[int, int], None] | None = None,
        **settings: Any,
    ) -> Iterator[dict[str, pl.DataFrame]]:
        """Of each draw, by table the new rows, in the types learned; `hear` is told how cells were read."""
        self._check_draws(draws)
        far, maker = Horizon.of(horizon), replace(self, calibration=None)._maker(settings)
        as_tables = self.codec.tabled(fitted.grown, holes=True)
        for table, of in as_tables.items():
            for note in of.notes:
                hear(f"{table}: {note}")
        forecaster = LinkedForecaster(maker, fitted, as_tables)

        def go_on(number: int, draw: int) -> tuple[dict[str, pl.DataFrame], int]:
            with torch.inference_mode():
                return forecaster.rows(far, (seed, "forecast", draw))

        for ((rows, lost),) in self._drawn(draws, 1, go_on, workers, on_step):
            if lost:
                hear(
                    f"{number_of(lost, 'patient')}: fewer rows, for no more were drawn that come after the last event given."
                )
            yield rows

    def sample_to(self, folder: str | Path, count: int | None = None, seed: int = 0, **told: Any) -> Whole:
        """Refused: several tables are no one dataset. `reverie.export.hospital` writes them to a folder, a file for each."""
        raise UsageError(
            "linked tables are written a file for each, not as one dataset: use reverie.export.hospital, or reverie sample."
        )

    def calibrated(self, encoded: Encoded) -> LinkedModel:
        """This model with what it draws put right: its draws are compared with the patients trained on."""

        def known_by(table: str, what: str, own: bool) -> np.ndarray:
            return self.codec.known_by(table, what, encoded.coded, own)

        plain = replace(self, calibration=None)._maker({}).stages
        kin = partial(plain.kin, scores=encoded.coded)
        fitting = Fitting(encoded.scores, self.codec.cells, known_by, encoded.coded, kin, encoded.patient)
        weighing = Weighing(plain.denoiser, plain.codec, plain.sampler, plain.grid, fitting=fitting)
        patients = self.drawn_to_put_right(len(encoded.coded[self.codec.tree.root]))
        with torch.inference_mode():
            LinkedSampler(weighing, fitting).shard(0, self.config.seed, size=patients)
        return replace(self, calibration=fitting.done)

    @staticmethod
    def drawn_to_put_right(trained: int) -> int:
        """How many patients are drawn for it, of so many trained on."""
        return min(max(trained, CALIBRATED[0]), CALIBRATED[1])

    @cached_property
    def sampling_denoiser(self) -> Network:
        """Blocks multiply as this processor does fastest, whatever they were trained in: steps of sampling err by more."""
        network, dtype = super().sampling_denoiser, autocast_dtype("auto", self.device)
        if network.autocast or dtype is None or not isinstance(network.module, EventNetwork):
            return network
        return replace(network, module=network.module.blocks_in(dtype))

    @cached_property
    def tilted_denoiser(self) -> Network:
        """What answers where all is drawn: levels come as often as they should."""
        network = self.sampling_denoiser
        return tilted(network, self.codec, self.calibration) if self.calibration else network

    @property
    def state_shape(self) -> tuple[int, ...]:
        return (4, self.codec.width)

    def _fitted(self, source: Any) -> FittedTables:
        with opened(source) as there:
            return fit_tables(self.codec, there)

    def _maker(self, told: dict[str, Any]) -> LinkedSampler:
        lasting = self.calibration.lasting if self.calibration else {}
        return LinkedSampler(Stages(self.tilted_denoiser, self.codec, *self._method(told), lasting), self.calibration)
