"""Linked tables <-> records: each table is a table of visits of its parents' rows (form.py), with a codec of its own.

A row of a table stands in a token with the rows after it, as many as the table's block. Beside its own cells it holds its
latent class (classes.py), and for each table that hangs on its own whether the row has any there (layout.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
import torch
from pydantic import TypeAdapter

from reverie.denoisers.naming import Cells
from reverie.errors import DataError, UsageError
from reverie.records.codec import RecordCodec
from reverie.records.codes import CodecSettings
from reverie.records.forms import AnyForm
from reverie.records.linked.beside import tabled
from reverie.records.linked.bonds import Bonds
from reverie.records.linked.classes import Classes
from reverie.records.linked.clocks import seconds_of
from reverie.records.linked.digits import in_digits, levels_in
from reverie.records.linked.form import SINCE, Form
from reverie.records.linked.forms import LinkedForms
from reverie.records.linked.layout import Layout
from reverie.records.linked.lookups import kept, lookup_config, lookup_from
from reverie.records.linked.names import Keys
from reverie.records.linked.schema import LinkedSchema
from reverie.records.linked.scores import TableScores
from reverie.records.linked.tree import Grown, Tree, place_of
from reverie.records.table import Table

__all__ = ["LinkedCodec"]

VERSION = 1
FORM: TypeAdapter[AnyForm] = TypeAdapter(AnyForm)
TOKENS, BLOCK = 24, 8
"""Tokens for the rows of any parent, and rows of a token, at most."""


class LinkedCodec(Layout):
    """The codec of linked tables.

    Attributes:
        forms: what is decided of them.
        codecs: of each table.
        shares: by table and the table that hangs on it, the share of rows that have any there.
        blocks: by table, rows of a token.
        lookups: the tables that are carried over, as they are kept, see lookups.py.
        keys: patterns of new keys, by table, see names.py.
        suffix: of the files of the tables.
        written: by table and column, how the source writes cells that are not plainly what they are.
        declared: by table and column, the types that the database declares which the tables came from; none of files.
        latest: by table, the latest time that was seen, as its form counts; none of tables without one.
    """

    def __init__(
        self,
        forms: LinkedForms,
        codecs: Mapping[str, RecordCodec],
        shares: Mapping[str, Mapping[str, float]],
        blocks: Mapping[str, int],
        keys: Keys,
        lookups: Mapping[str, pl.DataFrame],
        suffix: str = ".csv",
        written: Mapping[str, Mapping[str, AnyForm]] | None = None,
        latest: Mapping[str, float] | None = None,
        classes: Classes | None = None,
        declared: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self.forms, self.codecs, self.shares, self.blocks, self.lookups = forms, codecs, shares, blocks, lookups
        self.keys, self.suffix, self.written, self.latest = keys, suffix, written or {}, latest or {}
        self.classes, self.declared = classes or Classes(), declared or {}

    @classmethod
    def fit(
        cls,
        forms: LinkedForms,
        grown: Grown,
        lookups: Mapping[str, pl.DataFrame],
        settings: CodecSettings | None = None,
        suffix: str = ".csv",
        written: Mapping[str, Mapping[str, AnyForm]] | None = None,
        declared: Mapping[str, Mapping[str, str]] | None = None,
    ) -> LinkedCodec:
        """The codec whose scores of these patients are N(0, 1). Raises DataError where there is none."""
        codecs, shares, blocks, levels, latest = {}, {}, {}, {}, {}
        for branch in forms.tree.learned:
            table = branch.table
            if not grown.frames[table].height:
                raise DataError(f"{table} has no row of the patients that are trained on: leave the table out.")
            told = tabled(table, forms.forms, grown, forms.columns[table])
            codec = RecordCodec.fit(told, settings)
            levels[table] = levels_in(codec, told)
            codecs[table] = in_digits(codec, table, levels, grown, branch.parent)
            if branch.time is not None:
                latest[table] = float(told.frame[SINCE].cast(pl.Float64).max() or 0.0)  # pyright: ignore[reportArgumentType]
            rows = grown.frames[table].height
            shares[table] = {
                child: float(len(np.unique(grown.parents[child])) / rows) for child in forms.tree.children(table)
            }
            blocks[table] = int(np.clip(2 ** np.ceil(np.log2(int(told.lengths.max()) / TOKENS)), 1, BLOCK))
        carried = {name: kept(lookup) for name, lookup in lookups.items()}
        plain = cls(
            forms, codecs, shares, blocks, Keys.fit(forms, grown), carried, suffix, written, latest, declared=declared
        )
        scores = plain.encode(grown)
        classed = plain._with(Classes.fit(plain.tree, scores, plain.cells))
        scores = classed._classed(scores)

        def known_by(table: str, what: str, own: bool) -> np.ndarray:
            return classed.known_by(table, what, scores, own)

        def classes_of(table: str) -> np.ndarray:
            return classed.classes_of(table, scores)

        return plain._with(classed.classes.expecting(plain.tree, scores, classed.cells, known_by, classes_of))

    def _with(self, classes: Classes) -> LinkedCodec:
        of = self
        told = of.forms, of.codecs, of.shares, of.blocks, of.keys, of.lookups, of.suffix, of.written, of.latest
        return LinkedCodec(*told, classes, of.declared)

    def tabled(self, grown: Grown, holes: bool = False) -> dict[str, Table]:
        """All tables as tables of visits, in the order of the tree; with `holes` cells that cannot be read are left out and
        noted. Raises DataError for them otherwise."""
        of = self.forms
        return {b.table: tabled(b.table, of.forms, grown, of.columns[b.table], holes) for b in self.tree.learned}

    def encode(self, grown: Grown, as_tables: Mapping[str, Table] | None = None) -> dict[str, TableScores]:
        """The rows of all tables, in the order of the tree, as intervals of scores: a group is a parent's row that has rows
        there, and the flags are the last channels of a row, or of a patient.

        Args:
            as_tables: what `tabled` makes of them, if that is known.

        Raises DataError for levels that were not seen.
        """
        out = {}
        for table, told in (self.tabled(grown) if as_tables is None else as_tables).items():
            branch = self.tree[table]
            parent = branch.parent
            encoded = self.codecs[table].encode(told)
            ends = []
            for child, code in self.flags[table]:
                has = np.zeros(grown.frames[table].height, dtype=np.int64)
                has[grown.parents[child]] = 1
                ends.append(torch.from_numpy(np.stack(code.intervals(has))).float())
            groups, rows = encoded.statics, encoded.rows
            if ends and parent is None:
                groups = torch.cat([groups, *ends], -1)
            elif ends:
                rows = torch.cat([rows, *ends], -1)
            above = np.arange(len(told)) if parent is None else grown.parents[table]
            of_groups = above[told.offsets[:-1]] if len(told) else above
            group = place_of(of_groups, len(told) if parent is None else grown.frames[parent].height)
            hours = torch.full((rows.shape[1],), torch.nan)
            if branch.time is not None:
                hours = torch.from_numpy(self.hours(table, told.frame[SINCE].cast(pl.Float64).to_numpy()))
            out[table] = TableScores(of_groups, group, groups, encoded.offsets.numpy(), rows, hours)
        return self._classed(out) if self.classes.tables else out

    def _classed(self, plain: dict[str, TableScores]) -> dict[str, TableScores]:
        """Scores with the classes of their rows."""
        out = dict(plain)
        for table, ends in self.classes.of(self.tree, plain, self._plain_cells).items():
            what, first = "groups" if table == self.tree.root else "rows", self.class_channels(table).start
            before = getattr(plain[table], what)
            whole = torch.cat([before[..., :first], torch.from_numpy(ends).float(), before[..., first:]], -1)
            out[table] = replace(plain[table], **{what: whole})
        return out

    @cached_property
    def _plain_cells(self) -> dict[tuple[str, str], Cells]:
        """The cells of the same tables without classes, which tell them."""
        return self._with(Classes()).cells

    def spelled(self, table: str, frame: pl.DataFrame, as_text: bool | None = None) -> pl.DataFrame:
        """A table as it stands in a file, of text or not: times and numbers as the source writes them."""
        text = self.suffix != ".parquet" if as_text is None else as_text
        forms = {c: form for c, form in self.written.get(table, {}).items() if c in frame.columns}
        here = {c: form for c, form in forms.items() if form.dressed or (text and form.spells(frame.schema[c]))}
        return frame.with_columns(form.write(frame[c]) for c, form in here.items())

    def hours(self, table: str, since: np.ndarray) -> np.ndarray:
        """Times as the form of a table counts them, in hours; numbers of no unit that their column is called are days."""
        form = self.forms.forms[table]
        return since * ((form.unit or seconds_of(form.time or "")) / 3600)

    @property
    def config(self) -> dict[str, Any]:
        forms = self.forms
        return {
            "version": VERSION,
            "schema": forms.schema.model_dump(mode="json"),
            "tree": forms.tree.config,
            "within": sorted(forms.within),
            "ends": sorted(forms.ends),
            "bonds": forms.bonds.config,
            "forms": {table: form.config for table, form in forms.forms.items()},
            "tables": {
                table: {
                    "codec": codec.config,
                    "shares": dict(self.shares[table]),
                    "block": self.blocks[table],
                    "latest": self.latest.get(table),
                }
                for table, codec in self.codecs.items()
            },
            "classes": self.classes.config,
            "keys": self.keys.config,
            "suffix": self.suffix,
            "written": {
                table: {column: form.model_dump(mode="json") for column, form in of.items()}
                for table, of in self.written.items()
            },
            "declared": {table: dict(of) for table, of in self.declared.items()},
            "lookups": {name: lookup_config(frame) for name, frame in self.lookups.items()},
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> LinkedCodec:
        """The codec that `config` describes. Raises UsageError if it is not one of this version."""
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
            frozenset(config["ends"]),
            bonds=Bonds.from_config(config["bonds"]) if "bonds" in config else Bonds(),
        )
        return cls(
            forms,
            codecs,
            {table: of["shares"] for table, of in tables.items()},
            {table: of["block"] for table, of in tables.items()},
            Keys.from_config(config["keys"]),
            {name: lookup_from(of) for name, of in config["lookups"].items()},
            config["suffix"],
            {table: {c: FORM.validate_python(form) for c, form in of.items()} for table, of in config["written"].items()},
            {table: last for table, of in tables.items() if (last := of.get("latest")) is not None},
            Classes.from_config(config.get("classes", {})),
            config.get("declared", {}),
        )
