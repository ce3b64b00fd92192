"""Linked tables <-> records: each table is a table of visits of its parents' rows (form.py), with a codec of its own.

A row of a table stands in a token with the rows after it, as many as the table's block. Beside its own cells it holds, for
each table that hangs on its own, whether the row has any there:

    row of T      gap | measured ... | value ... | any of A | any of B        block times
    group of T    number of rows | start | what is one for all of them        one for each parent that has any
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from reverie.errors import DataError, UsageError
from reverie.records.codec import RecordCodec
from reverie.records.codes import CodecSettings
from reverie.records.encoded import EncodedTable
from reverie.records.infer import infer_parsed
from reverie.records.intervals import between
from reverie.records.kinds import Column, Evidence, recognise_number
from reverie.records.kinds.categorical import MAX_MIXED
from reverie.records.levels import OrderedProbit
from reverie.records.linked.form import PARENT, SINCE, Form
from reverie.records.linked.schema import LinkedSchema
from reverie.records.linked.tree import Grown, Tree
from reverie.records.parsing import parse
from reverie.records.patterns import identifying
from reverie.records.schema import Schema
from reverie.records.shapes import TIME
from reverie.records.shaping import numbered
from reverie.records.table import Table, arranged

__all__ = ["Coded", "LinkedCodec", "LinkedForms", "tabled"]

VERSION = 1
NOTHING = "\0nothing"
"""The column of a table that has none besides its keys: 0 and 1 in turn, written nowhere."""
RECURRING, TIMES = 1000, 20
"""Texts that stand in so many rows each are names, up to so many of them."""
TOKENS, BLOCK = 96, 8
"""Tokens for the rows of any parent, and rows of a token, at most."""


@dataclass(frozen=True, eq=False)
class LinkedForms:
    """What is decided of linked tables, from all of them: their tree, the form and the columns of each table.

    Attributes:
        schema: of the tables, as stated or inferred.
        tree: which hangs on which.
        forms, columns: of each table that is made.
        within: tables whose rows lie in the time of their parents' without exception.
        notes: decisions worth telling.
    """

    schema: LinkedSchema
    tree: Tree
    forms: Mapping[str, Form]
    columns: Mapping[str, Schema]
    within: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, schema: LinkedSchema, grown: Grown, columns: Mapping[str, Schema] | None = None) -> LinkedForms:
        """The forms of tables that were grown; `columns` are the schemas of those whose columns are stated."""
        tree, forms, found, within, notes = grown.tree, {}, {}, set(), []
        for branch in tree.branches:
            table, frame = branch.table, grown.frames[branch.table]
            about = schema[table]
            keys = {tie.column for tie in about.refers if tie.table in grown.frames} | ({about.key} if about.key else set())
            above, begun = None, None
            if branch.parent is not None and (above := tree[branch.parent].time) is not None:
                begun = grown.frames[branch.parent][above].gather(grown.parents[table])
            forms[table] = Form.fit(about, frame, frozenset(keys), branch.time, above, begun)
            if branch.parent is not None and _contained(forms[table], forms[branch.parent], grown):
                within.add(table)
        for table in (branch.table for branch in tree.learned):
            told = tabled(table, forms, grown, (columns or {}).get(table))
            found[table] = told.schema
            notes += [f"{table}: {note}" for note in told.notes]
        return cls(schema, tree, forms, found, frozenset(within), tuple(notes))


def _contained(form: Form, above: Form, grown: Grown) -> bool:
    """Whether all rows of a table lie in the time of their parents', which have an end."""
    end = above.table.clock.end if above.table.clock else None
    if form.time is None or form.since is None or end is None or end not in above.after:
        return False
    parent, frame = grown.frames[above.table.name], grown.frames[form.table.name]
    at = grown.parents[form.table.name]
    begun, ended, when = parent[form.since].gather(at), parent[end].gather(at), frame[form.time]
    if when.dtype != begun.dtype:
        begun, ended, when = (x.cast(pl.Date) if x.dtype.is_temporal() else x for x in (begun, ended, when))
    inside = (when >= begun) & ((when <= ended) | ended.is_null())
    return bool(inside.all())


def tabled(name: str, forms: Mapping[str, Form], grown: Grown, schema: Schema | None = None) -> Table:
    """A table of a tree, with those beside it, as a table of visits; its columns are found out where no schema says what
    they are. All rows stay, also those that are alike."""
    tree, form = grown.tree, forms[name]
    parent = tree[name].parent
    above = None if parent is None else grown.frames[parent]
    rows = np.arange(grown.frames[name].height) if parent is None else grown.parents[name]
    frame = form.visits(grown.frames[name], rows, above)
    numbers, optional = list(form.numbers), list(form.optional)
    for other in tree.beside(name):
        more = forms[other].visits(grown.frames[other], grown.parents[other], grown.frames[name])
        frame = joined(frame, other, more)
        numbers += [called(other, column) for column in (SINCE, *forms[other].numbers)]
        optional += [has(other), *(called(other, column) for column in forms[other].optional)]
    time = TIME if parent is None else SINCE
    if (schema is None and not any(_varied(frame[c]) for c in frame.columns if c not in (PARENT, time))) or (
        schema is not None and NOTHING in schema.names
    ):
        frame = frame.with_columns(pl.Series(NOTHING, np.arange(frame.height) % 2))
    parsed = parse(numbered(frame), name, (), schema)
    if schema is None:
        kinds = {column: "binary" for column in optional if frame[column].n_unique() == 2}
        kinds |= {c: "categorical" for c in frame.columns if c not in (PARENT, time) and recurs(c, frame[c])}
        mixed = [c for c in parsed.mixed if parsed.frame[c].n_unique() > MAX_MIXED]  # one table alone is refused
        kinds |= dict.fromkeys(mixed, "categorical")
        schema, told = infer_parsed(parsed, PARENT, time, name, kinds)
        columns = tuple(_number(c, told.frame) if c.name in numbers else c for c in schema.columns)
        schema = schema.model_copy(update={"duplicates": "keep", "columns": columns})
        notes = [f"{len(schema.rules)} rules hold without exception, and will in what is made."] if schema.rules else []
        notes += [f"{column} has numbers and text, and was read as names." for column in mixed]
        parsed = replace(parsed, forms=told.forms, notes=notes)
    return arranged(parsed.frame, schema, name, parsed, as_read=False, part=True)


def called(table: str, column: str) -> str:
    """A column of a table as it stands beside those of the row above."""
    return f"{table}.{'since' if column == SINCE else column}"


def has(table: str) -> str:
    """The column that says whether a row has one of a table beside it."""
    return f"\0has {table}"


def joined(frame: pl.DataFrame, table: str, more: pl.DataFrame) -> pl.DataFrame:
    """Visits with those of a table beside them, which name the row in PARENT."""
    empty = [c for c in more.columns if c == SINCE and (more[c] == 0).all()]  # it has no time: only its place, the first
    more = more.drop(empty).rename({c: called(table, c) for c in more.columns if c not in (PARENT, *empty)})
    place = pl.Series(np.full(frame.height, -1)).scatter(more[PARENT], np.arange(more.height))
    place = place.set(place < 0, None)
    beside = [place.is_not_null().alias(has(table)), *(x.gather(place) for x in more.drop(PARENT).iter_columns())]
    return frame.hstack(beside)


def apart(visits: pl.DataFrame, table: str) -> pl.DataFrame:
    """The inverse: the visits of a table that stood beside others."""
    own = [c for c in visits.columns if c.startswith(f"{table}.")]
    rows = visits.with_row_index(PARENT + "s").filter(pl.col(has(table))).select(pl.col(PARENT + "s").alias(PARENT), *own)
    since = (
        pl.lit(0, pl.Int64).alias(SINCE) if called(table, SINCE) not in own else pl.col(called(table, SINCE)).alias(SINCE)
    )
    plain = [pl.col(c).alias(c.removeprefix(f"{table}.")) for c in own if c != called(table, SINCE)]
    return rows.select(pl.col(PARENT).cast(pl.Int64), since.alias(SINCE), *plain)


def recurs(name: str, cells: pl.Series) -> bool:
    """Whether texts are names although they are sentences, or are called a key: each stands in many rows, and the key is of
    no table (departments, wards, what is written again and again)."""
    if cells.dtype != pl.String:
        return False
    values, many = cells.drop_nulls(), cells.n_unique()
    return 1 < many <= min(RECURRING, values.len() // TIMES) and not identifying(name, values, "varying")


def _number(column: Column, frame: pl.DataFrame) -> Column:
    """A column as the number that it is, also where its name or its values look like something else."""
    if column.quantity or frame[column.name].drop_nulls().n_unique() < 2:
        return column
    return recognise_number(Evidence(column.name, frame[column.name], column.role, None, column.name)).model_copy(
        update={"missing": column.missing}
    )


def _varied(cells: pl.Series) -> bool:
    """Whether there is anything to be learned of cells: a few values that recur, or numbers."""
    values = cells.drop_nulls().n_unique()
    return values > 1 and (cells.dtype != pl.String or values <= max(20, cells.len() // 2))


@dataclass(frozen=True, eq=False)
class Coded:
    """One table, encoded.

    Attributes:
        groups: the codes: a patient is a parent's row that has rows here, see EncodedTable; its flags are the last channels
            of a row, or of the token of the statics for patients.
        parent: int64 [G], the parent's row of each group.
        group: int64 [rows of the parent], the group of each row; -1 where it has none.
        hours: float64 [R], when each row was, in hours since its parent began, or since 1970; none of sets and patients.
    """

    groups: EncodedTable
    parent: np.ndarray
    group: np.ndarray
    hours: Tensor | None

    @property
    def offsets(self) -> np.ndarray:
        """int64 [G + 1], the rows of each group."""
        return self.groups.offsets.numpy()

    def of_groups(self, which: np.ndarray, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Scores [n, w] of some groups, 0 where not known, and which are known; drawn again at each call."""
        return _drawn(self.groups.statics[:, which], generator)

    def of_rows(
        self, which: np.ndarray, generator: torch.Generator | None, lengths: np.ndarray | None = None
    ) -> tuple[Tensor, Tensor]:
        """The same of some rows; those of one group, so many each, share a draw, so that what stays keeps its score."""
        return _drawn(self.groups.rows[:, which], generator, lengths)

    def when(self, which: np.ndarray) -> Tensor:
        """float [n], the hours of some rows; NaN where there is no time."""
        return torch.full((len(which),), torch.nan) if self.hours is None else self.hours[which].float()


def _drawn(ends: Tensor, generator: torch.Generator | None, lengths: np.ndarray | None = None) -> tuple[Tensor, Tensor]:
    """Scores in intervals [2, n, w], the middles without a generator."""
    n = ends.shape[1] if lengths is None else len(lengths)
    u = torch.full((n, ends.shape[2]), 0.5) if generator is None else torch.rand(n, ends.shape[2], generator=generator)
    if lengths is not None:
        u = torch.repeat_interleave(u, torch.from_numpy(lengths), 0)
    values = between(ends[0], ends[1], u).float()
    known = ~values.isnan()
    return values.nan_to_num_(0.0), known


class LinkedCodec:
    """The codec of linked tables.

    Attributes:
        forms: what is decided of them.
        codecs: of each table.
        shares: by table and the table that hangs on it, the share of rows that have any there.
        blocks: by table, rows of a token.
        lookups: the tables that are carried over.
        keys: patterns of new keys, by table, see names.py.
        suffix: of the files of the tables.
    """

    def __init__(
        self,
        forms: LinkedForms,
        codecs: Mapping[str, RecordCodec],
        shares: Mapping[str, Mapping[str, float]],
        blocks: Mapping[str, int],
        keys: Mapping[str, Any],
        lookups: Mapping[str, pl.DataFrame],
        suffix: str = ".csv",
    ) -> None:
        self.forms, self.codecs, self.shares, self.blocks, self.lookups = forms, codecs, shares, blocks, lookups
        self.keys, self.suffix = keys, suffix

    @classmethod
    def fit(
        cls,
        forms: LinkedForms,
        grown: Grown,
        lookups: Mapping[str, pl.DataFrame],
        settings: CodecSettings | None = None,
        suffix: str = ".csv",
    ) -> LinkedCodec:
        """The codec whose scores of these patients are N(0, 1). Raises DataError where there is none."""
        from reverie.records.linked.names import Keys

        codecs, shares, blocks = {}, {}, {}
        for branch in forms.tree.learned:
            table = branch.table
            if not grown.frames[table].height:
                raise DataError(f"{table} has no row of the patients that are trained on: leave the table out.")
            told = tabled(table, forms.forms, grown, forms.columns[table])
            codecs[table] = RecordCodec.fit(told, settings)
            rows = grown.frames[table].height
            shares[table] = {
                child: float(len(np.unique(grown.parents[child])) / rows) for child in forms.tree.children(table)
            }
            blocks[table] = int(np.clip(2 ** np.ceil(np.log2(int(told.lengths.max()) / TOKENS)), 1, BLOCK))
        return cls(forms, codecs, shares, blocks, Keys.fit(forms, grown), lookups, suffix)

    @property
    def tree(self) -> Tree:
        return self.forms.tree

    @cached_property
    def types(self) -> list[tuple[str, str]]:
        """The kinds of tokens: (table, "group" | "rows" | "told"), the last for what is only given of rows above and
        before."""
        return [(b.table, what) for b in self.tree.learned for what in ("group", "rows", "told")]

    def type(self, table: str, what: str) -> int:
        return self.types.index((table, what))

    @cached_property
    def flags(self) -> dict[str, list[tuple[str, OrderedProbit]]]:
        """By table, those that hang on it and the code of whether a row has any there; none where all rows have."""
        return {
            table: [(child, OrderedProbit.fit(np.array([1 - share, share]))) for child, share in of.items() if share < 1]
            for table, of in self.shares.items()
        }

    def widths(self, table: str) -> tuple[int, int]:
        """Channels of a group and of a row, flags with them."""
        stage, flags = self.codecs[table].stage, len(self.flags[table])
        group, row = (int((stage[token] >= 0).sum()) for token in (0, 1))
        return (group + flags, row) if table == self.tree.root else (group, row + flags)

    @cached_property
    def channels(self) -> tuple[int, ...]:
        """Of each kind of token."""
        sizes = []
        for table, what in self.types:
            group, row = self.widths(table)
            sizes.append({"group": group, "rows": self.blocks[table] * row, "told": group + row}[what])
        return tuple(sizes)

    @property
    def width(self) -> int:
        """Channels of the widest token."""
        return max(self.channels)

    @cached_property
    def stages(self) -> dict[str, tuple[Tensor, Tensor]]:
        """By table, the stage of each channel of a group and of a row; flags are made with values. Patients are made before
        what hangs on them: they have 0 and 1, all others 2 to 5."""
        out = {}
        for table, codec in self.codecs.items():
            group, row = (codec.stage[token][codec.stage[token] >= 0] for token in (0, 1))
            flags = len(self.flags[table])
            if table == self.tree.root:
                out[table] = (torch.cat([group, torch.full((flags,), 1)]), row)
            else:
                out[table] = (group + 2, torch.cat([row, torch.full((flags,), 3)]) + 2)
        return out

    def encode(self, grown: Grown) -> dict[str, Coded]:
        """The rows of all tables, in the order of the tree. Raises DataError for levels that were not seen."""
        out = {}
        for branch in self.tree.learned:
            table, parent = branch.table, branch.parent
            told = tabled(table, self.forms.forms, grown, self.forms.columns[table])
            encoded = self.codecs[table].encode(told)
            ends = []
            for child, code in self.flags[table]:
                has = np.zeros(grown.frames[table].height, dtype=np.int64)
                has[grown.parents[child]] = 1
                ends.append(torch.from_numpy(np.stack(code.intervals(has))).float())
            if ends and parent is None:
                encoded = replace(encoded, statics=torch.cat([encoded.statics, *ends], -1))
            elif ends:
                encoded = replace(encoded, rows=torch.cat([encoded.rows, *ends], -1))
            rows = np.arange(len(told)) if parent is None else grown.parents[table]
            of_groups = rows[told.offsets[:-1]] if len(told) else rows
            above = len(told) if parent is None else grown.frames[parent].height
            group = np.full(above, -1)
            group[of_groups] = np.arange(len(of_groups))
            hours = None
            if branch.time is not None:
                hours = torch.from_numpy(self.hours(table, told.frame[SINCE].cast(pl.Float64).to_numpy()))
            out[table] = Coded(encoded, of_groups, group, hours)
        return out

    def hours(self, table: str, since: np.ndarray) -> np.ndarray:
        """Times as the form of a table counts them, in hours; numbers without a unit are taken for days."""
        return since * ((self.forms.forms[table].unit or 86_400) / 3600)

    @property
    def config(self) -> dict[str, Any]:
        forms = self.forms
        return {
            "version": VERSION,
            "schema": forms.schema.model_dump(mode="json"),
            "tree": forms.tree.config,
            "within": sorted(forms.within),
            "forms": {table: form.config for table, form in forms.forms.items()},
            "tables": {
                table: {
                    "codec": codec.config,
                    "shares": dict(self.shares[table]),
                    "block": self.blocks[table],
                }
                for table, codec in self.codecs.items()
            },
            "keys": self.keys.config,
            "suffix": self.suffix,
            "lookups": {
                name: {"types": {c: str(t) for c, t in frame.schema.items()}, "rows": frame.write_csv()}
                for name, frame in self.lookups.items()
            },
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> LinkedCodec:
        """The codec that `config` describes. Raises UsageError if it is not one of this version."""
        from reverie.records.linked.names import Keys

        if config.get("version") != VERSION:
            raise UsageError(f"linked tables of version {config.get('version')} cannot be read here: train it again.")
        tables = config["tables"]
        codecs = {table: RecordCodec.from_config(of["codec"]) for table, of in tables.items()}
        forms = LinkedForms(
            LinkedSchema.model_validate(config["schema"]),
            Tree.from_config(config["tree"]),
            {table: Form.from_config(of) for table, of in config["forms"].items()},
            {table: codec.schema for table, codec in codecs.items()},
            frozenset(config["within"]),
        )
        return cls(
            forms,
            codecs,
            {table: of["shares"] for table, of in tables.items()},
            {table: of["block"] for table, of in tables.items()},
            Keys.from_config(config["keys"]),
            {name: _lookup(of) for name, of in config["lookups"].items()},
            config["suffix"],
        )


def _lookup(told: Mapping[str, Any]) -> pl.DataFrame:
    from io import StringIO

    from reverie.records.dtypes import dtype_named

    frame = pl.read_csv(StringIO(told["rows"]), infer_schema=False)
    return frame.with_columns(frame[c].cast(dtype_named(t), strict=False) for c, t in told["types"].items())
