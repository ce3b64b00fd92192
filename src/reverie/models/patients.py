"""A model of patients' records: one network that makes new patients, fills holes and goes on from the first visits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from reverie.errors import UsageError
from reverie.modality import RECORDS
from reverie.models.scoring import patient_losses
from reverie.models.shards import Made, PatientShards, in_order
from reverie.models.staged import StagedModel
from reverie.process.randomness import generator
from reverie.records import EncodedTable, RecordCodec, Records, Table, generate, series
from reverie.records.calibrating import calibrate
from reverie.records.calibration import Calibration
from reverie.records.complete import Completer, blocks, longer
from reverie.records.conditions import Conditions
from reverie.records.fitting import fit, to_fill
from reverie.records.generate import RecordSampler
from reverie.records.series import SeriesSampler
from reverie.samplers import posterior as posteriors
from reverie.samplers.posterior.registry import LEARNED, METHODS, USUAL

__all__ = ["PatientModel"]

TOKENS = 4
"""Of the states that stand for all: a network of records takes any number."""


@dataclass(frozen=True, eq=False)
class PatientModel(StagedModel[RecordCodec]):
    """Makes new patients, and completes the records of given ones."""

    modality = RECORDS
    calibration: Calibration | None = None

    def sample(
        self,
        count: int | None = None,
        seed: int = 0,
        where: Mapping[str, Any] | Sequence[str] = (),
        given: Any = None,
        **settings: Any,
    ) -> pl.DataFrame:
        """A table of `count` new patients, with the columns, types, units and level names of the one trained on.

        Args:
            seed: the same seed gives the same table, however many threads make it.
            where: what the statics must be: {"sex": "female", "age": ">60"}, or ["sex=female", "age>60"].
            given: a frame or file of some of the statics, one row for each patient to make; then `count` may be left out.
            settings: see `shards`.

        Raises UsageError for a condition that cannot be understood or is hardly ever met, DataError for `given` values that
        the model does not know.
        """
        return pl.concat([made.frame for made in self.shards(count, seed, where, given, **settings)])

    def shards(
        self,
        count: int | None = None,
        seed: int = 0,
        where: Mapping[str, Any] | Sequence[str] = (),
        given: Any = None,
        sampler: str | None = None,
        steps: int | None = None,
        spacing: str | None = None,
        guidance: float = 1.0,
        workers: int = 0,
        reject: bool = False,
        on_step: Callable[[int, int], None] | None = None,
        **settings: Any,
    ) -> Iterator[Made]:
        """The patients of `sample`, a shard at a time, in memory that does not grow with their number.

        Args:
            sampler, steps, spacing: of each stage, as is usual for the network and the path if left out; the sampler's own
                settings follow, e.g. eta=0.5.
            guidance: how strongly visits follow the statics: 1 as learned, above 1 more.
            workers: threads; 0 for one for each core. Their number changes nothing but the time.
            reject: draw patients again whose numbers leave [-1, 1], as the recipe health-gym does as published; without it
                those numbers are clipped, and counted.
            on_step: called with (patients done, in all).
        """
        told = {"sampler": sampler, "steps": steps, "spacing": spacing, "guidance": guidance, "reject": reject, **settings}
        shards = self.sharded(count, seed, where, given, **told)
        yield from in_order(shards.make, shards.count, workers, on_step, shards.size, shards.patients)

    def sharded(
        self,
        count: int | None = None,
        seed: int = 0,
        where: Mapping[str, Any] | Sequence[str] = (),
        given: Any = None,
        guidance: float = 1.0,
        reject: bool = False,
        **settings: Any,
    ) -> PatientShards:
        """The patients of `sample` as shards, any of which can be made without the others, see models/shards.py.

        A shard is the same to the bit wherever it is made on one thread of a like processor (models.shards.one_thread).
        """
        conditions = Conditions.of(self.codec, where, given)
        count = self._count(count, conditions)
        if self.config.network.stages:
            if reject:
                raise UsageError("reject is for the recipe health-gym, whose numbers end at -1 and 1: leave it out.")
            whole, size = self._maker(settings, guidance), generate.SHARD

            def draw(number: int, rows: int) -> tuple[Records, int]:
                return whole.shard(number, rows, seed, conditions.shard(number, size, seed), conditions.accept)
        else:
            if conditions.any or guidance != 1:
                raise UsageError("a model of the recipe health-gym cannot be given statics: train with the recipe records.")
            series_only = SeriesSampler(self.sampling_denoiser, self.codec, *self._method(settings), reject)
            size = series.SHARD

            def draw(number: int, rows: int) -> tuple[Records, int]:
                return series_only.shard(number, rows, seed)

        return PatientShards(self.codec, conditions, count, size, draw)

    def impute(
        self, frame: Any, draws: int = 1, seed: int = 0, columns: Sequence[str] | None = None, **settings: Any
    ) -> list[pl.DataFrame]:
        """The given table with its holes filled, `draws` times; what was given is untouched, columns, rows and all.

        The draws differ where the record leaves room: their spread is the uncertainty.

        Args:
            frame: a frame or a file like the one trained on. Columns may be more or fewer, and what the model cannot read it
                does not see, see records/fitting.py.
            draws: how many tables.
            columns: those to fill; all that the model has learned if left out.
            settings: sampler, steps, spacing, guidance, workers and on_step, see `shards`; method, see `keeping`.

        Raises DataError for a table that does not say whose visits these are and when, UsageError for a column not learned.
        """
        fitted, names = fit(frame, self.codec.schema), to_fill(self.codec.schema, columns)
        return [fitted.whole(drawn, names, typed=True) for drawn in self.filled(fitted.table, draws, seed, **settings)]

    def forecast(self, frame: Any, visits: int, draws: int = 1, seed: int = 0, **settings: Any) -> list[pl.DataFrame]:
        """The given table with `visits` more visits for each patient, `draws` times; otherwise as `impute`.

        Raises UsageError for a table that has no time, or no visit after the last.
        """
        fitted = fit(frame, self.codec.schema)
        made = self.continued(fitted.table, visits, draws, seed, **settings)
        return [fitted.longer(drawn, visits, typed=True) for drawn in made]

    def filled(self, table: Table, draws: int = 1, seed: int = 0, **settings: Any) -> list[pl.DataFrame]:
        """The rows of a table read by the model's schema, with a value in every empty cell that the model can fill."""
        return self._completed(table, None, draws, seed, settings)

    def continued(self, table: Table, visits: int, draws: int = 1, seed: int = 0, **settings: Any) -> list[pl.DataFrame]:
        """The rows of a table read by the model's schema, with so many more for each patient after the patient's own."""
        return self._completed(table, visits, draws, seed, settings)

    def check_completing(self, table: Table, visits: int | None = None, draws: int = 1) -> None:
        """Raises UsageError where the model cannot fill the holes of a table, or add `visits` to it."""
        self._check_draws(draws)
        if visits is not None:
            if visits < 1:
                raise UsageError(f"visits must be a whole number above 0, not {visits}.")
            for shape in self.codec.schema.shapes:
                shape.check_forecast(table.frame, visits, table.name)

    def keeping(self, method: str | None = None) -> str:
        """How what is given of a record is kept to, by its name: LEARNED, or a posterior sampler of samplers.posterior.

        Args:
            method: what is asked for; if left out LEARNED where the network was trained to be given a part of a record, and
                else, as of the recipe health-gym, the usual posterior sampler.

        Raises UsageError for an unknown name, for LEARNED of a network that never was given a part, and for one population.
        """
        trained = self.config.network.stages
        if method is None:
            return LEARNED if trained else USUAL
        if method == LEARNED and not trained:
            raise UsageError(
                "a model of the recipe health-gym was trained on whole records, and never given a part of one: leave "
                f"`method` out, or say `method={USUAL}`."
            )
        if method in METHODS and METHODS[method].shared:
            raise UsageError(f"{method} draws for one measurement, and each patient is another: say `method=twisted`.")
        if method != LEARNED:
            posteriors.named(method)
        return method

    def completing(
        self, visits: int | None = None, seed: int = 0, **settings: Any
    ) -> Callable[[Table, int, int], pl.DataFrame]:
        """(a block of a table, its number, number of the draw) -> its rows completed: a function of these and of the seed.

        Args:
            visits: more for each patient; None to fill holes.
            settings: sampler, steps, spacing and guidance, see `shards`; method, see `keeping`.
        """
        told = dict(settings)
        maker = self._keeper(told)

        def complete(block: Table, number: int, draw: int) -> pl.DataFrame:
            randomness = generator(seed, "complete", draw, number)
            if visits is None:
                return Completer(maker, block).holes(randomness)
            return Completer(maker, longer(block, visits)).future(visits, randomness)

        return complete

    @property
    def state_shape(self) -> tuple[int, ...]:
        return (TOKENS, self.codec.channels)

    def losses(self, frame: Any, seed: int = 0) -> np.ndarray:
        """How well each given patient is denoised, at some levels of noise: [patients, levels], see models.scoring."""
        return patient_losses(self, frame, seed)

    def _completed(
        self, table: Table, visits: int | None, draws: int, seed: int, settings: dict[str, Any]
    ) -> list[pl.DataFrame]:
        self.check_completing(table, visits, draws)
        told = dict(settings)
        how = {name: told.pop(name) for name in ("workers", "on_step") if name in told}
        complete, parts = self.completing(visits, seed, **told), blocks(table)
        made = self._drawn(draws, len(parts), lambda number, draw: complete(parts[number], number, draw), **how)
        return [pl.concat(of) for of in made]

    def calibrated(self, table: Table | EncodedTable) -> PatientModel:
        """This model with what it draws put right: its draws by the usual sampler are compared with the patients trained on,
        a table or its codes, see records/calibrating.py. A model of the recipe health-gym stays as it is."""
        if not self.config.network.stages:
            return self
        plain = replace(self, calibration=None)._maker({}, 1.0)
        encoded = self.codec.encode(table) if isinstance(table, Table) else table
        return replace(self, calibration=calibrate(plain, encoded, self.config.seed))

    def _keeper(self, told: dict[str, Any]) -> RecordSampler:
        """What completes records, by the method of `keeping`."""
        name, guidance = self.keeping(told.pop("method", None)), told.pop("guidance", 1.0)
        if name == LEARNED:
            return self._maker(told, guidance)
        method = posteriors.named(name)
        if method.steps_itself and told.get("sampler") is not None:
            raise UsageError(f"{name} has steps of its own, so it takes no sampler: leave `sampler` out.")
        if guidance != 1:
            raise UsageError(
                f"`guidance={guidance}` strengthens statics that the network is given, and {name} gives it none: leave it "
                "out."
            )
        return replace(self._maker(told, 1.0), method=method)

    def _maker(self, told: dict[str, Any], guidance: float) -> RecordSampler:
        return RecordSampler(self.sampling_denoiser, self.codec, *self._method(told), guidance, self.calibration)
