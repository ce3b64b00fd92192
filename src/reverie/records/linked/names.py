"""New keys, and which row each foreign key of what was made names.

A key is the key of its patient with something before and after, where all of those seen are (ENC-P0012-7), or a number of
its own pattern; in what is made rows are counted through the whole of it, so a key never stands twice. A column that refers
to a table above names the row above. One that refers to another names the last row there of the
same patient that had begun by then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import polars as pl

from reverie.records.dtypes import dtype_name, dtype_named
from reverie.records.identifiers import Pattern, new_identifiers
from reverie.records.linked.tree import Grown

__all__ = ["Keys"]

MOSTLY = 0.98
"""From this share of keys on that hold their patient's key, new ones do."""


@dataclass(frozen=True, eq=False)
class Keys:
    """The patterns of keys.

    Attributes:
        patterns: by table.
        types: of the column, by table.
        around: by table, what stands before the patient's key in its own and between that and its own number.
    """

    patterns: Mapping[str, Pattern]
    types: Mapping[str, pl.DataType]
    around: Mapping[str, tuple[str, str]]

    @classmethod
    def fit(cls, forms: Any, grown: Grown) -> Self:
        patterns, types, around = {}, {}, {}
        root = grown.tree.root
        for branch in grown.tree.branches:
            column = forms.schema[branch.table].key
            if column is None:
                continue
            cells = grown.frames[branch.table][column]
            types[branch.table], seen = cells.dtype, cells
            if branch.table != root and cells.dtype == pl.String:
                who = grown.frames[root][str(forms.schema[root].key)].cast(pl.String).gather(grown.patients(branch.table))
                if (parts := _around(cells, who)) is not None:
                    around[branch.table], seen = parts
            patterns[branch.table] = Pattern.of(seen)
        return cls(patterns, types, around)

    def new(self, table: str, first: int, count: int, who: pl.Series) -> pl.Series:
        """Keys of rows first, first + 1, ..., counted from 1, of patients with these keys."""
        if (around := self.around.get(table)) is None:
            return new_identifiers(self.patterns[table], first, count, self.types[table], table)
        number = new_identifiers(self.patterns[table], first, count, pl.String(), table)
        frame = pl.DataFrame({"who": who.cast(pl.String), "number": number})
        text = pl.concat_str(pl.lit(around[0]), "who", pl.lit(around[1]), "number")
        return frame.select(text).to_series()

    @property
    def config(self) -> dict[str, Any]:
        return {
            table: {
                "pattern": pattern.model_dump(),
                "type": dtype_name(self.types[table]),
                "around": list(self.around[table]) if table in self.around else None,
            }
            for table, pattern in self.patterns.items()
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        return cls(
            {table: Pattern.model_validate(of["pattern"]) for table, of in config.items()},
            {table: dtype_named(of["type"]) for table, of in config.items()},
            {table: (of["around"][0], of["around"][1]) for table, of in config.items() if of["around"]},
        )


def _around(keys: pl.Series, who: pl.Series) -> tuple[tuple[str, str], pl.Series] | None:
    """What stands before the patient's key and between it and a number of its own, and those numbers; None where keys do not
    hold their patient's."""
    split = [(key, key.split(name, 1)) for key, name in zip(keys.drop_nulls(), who, strict=False) if name in key]
    if len(split) < MOSTLY * len(keys) or not split:
        return None
    before = {parts[0] for _, parts in split}
    rests = [parts[1] for _, parts in split]
    joint = rests[0][:1] if rests[0][:1] and not rests[0][:1].isalnum() else ""
    if len(before) > 1 or not all(rest.startswith(joint) and len(rest) > len(joint) for rest in rests):
        return None
    return (before.pop(), joint), pl.Series([rest[len(joint) :] for rest in rests])
