"""Table <-> records: decode(encode(table)) is the table, but for new identifiers.

    table -> values (kinds/) -> intervals of scores (encoding.py) -> EncodedTable -> Records
    Records -> scores -> values -> cells (writing.py), a frame of the source's columns, order, types and rounding

Exact wherever float32 scores can tell the values apart: a column with a unit is kept exactly up to some millions of steps,
one without to a part in a million.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from reverie.errors import DataError, UsageError
from reverie.records import encoding
from reverie.records.codes import Code, CodecSettings, code_of
from reverie.records.dtypes import dtype_name, dtype_named
from reverie.records.emptiness import as_rules, obeyed
from reverie.records.encoded import Decoded, EncodedTable, Records
from reverie.records.existing import existing
from reverie.records.gathering import Gathering
from reverie.records.intervals import Floats, scored
from reverie.records.layout import Field, layout
from reverie.records.levels import OrderedProbit, SequentialProbit
from reverie.records.rules import Rules
from reverie.records.rules.deriving import Derivation
from reverie.records.rules.keeping import Keeper
from reverie.records.schema import Schema
from reverie.records.table import Table
from reverie.records.transforms import NormalScore
from reverie.records.visit_times import VisitTimes
from reverie.records.writing import Scores, Writer

__all__ = ["RecordCodec"]

VERSION = 2


class RecordCodec:
    """The codec of one table.

    Attributes:
        schema, settings: as fitted.
        types: polars' type of each column.
        visit_times: what is constant about time.
        length: the number of visits where all have as many, else None.
        codes: of each field.
        derived: the columns that follow from others by a rule, and have no code (or at first visits only).
        fields: what stands where, see layout.py.
    """

    def __init__(
        self,
        schema: Schema,
        settings: CodecSettings,
        types: dict[str, pl.DataType],
        visit_times: VisitTimes,
        length: int | None,
        codes: dict[str, Code],
        derived: tuple[Derivation, ...] = (),
    ) -> None:
        self.schema, self.settings, self.types = schema, settings, types
        self.visit_times, self.length, self.codes, self.derived = visit_times, length, codes, derived
        self.fields = layout(schema, settings, codes)

    @classmethod
    def fit(cls, table: Table, settings: CodecSettings | None = None) -> RecordCodec:
        """The codec whose scores of this table are N(0, 1). Raises DataError for a table without a patient."""
        if not len(table):
            raise DataError(f"{table.name} has no patient: a codec is fitted to at least one.")
        gathering = Gathering(table.schema, settings or CodecSettings())
        gathering.add(table)
        return cls.gathered(gathering)

    @classmethod
    def gathered(cls, seen: Gathering) -> RecordCodec:
        """The codec of a table that was seen part by part. Raises DataError for one without a patient."""
        length, clock, derived = seen.length(), seen.visit_times(), seen.derived()
        return cls(seen.schema, seen.settings, seen.types, clock, length, seen.codes(derived, clock), derived)

    def recoded(self, codes: Mapping[str, Code]) -> RecordCodec:
        """The same with other codes in the place of some, by name."""
        return RecordCodec(
            self.schema,
            self.settings,
            self.types,
            self.visit_times,
            self.length,
            self.codes | dict(codes),
            self.derived,
        )

    @property
    def config(self) -> dict[str, Any]:
        """All of it, as JSON can hold it."""
        return {
            "version": VERSION,
            "settings": self.settings.model_dump(),
            "schema": self.schema.model_dump(mode="json"),
            "types": {name: dtype_name(dtype) for name, dtype in self.types.items()},
            "clock": self.visit_times.config,
            "length": self.length,
            "codes": {name: code.config for name, code in self.codes.items()},
            "derived": [one.config for one in self.derived],
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> RecordCodec:
        """The codec that `config` describes. Raises UsageError if it is not one of this version."""
        version, schema = config.get("version"), Schema.model_validate(config["schema"])
        # Version 1 is the same but for date-times, which it had in seconds.
        if version != VERSION and (version != 1 or any(column.frame_type == "Datetime" for column in schema.columns)):
            raise UsageError(f"a codec of version {version} cannot be read by this release: train the model again.")
        return cls(
            schema,
            CodecSettings.model_validate(config["settings"]),
            {name: dtype_named(text) for name, text in config["types"].items()},
            VisitTimes(**config["clock"]),
            config["length"],
            {name: code_of(code) for name, code in config["codes"].items()},
            tuple(Derivation.from_config(one, schema.names) for one in config.get("derived", ())),
        )

    @cached_property
    def stage(self) -> Tensor:
        """int64 [2, C]: the stage of each channel of the static token and of a visit; -1 where it has no such channel."""
        width = max((c + 1 for field in self.fields for c in field.channels), default=0)
        stage = torch.full((2, width), -1)
        for field in self.fields:
            stage[field.token, list(field.channels)] = field.stage
        return stage

    @cached_property
    def named(self) -> dict[str, Field]:
        """The fields by their names."""
        return {field.name: field for field in self.fields}

    def channels_where(self, which: Callable[[Field], bool]) -> Tensor:
        """bool [2, C]: the channels of the static token and of a visit whose fields are such."""
        chosen = torch.zeros_like(self.stage, dtype=torch.bool)
        for field in filter(which, self.fields):
            chosen[field.token, list(field.channels)] = True
        return chosen

    @property
    def channels(self) -> int:
        """Channels of a token: those of the static token or of a visit, whichever has more."""
        return self.stage.shape[1]

    def encode(self, table: Table, holes: bool = False) -> EncodedTable:
        """The patients of a table of this schema, also one that was not fitted to.

        Args:
            holes: leave what is empty unknown also where there are no stages, and it is 0 in training.

        Raises DataError for an unknown level, and for a column that is not there.
        """
        return encoding.of_table(self, table, holes)

    def visits(self, values: Tensor) -> Tensor:
        """The number of visits, int64 [B], of records [B, N, C]."""
        if self.length is not None:
            return torch.full((len(values),), self.length)
        cells = self.codes["visits"].cells(self.named["visits"].scores(values[:, 0]))
        return torch.from_numpy(cells.astype(np.int64))

    @property
    def most_visits(self) -> int:
        """The most visits that a patient is made with."""
        if self.length is not None:
            return self.length
        code = self.codes["visits"]
        assert isinstance(code, NormalScore) and code.upper is not None
        return int(code.upper)

    def known(self, values: Tensor, visits: Tensor) -> Tensor:
        """bool [B, N, C]: the cells that exist, given the structure in records [B, N, C] with `visits` [B].

        They are those that `encode` would know, so anyone who asks or observes none but these asks what training can ask:
        everything that draws cells takes them from here.
        """
        return existing(self, values, visits)

    def measured(self, values: Tensor, generator: torch.Generator) -> Tensor:
        """Records [B, N, C] in which all flags say that their value was measured, by a score drawn for each."""
        values = values.clone()
        for field in self.fields:
            if field.part == "measured":
                shape = *values[:, field.tokens].shape[:2], len(field.channels)
                lower, upper = (np.broadcast_to(end, shape) for end in self.codes[field.name].ends(np.ones(1)))
                drawn = scored(lower, upper, generator)
                values[:, field.tokens, list(field.channels)] = drawn.to(values)
        return values

    def levels(self, field: Field, values: Tensor) -> Tensor:
        """int64 [B, N]: the level of each cell of a field in records [B, N, C]; 0 where it has none."""
        code = self.codes[field.name]
        if not isinstance(code, OrderedProbit | SequentialProbit):
            return torch.zeros(values.shape[:2], dtype=torch.long)
        return torch.from_numpy(code.level(field.scores(values))).view(values.shape[:2])

    def statics(self, values: Tensor) -> pl.DataFrame:
        """The static columns [B rows] that records [B, N, C] tell, as rules would have them."""
        return self.kept(self.drawn_statics(values))

    def drawn_statics(self, values: Tensor) -> pl.DataFrame:
        """The same before rules are kept. Raises UsageError where statics are in visits that are not given."""
        if self.settings.statics == "repeated" and values.shape[1] < 2:
            raise UsageError("statics are in the visits of these records: give the visits too, or fit with statics=token.")
        visits = self.visits(values).clamp(max=values.shape[1] - 1)
        return obeyed(self._writer.statics(Records(values, self.known(values, visits), visits)), self.schema)

    def given(self, statics: pl.DataFrame, generator: torch.Generator | None = None) -> Records:
        """Statics that are given, one patient a row; empty cells are not given.

        Args:
            statics: some of the static columns, as they are in the source or as text.
            generator: draws the scores; without one they are the middles of their intervals.

        Returns:
            N = 1, and what is given known. Where statics are repeated in visits, N = 2: one visit, to be repeated.

        Raises DataError for an unknown level or a value out of bounds, naming row and column; UsageError for an unknown
        column.
        """
        return encoding.of_statics(self, statics, generator)

    def decode(self, records: Records | Scores, first: int = 1, first_row: int = 1) -> Decoded:
        """The table that records tell, rows by patient and time.

        Args:
            first, first_row: the numbers of the first patient and row, for new identifiers. Patients are named by number, or
                "P000001" where identifiers are text.
        """
        decoded = self.drawn(records, first, first_row)
        return Decoded(self.kept(decoded.frame), decoded.clipped)

    def drawn(self, records: Records | Scores, first: int = 1, first_row: int = 1) -> Decoded:
        """As `decode`, before rules are kept: columns that follow from others are empty."""
        scores = Scores.of(records) if isinstance(records, Records) else records
        written = self._writer.table(scores, first, first_row)
        return Decoded(obeyed(written.frame, self.schema), written.clipped)

    def filled(
        self, given: pl.DataFrame, drawn: pl.DataFrame, asked: Collection[str]
    ) -> tuple[pl.DataFrame, dict[str, np.ndarray]]:
        """A typed frame that breaks no rule, with the empty cells of the columns asked as they were drawn; and by column
        which cells stay, bool [R]: those that are given, and all that are not asked."""
        fixed = {c: given[c].is_not_null().to_numpy() | (c not in asked) for c in self.schema.names}
        whole = given.with_columns(pl.coalesce(given[c], drawn[c]) for c in given.columns if c in asked)
        return self.kept(whole, fixed), fixed

    def kept(self, frame: pl.DataFrame, fixed: Mapping[str, np.ndarray] | None = None) -> pl.DataFrame:
        """A typed frame of some of the columns that breaks no rule; cells under `fixed`, bool [R] by column, stay."""
        return obeyed(self._keeper.kept(frame, fixed), self.schema, learned=False)

    @property
    def keeps_rules(self) -> bool:
        """Whether there is any rule to keep."""
        return bool(self._keeper.rules)

    @cached_property
    def _keeper(self) -> Keeper:
        def values(name: str, scores: Floats) -> Floats:
            code = self.codes.get(f"value:{name}")
            if code is None:  # a column that follows from others is filled by them alone
                return np.full(len(scores), np.nan)
            return code.cells(np.repeat(scores[:, None], code.width, axis=1))

        return Keeper(self.schema, (*as_rules(self.schema), *Rules.of(self.schema)), self.derived, values)

    @cached_property
    def _writer(self) -> Writer:
        return Writer(self)
