"""Which column says whose visit a row is, and which says when: by name and by structure.

Names propose. Whose: a column named after a person, else one called "id", else one named after a stay; only where there is
none of these, others that end in "id" (for a test or a device has an id too, and is nobody). When: a column named after a
time; an age only where nothing else tells a patient's rows apart. Structure decides between them: what has another value in
each row counts rows and is nobody, and of the pairs (identifier, time) left those with the fewest rows that share both stay.
"""

from __future__ import annotations

import polars as pl

from reverie.errors import Undecided, UsageError, unknown
from reverie.records.column_names import (
    ID,
    OTHERS,
    PERSONS,
    STAYS,
    ends_as_time,
    id_of,
    identifier_rank,
    names_thing,
    time_rank,
    words,
)
from reverie.records.places import few

__all__ = [
    "AGE", "EACH_ROW", "find_roles", "may_be_identifiers", "may_be_times", "patients", "several_patients", "varies",
]  # fmt: skip

AGE = "the age at each row, for no other column says when it was"
"""Why an age is the time, as its column says."""

EACH_ROW = "row"
"""What a user says instead of an identifier where each row is a patient of its own."""

_MANY = 10
"""From so many different values on, one in each row, a column named after persons counts persons."""


def find_roles(frame: pl.DataFrame, name: str, identifier: str | None, time: str | None) -> tuple[str, str, str, str]:
    """The names of the identifier and of the time, and why each.

    Args:
        frame: typed, without rows that are wholly alike.
        identifier, time: what the user says; None to find it.

    Raises:
        UsageError: a name given is not a column, or nothing fits; the candidates are named.
    """
    for column, role in ((identifier, "id"), (time, "time")):
        if column is not None and column not in frame.columns:
            raise unknown(f"column for `{role}`", column, frame.columns)
    if identifier is not None and identifier == time:
        raise UsageError(f"{name}: `id` and `time` both name {identifier!r}: the identifier and the time are two columns.")
    whose = {identifier: 0} if identifier else _identifiers(frame)
    if not whose:
        candidates = few(map(repr, _repeating(frame)), 6) or "none"
        raise Undecided(
            f"{name}: no column looks like an identifier of patients (candidates: {candidates})",
            f"say which with `id`, or `id={EACH_ROW}` if each row is a patient of its own, or give a schema.",
            "id",
            (*_repeating(frame), EACH_ROW, *frame.columns),
        )
    when = {time: 0} if time else {c: rank for c in may_be_times(frame) if (rank := time_rank(c)) is not None}
    when = when or {c: 0 for c in frame.columns if ends_as_time(c) and c not in whose}
    fits = _fits(frame, whose, when, time)
    if dated := (not fits and time is None):  # a date that moves tells when, whatever it is called
        dates = {c: 0 for c, dtype in frame.schema.items() if dtype in (pl.Date, pl.Datetime)}
        fits = _fits(frame, whose, dates, time)
    if not fits:
        ages = {c: 0 for c in frame.columns if "age" in words(c)}
        fits = [fit for fit in _fits(frame, whose, ages, time) if len(ages) == 1 and not fit[2]]
        aged = bool(fits)
    else:
        aged = False
    if not fits:
        others = [c for c in frame.columns if c not in whose and _may_be_said(frame, next(iter(whose)), c)]
        candidates = few(map(repr, others), 6) or "none"
        raise Undecided(
            f"{name}: no column looks like the time of a visit (candidates: {candidates})",
            "say which with `time`, "
            f"{'' if identifier else f'or `id={EACH_ROW}` if each row is a patient of its own, '}or give a schema.",
            "time",
            (*others, *(c for c in frame.columns if c not in whose)),
        )
    fits.sort(key=lambda fit: fit[:5])
    _, lonely, shared, _, _, i, t = best = fits[0]
    tied = [fit for fit in fits if fit[:5] == best[:5] and fit[5:] != best[5:]]
    if tied:
        role, field, names = ("identifier", "id", [i, *[f[5] for f in tied]])
        if all(fit[5] == i for fit in tied):
            role, field, names = ("time", "time", [t, *[f[6] for f in tied]])
        candidates = " or ".join(map(repr, dict.fromkeys(names)))
        remedy = f"say which with `{field}`, or give a schema."
        raise Undecided(f"{name}: the {role} could be {candidates}", remedy, field, names)
    patients = frame[i].n_unique()
    unique = "no two rows share it and the time" if not shared else f"{shared} rows share it and the time with another"
    alone = "; every patient has one visit" if lonely else ""
    why_i = _said(identifier) if identifier else f"its name, and {unique}{alone}"
    named = "dates" if dated and not aged else "its name"
    why_t = _said(time) if time else f"{named}, and it changes within the {patients:,} patients"
    why_t = f"{AGE} ({patients:,} patients)" if aged else why_t
    return i, t, why_i, why_t if not lonely or time else named


def _fits(
    frame: pl.DataFrame, whose: dict[str, int], when: dict[str, int], time: str | None
) -> list[tuple[int, int, int, int, int, str, str]]:
    """(time is text, one row each, rows that share both, ranks, names) of each pair of an identifier and a time."""
    fits = []
    for i, i_rank in whose.items():
        patients = frame[i].n_unique()
        for t, t_rank in when.items():
            if i == t or (time is None and not varies(frame, i, t)):
                continue
            shared = frame.height - frame.select(pl.struct(i, t).n_unique()).item()
            lonely = int(patients == frame.height > 1)  # one row each: a number of rows rather than of patients
            text = int(frame.schema[t] in (pl.String, pl.Boolean))
            fits.append((text, lonely, shared, i_rank, t_rank, i, t))
    return fits


def _may_be_said(frame: pl.DataFrame, identifier: str, column: str) -> bool:
    """Whether a user could name a column as the time: numbers, dates, or names of visits."""
    if frame.schema[column] != pl.String:
        return frame.schema[column] != pl.Boolean
    return frame[column].n_unique() <= 0.5 * frame.height and varies(frame, identifier, column)


def _said(column: str) -> str:
    return "made here" if column.startswith("\0") else "as you said"


def several_patients(frame: pl.DataFrame) -> str | None:
    """A column that is named after patients and has several of them in these rows, which are then not one patient's."""
    for column in frame.columns:
        rank, values = identifier_rank(column), frame[column].drop_nulls().n_unique()
        repeats = values < frame[column].count()
        if rank is not None and rank <= ID and values > 1 and (repeats or (values >= _MANY and rank <= PERSONS)):
            return column
    return None


def may_be_identifiers(frame: pl.DataFrame) -> list[str]:
    """The columns that may say whose visit a row is, by their names."""
    return list(_identifiers(frame))


def may_be_times(frame: pl.DataFrame) -> list[str]:
    """The columns that may say when a visit was, by their names; age is no such time."""
    return [c for c in frame.columns if time_rank(c) is not None and "age" not in words(c)]


def patients(frame: pl.DataFrame) -> list[str]:
    """The columns whose names say best whose visit a row is; what is called "id" alone may be a stay or a row as well."""
    ranks = _identifiers(frame)
    best = min(ranks.values(), default=0)
    return [c for c, rank in ranks.items() if rank <= (best if best != ID else STAYS)]


def _identifiers(frame: pl.DataFrame) -> dict[str, int]:
    """Columns that may say whose visit a row is, by their names and types, with the rank of the name."""
    ranks = {
        c: rank
        for c, dtype in frame.schema.items()
        if (rank := identifier_rank(c)) is not None
        and (dtype.is_integer() or dtype == pl.String or _whole(frame[c]))
        and (id_of(c) == "number" or frame[c].n_unique() > 2)
    }
    people = {c: rank for c, rank in ranks.items() if rank < OTHERS}
    return people or {c: rank for c, rank in ranks.items() if not names_thing(c)}


def _whole(cells: pl.Series) -> bool:
    return cells.dtype.is_float() and bool((cells == cells.round(0)).all())


def _repeating(frame: pl.DataFrame) -> list[str]:
    """Columns with as many different values as patients might have: more than 1, fewer than rows."""
    return [c for c in frame.columns if not frame.schema[c].is_float() and 2 <= frame[c].n_unique() < frame.height]


def varies(frame: pl.DataFrame, identifier: str, time: str) -> bool:
    """Whether the column takes several values within some patient, as a time must where patients have several visits."""
    visits = frame.group_by(identifier).agg(pl.len().alias("rows"), pl.col(time).n_unique().alias("values"))
    several = visits.filter(pl.col("rows") > 1)
    return not several.height or bool((several["values"] > 1).any())
