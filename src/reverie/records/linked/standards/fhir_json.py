"""Resources as JSON, all rows of a table at once: cells become JSON column by column, and elements are put together by path.

code, subject.reference   ->   {"code": .., "subject": {"reference": ..}}      a part that a row has not is not written
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

__all__ = ["Parts", "Path", "as_json", "each", "together"]

Path = tuple[str | int, ...]
Parts = dict[Path, pl.Series]
"""JSON by the path of the element that it is; null where a row has none."""

_ESCAPED = r'["\\\x00-\x1f]'
"""What JSON does not take as it stands in a text."""


def as_json(cells: pl.Series) -> pl.Series:
    """Cells of text, numbers, truth values, days, and times in UTC as JSON."""
    if cells.dtype == pl.Date:
        return _quoted(cells.dt.to_string("%Y-%m-%d"))
    if cells.dtype.is_temporal():
        return _quoted(cells.dt.to_string("%Y-%m-%dT%H:%M:%S%.fZ"))
    if cells.dtype != pl.String:
        return cells.cast(pl.String)
    if cells.str.contains(_ESCAPED).any():
        whole = pl.struct(cells.alias("v")).struct.json_encode()  # {"v":..}
        return pl.select(pl.when(cells.is_not_null()).then(whole.str.slice(5).str.strip_suffix("}"))).to_series()
    return _quoted(cells)


def each(cells: pl.Series, what: Callable[[str], Any]) -> pl.Series:
    """What each text stands for, as JSON, null where for nothing; it is asked for once of those that are alike."""
    known = cells.drop_nulls().unique()
    found = [what(cell) for cell in known]
    made = pl.Series([None if f is None else json.dumps(f, ensure_ascii=False) for f in found], dtype=pl.String)
    return cells.replace_strict(known, made, default=None, return_dtype=pl.String)


def together(parts: Mapping[Path, pl.Series]) -> pl.Series:
    """One object of JSON for each row; null where it would be empty."""
    tree: dict[str | int, Any] = {}
    for path in parts:
        node = tree
        for step in path[:-1]:
            node = node.setdefault(step, {})
        node[path[-1]] = pl.col("\0".join(map(str, path)))
    frame = pl.DataFrame({"\0".join(map(str, path)): cells for path, cells in parts.items()})
    return frame.select(_node(tree)).to_series()


def _node(tree: dict[str | int, Any] | pl.Expr) -> pl.Expr:
    if isinstance(tree, pl.Expr):
        return tree
    if 0 in tree:
        return "[" + _node(tree[0]) + "]"
    inside = pl.concat_str([f',"{key}":' + _node(below) for key, below in tree.items()], ignore_nulls=True)
    return pl.when(inside != "").then("{" + inside.str.slice(1) + "}")


def _quoted(text: pl.Series) -> pl.Series:
    return '"' + text + '"'
