"""Tables that are carried over as they are: a vocabulary, a list of items. How a model keeps one, and what its codes are
called.

A model keeps the rows as the text of a CSV, and beside it the types of the columns. Times and truth values stay text, as
files of text have them: polars makes no such cell of text by a cast.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO
from typing import Any

import polars as pl

from reverie.records.column_names import words
from reverie.records.dtypes import dtype_name, dtype_named
from reverie.records.linked.schema import LinkedSchema

__all__ = ["kept", "lookup_config", "lookup_from", "names_in", "names_of_codes"]

NAMING = {"name", "label", "display", "description", "desc", "title", "term", "text", "meaning", "bezeichnung"}


def kept(lookup: pl.DataFrame) -> pl.DataFrame:
    """A lookup with its times and truth values as text."""
    times = pl.selectors.temporal().cast(pl.String), pl.selectors.boolean().cast(pl.String)
    whole = pl.selectors.datetime().dt.to_string("%Y-%m-%dT%H:%M:%S%.f")
    return lookup.with_columns(whole).with_columns(*times)


def lookup_config(lookup: pl.DataFrame) -> dict[str, Any]:
    """A kept lookup, as JSON can hold it."""
    return {"types": {c: dtype_name(t) for c, t in lookup.schema.items()}, "rows": lookup.write_csv()}


def lookup_from(config: Mapping[str, Any]) -> pl.DataFrame:
    """The lookup that `config` describes."""
    frame = pl.read_csv(StringIO(config["rows"]), infer_schema=False)
    return frame.with_columns(frame[c].cast(dtype_named(t), strict=False) for c, t in config["types"].items())


def names_in(lookup: pl.DataFrame, key: str) -> dict[str, str]:
    """Names by code, as text, from the column that is named as names are, or else, of codes that are numbers, the first of
    text with another in each row; with the code where several have one name."""
    texts = [c for c, dtype in lookup.schema.items() if c != key and dtype == pl.String]
    text = next((c for c in texts if NAMING & {*words(c)}), None)
    if text is None and key in lookup.columns and lookup.schema[key].is_numeric():
        text = next((c for c in texts if lookup[c].is_unique().all()), None)
    if text is None or key not in lookup.columns:
        return {}
    known = lookup.select(pl.col(key).cast(pl.String).alias("code"), pl.col(text).alias("name")).drop_nulls()
    known = known.unique("code", keep="first", maintain_order=True)
    alike = pl.when(pl.col("name").is_duplicated()).then(pl.format("{} ({})", "name", "code")).otherwise("name")
    return dict(known.select("code", alike.alias("name")).iter_rows())


def names_of_codes(schema: LinkedSchema, table: str, lookups: Mapping[str, pl.DataFrame]) -> dict[str, dict[str, str]]:
    """By column of a table that refers to a lookup, what its codes are called; none of those that nothing names."""
    ties = {tie.column: tie.table for tie in schema[table].refers if tie.table in lookups}
    named = {of: names_in(lookups[of], str(schema[of].key)) for of in dict.fromkeys(ties.values())}
    return {column: named[of] for column, of in ties.items() if named[of]}
