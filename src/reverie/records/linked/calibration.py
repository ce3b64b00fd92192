"""What the network gets wrong of linked tables, put right table by table as of a table of visits (records/calibration.py).

A row is to those of a table that hang on it what a patient is to visits: their group is the static token, they are the
visits. Whether a row has any of those that hang on it is one thing more that is measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from reverie.process.randomness import generator
from reverie.records.calibrating import first_visits, with_stage
from reverie.records.calibration import Calibration
from reverie.records.codec import RecordCodec
from reverie.records.encoded import Records
from reverie.records.generate import like_lengths
from reverie.records.layout import Field
from reverie.records.linked.codec import LinkedCodec
from reverie.records.linked.scores import TableScores

__all__ = ["Fitting", "LinkedCalibration"]

GROUPS, ROWS, LONGEST = 2048, 24_000, 64
"""Groups that maps are fitted to, rows of all but the last of them, and of each its first rows, at most."""


@dataclass(frozen=True, eq=False)
class LinkedCalibration:
    """What puts each table right, by its name; one without is left as it is drawn."""

    tables: Mapping[str, Calibration]

    def put_right(self, table: str, what: str, one: TableScores, asked: Tensor) -> None:
        """Puts right scores of a table, those of its "groups" or "rows" that were asked for: bool [n, w] of all of them."""
        some = asked.any(1).numpy()
        groups = np.unique(np.repeat(np.arange(len(one)), one.lengths)[some]) if what == "rows" else np.flatnonzero(some)
        if (right := self.tables.get(table)) is None or not len(groups):
            return
        for chosen in like_lengths(_visits(one, groups)):
            which = groups[chosen.numpy()]
            records, rows = _records(right.codec, one, which)
            new, width = torch.zeros_like(records.known), asked.shape[1]
            at, place = (one.rows_in(which), rows) if what == "rows" else (which, (torch.arange(len(which)), 0))
            new[(*place, slice(width))] = asked[at]
            scores = getattr(one, what)[0]
            scores[at] = torch.where(asked[at], right(records.values, new, records.known)[place][:, :width], scores[at])

    @property
    def config(self) -> dict[str, Any]:
        return {table: right.config for table, right in self.tables.items()}

    @classmethod
    def from_config(cls, codec: LinkedCodec, config: Mapping[str, Any]) -> Self:
        """The calibration that `config` describes, of tables of a codec."""
        return cls({table: Calibration.from_config(_coded(codec, table), of) for table, of in config.items()})


@dataclass(frozen=True, eq=False)
class Fitting(LinkedCalibration):
    """The calibration as it is fitted: what is drawn at each stage is put right before what follows is drawn.

    Attributes:
        codec: of the tables.
        trained: by table, the scores of the patients trained on.
        seed: of the draws of scores in their intervals.
    """

    tables: dict[str, Calibration] = field(default_factory=dict)
    codec: LinkedCodec = field(kw_only=True)
    trained: Mapping[str, TableScores] = field(kw_only=True)
    seed: int = field(kw_only=True)

    def put_right(self, table: str, what: str, one: TableScores, asked: Tensor) -> None:
        coded = _coded(self.codec, table) if table not in self.tables else self.tables[table].codec
        real, drawn = (_records(coded, of, self._some(of), self.seed, LONGEST)[0] for of in (self.trained[table], one))
        new = asked.any(0)
        fields = [f for f in coded.fields if f.token == (what == "rows") and f.channels and new[f.channels[0]]]
        if fields:
            fitted = self.tables.setdefault(table, Calibration(coded, first_visits(real.visits)))
            self.tables[table] = with_stage(fitted, fields, real, drawn)
        super().put_right(table, what, one, asked)

    @property
    def done(self) -> LinkedCalibration:
        return LinkedCalibration(self.tables)

    def _some(self, one: TableScores) -> np.ndarray:
        """Groups of a table to compare, drawn at random."""
        order = np.random.default_rng(self.seed).permutation(len(one))[:GROUPS]
        lengths = np.minimum(one.lengths[order], LONGEST)
        return order[np.cumsum(lengths) - lengths < ROWS]


def _coded(codec: LinkedCodec, table: str) -> RecordCodec:
    """The codec of a table with whether its rows have any of those that hang on them."""
    token, stage = (0, 1) if table == codec.tree.root else (1, 3)
    flags = codec.flags[table]
    first = codec.widths(table)[token] - len(flags)
    more = [Field(f"any:{child}", token, "measured", None, stage, (first + i,)) for i, (child, _) in enumerate(flags)]
    return codec.codecs[table].recoded({f"any:{child}": code for child, code in flags}, more)


def _visits(one: TableScores, groups: np.ndarray) -> Tensor:
    """int64, how many rows some groups have; 0 where there is nothing to be known of a row."""
    return torch.from_numpy(one.lengths[groups] * bool(one.rows.shape[2]))


def _records(
    codec: RecordCodec, one: TableScores, groups: np.ndarray, seed: int | None = None, longest: int | None = None
) -> tuple[Records, tuple[Tensor, Tensor]]:
    """Some groups as records, and of each of their rows, at most `longest` of each, whose it is and its token; scores that
    are intervals are drawn."""
    randomness = None if seed is None else generator(seed, "calibration")
    visits = _visits(one, groups)
    visits = visits if longest is None else visits.clamp(max=longest)
    there = torch.arange(int(visits.max())) < visits[:, None] if len(groups) else torch.zeros(0, 0, dtype=torch.bool)
    values = torch.zeros(len(groups), 1 + there.shape[1], codec.channels)
    known, (group, place) = torch.zeros(values.shape, dtype=torch.bool), there.nonzero(as_tuple=True)
    statics = one.of_groups(groups, randomness)
    rows = one.of_rows(one.offsets[groups][group] + place.numpy(), randomness, visits.numpy())
    for into, static, row in zip((values, known), statics, rows, strict=True):
        into[:, 0, : static.shape[1]] = static
        into[group, 1 + place, : row.shape[1]] = row
    return Records(values, known, visits), (group, 1 + place)
