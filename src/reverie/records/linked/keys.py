"""Which column is the key of a table, and which columns refer to the key of another.

Names propose: patient_id in patients is its key, and wherever else a column is called so it refers to it, as does
old_patient_id. Structure decides: a key has another value in each row and is never empty; a column refers to a
key where most of its values are keys there. Numbers that only happen to be among those of another table have another name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from reverie.records.column_names import PERSONS, id_of, identifier_rank, tells_apart, words
from reverie.records.linked.schema import ForeignKey

__all__ = [
    "Tie",
    "fit_of",
    "foreign",
    "key_of",
    "names_a_person",
    "names_key",
    "says_of_what",
    "singular",
    "ties",
    "whole_keys",
]

FOUND = 0.5
"""Of the values of a column, the least share that are keys of a table it refers to; the rest dangle, and are counted."""

NAMED = 0.9
"""Of the cells of a column, the least share that are cells of one in a table of nobody's rows, which is a key then."""

_KEY = ("id", "key", "no", "nr", "num", "number", "code", "uid", "uuid", "guid", "oid", "pk", "identifier", "hash")
EARLIER = {
    "parent",
    "previous",
    "prev",
    "prior",
    "preceding",
    "earlier",
    "original",
    "index",
    "initial",
    "linked",
    "related",
}
"""How a column begins that names another row of its own table."""
COUNTS = (["id"], ["row", "id"])
"""The words of a key that only counts rows: every table may have one."""


@dataclass(frozen=True)
class Tie:
    """A column that may refer to a table, and how well: by which name, and what share of its values are keys there; or that
    a database declares to."""

    column: str
    table: str
    exact: bool
    share: float
    declared: bool = False


def singular(name: str) -> str:
    """patients -> patient, diagnoses -> diagnosis, allergies -> allergy; what is one already stays."""
    name = name.lower()
    for many, one in (("ies", "y"), ("noses", "nosis"), ("lyses", "lysis"), ("s", "")):
        if name.endswith(many) and not name.endswith(("ss", "sis", "us")) and len(name) > len(many) + 1:
            return name[: -len(many)] + one
    return name


def names_key(column: str) -> bool:
    """Whether a column is called as keys are."""
    parts = words(column)
    if not parts:
        return False
    return parts[-1] in _KEY or id_of(column) is not None or (len(parts) == 1 and parts[0].endswith(("id", "_no")))


def names_a_person(column: str) -> bool:
    """Whether a column is called as the keys of patients are."""
    rank = identifier_rank(column)
    return rank is not None and rank <= PERSONS


def whole_keys(frame: pl.DataFrame) -> dict[str, pl.Series]:
    """By name the columns of decimals that are called as keys, as the whole numbers that all of their cells are: programs
    that know no empty whole number write 7.0."""
    found = {}
    for column in (c for c, dtype in frame.schema.items() if dtype.is_float() and names_key(c)):
        whole = frame[column].cast(pl.Int64, strict=False)
        if whole.count() and whole.cast(pl.Float64).equals(frame[column].cast(pl.Float64)) and whole.abs().max() < 2**53:
            found[column] = whole
    return found


def says_of_what(key: str) -> bool:
    """Whether a key is called after what it is of, rather than "number", as every table may have one."""
    return names_a_person(key) or bool({*words(key)} - {*_KEY})


def key_of(frame: pl.DataFrame, table: str, others: Sequence[pl.DataFrame]) -> tuple[str | None, tuple[str, ...]]:
    """The key of a table, and the other columns that could be it as well; None where nothing tells its rows apart.

    What also stands in the other tables is a key rather than what counts rows. In a table of nobody's rows the key may be
    called as it will (ward, test), or be a code: others name its rows.
    """
    elsewhere = {column for other in others for column in other.columns}
    of_nobody = not any(map(tells_apart, frame.columns))

    def may_be(column: str) -> bool:
        if names_key(column) and (words(column)[-1] != "code" or fit_of(column, table) == 0):
            return True  # a code of a drug that none stands twice is chance
        as_table = words(column) == words(singular(table))  # icd_code of icd_codes
        return of_nobody and (as_table or any(_names(other, column, frame[column]) for other in others))

    def rank(column: str) -> int:
        if (fit := fit_of(column, table)) == 0:
            return 0
        return 1 if column in elsewhere and words(column) not in COUNTS and not names_a_person(column) else fit + 1

    unique = [
        column
        for column, dtype in frame.schema.items()
        if (dtype == pl.String or dtype.is_integer())
        and frame[column].null_count() == 0
        and frame[column].n_unique() == frame.height
        and may_be(column)
    ]
    if not unique:
        return None, ()
    best = sorted(unique, key=lambda column: (rank(column), frame.columns.index(column)))
    key = best[0]
    return key, tuple(c for c in best[1:] if rank(c) == rank(key))


def _names(other: pl.DataFrame, column: str, keys: pl.Series) -> bool:
    """Whether nearly all cells of a column of another table are keys, and some are the same one."""
    if column not in other.columns or other.schema[column] != keys.dtype:
        return False
    cells = other[column].drop_nulls()
    return cells.n_unique() < cells.len() and int(cells.is_in(keys.implode()).sum()) >= NAMED * cells.len()


def fit_of(column: str, table: str) -> int:
    """How well a column is named as the key of a table: 0 as the table itself, 1 "id" alone, 2 in part, 3 not."""
    stem, own = [p for p in words(column) if p not in _KEY], words(singular(table))
    squeezed, owned = "".join(stem), "".join(own)
    if stem and (stem == own or squeezed == owned or squeezed == f"{owned}id"):
        return 0
    if names_a_person(column) and names_a_person(f"{singular(table)}_id"):  # subject_id of patients
        return 0
    if words(column) in COUNTS:
        return 1
    return 2 if {*stem} & {*own} or (squeezed and (squeezed in owned or owned in squeezed)) else 3


def ties(frames: Mapping[str, pl.DataFrame], keys: Mapping[str, str | None], table: str) -> list[Tie]:
    """The columns of a table that may refer to others, or to itself, the best first."""
    frame, found = frames[table], []
    for column, dtype in frame.schema.items():
        if not (dtype == pl.String or dtype.is_integer()) or not (cells := frame[column].drop_nulls().unique()).len():
            continue
        for other, key in keys.items():
            if key is None or (other == table and column == key):
                continue
            earlier = other == table and _names_earlier(column, key, table)
            if (exact := False if earlier else _called(column, key, other)) is None:
                continue
            share = share_of(cells, frames[other][key])
            if share >= (NAMED if earlier else FOUND):
                found.append(Tie(column, other, exact, share))
    return sorted(found, key=lambda tie: (tie.table == table, not tie.exact, -tie.share))


def share_of(cells: pl.Series, keys: pl.Series) -> float:
    """The share of different cells that are keys."""
    if keys.dtype != cells.dtype:  # 7 and "7" are one key in two files
        keys, cells = keys.cast(pl.String), cells.cast(pl.String)
    ours = cells.drop_nulls().unique()
    return int(ours.is_in(keys.implode()).sum()) / ours.len() if ours.len() else 0.0


def _called(column: str, key: str, table: str) -> bool | None:
    """Whether a column is called exactly as the key of a table, or as one with words before it; None if it is not."""
    if column.lower() == key.lower():
        return True if words(key) != ["id"] else None  # every table has an id of its own
    parts, own = words(column), words(key)
    if own == ["id"]:
        own = [*words(singular(table)), "id"]
        if parts in (own, own[:-1]) or "".join(parts) == "".join(own):
            return True
    return False if len(parts) > len(own) and parts[-len(own) :] == own and len(own) > 1 else None


def _names_earlier(column: str, key: str, table: str) -> bool:
    """Whether a column is called as one that names another row of its own table: parent_id, previous_visit."""
    first, *rest = words(column) or [""]
    own = {*words(singular(table)), *words(key), "id", "uid", "uuid", "guid", "key"}
    return first in EARLIER and bool(rest) and own.issuperset(rest)


def foreign(frame: pl.DataFrame, tie: Tie, keys: pl.Series, own: bool) -> ForeignKey:
    """What a column says of the table that it refers to; `own` if that is its own table."""
    cells = frame[tie.column].cast(pl.String)
    there = keys.cast(pl.String)
    known = cells.is_in(there.implode())
    dangling = int((known == False).sum())  # noqa: E712  (null is neither)
    counts = (
        pl.DataFrame({"key": there})
        .join(pl.DataFrame({"key": cells}).group_by("key").len(), on="key", how="left", maintain_order="left")["len"]
        .fill_null(0)
    )
    how = "declared by the database" if tie.declared else "called as the key there"
    how = how if tie.declared or tie.exact else "its name ends as the key's"
    return ForeignKey(
        column=tie.column,
        table=tie.table,
        optional=own or bool(cells.null_count()) or dangling > 0,
        dangling=dangling,
        fewest=int(counts.min() or 0),  # pyright: ignore[reportArgumentType]
        median=float(counts.median() or 0),  # pyright: ignore[reportArgumentType]
        most=int(counts.max() or 0),  # pyright: ignore[reportArgumentType]
        why=f"{how}, and {100 * tie.share:.3g} % of its values are among them",
    )
