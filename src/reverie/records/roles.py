"""Which column says whose visit a row is, and which says when: by name and by structure.

A pair (identifier, time) fits when no two rows share both. Names propose: columns named after a person or a stay, and only
where there is none, others that end in "id" (for a test or a device has an id too, and is nobody). Structure decides: of the
pairs whose names fit, those with the fewest rows that share both are kept, and among them the most telling names win.
"""

from __future__ import annotations

import re

import polars as pl

from reverie.errors import UsageError, unknown
from reverie.plain import number_of

__all__ = ["NOMINAL", "find_roles", "names_someone", "words"]

_PERSON = {
    "patient", "subject", "person", "participant", "individual", "pid", "mrn", "patid", "ptid", "subjid", "usubjid", "subj",
    "pat",
}  # fmt: skip
_STAY = {
    "stay", "icustay", "hospitalization", "hospitalisation", "hadm", "admission", "encounter", "case", "episode", "record",
}  # fmt: skip
_KEY = {"id", "no", "nr", "num", "number", "key", "code"}
"""Words that follow the name of what is told apart."""

_ADDED = {"visit", "occurrence", "unit", "hospital", "icu"}
"""Words that may stand beside that of a stay."""

NOMINAL = {
    "sex", "gender", "race", "ethnic", "ethnicity", "drug", "combo", "regimen", "arm",
    "treatment", "group", "type", "category", "class", "code", "site", "centre", "center",
    "hospital", "ward", "region", "country", "diagnosis", "cause", "source", "reason", "device",
    "ini", "nnrti", "nrti", "pi",
}  # fmt: skip
"""Words in the name of a column whose codes have no order."""

_CODES = NOMINAL | {"item", "concept", "test", "parameter"}
_THING = _CODES | {"measurement", "observation", "event", "labevent", "row"}
"""Words of what a column that ends in "id" may tell apart, and that is nobody: what has codes, and what has numbers."""

_TIME = (
    {"time", "timestep", "timestamp", "datetime", "charttime"},
    {"date", "hour", "hours", "day", "days", "week", "weeks", "month", "months", "year", "years", "minute", "minutes", "t"},
    {"visit", "visitnum", "step", "wave", "exam", "obstime", "followup", "age"},
)


def words(name: str) -> list[str]:
    """The words of a column's name, in small letters: PatientID -> patient, id; admission_type -> admission, type."""
    split = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    return re.findall(r"[a-z0-9]+", re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1 \2", split).lower())


def _parts(name: str) -> list[str]:
    """The words of a name, also where "id" was written on: itemid -> item, id; patientunitstayid -> stay, id."""
    parts = words(name)
    if not parts or parts[-1] in _PERSON or not parts[-1].endswith("id"):
        return parts
    stem = next((word for word in sorted(_PERSON | _STAY | _THING) if parts[-1][:-2].endswith(word)), None)
    return [*parts[:-1], stem, "id"] if stem else parts


def _identifier_rank(name: str) -> int | None:
    """How well a name fits an identifier of patients: 0 and 1 a person, 2 a stay, 3 what has an id, None not at all."""
    parts = _parts(name)
    if parts == ["usubjid"]:
        return 0  # a subject's number begins again at each site, this does not
    if parts == ["id"] or (_PERSON & set(parts) and set(parts) <= _PERSON | _KEY):
        return 1
    stay = {*parts} & (_STAY if parts[-1:] == ["num"] else _STAY | {"visit"}) and {*parts} <= _STAY | _KEY | _ADDED
    if stay and (parts[-1] in ("id", "num") or (len(parts) == 1 and parts[0] in _STAY)):
        return 2
    if parts[-1:] == ["id"] or (len(parts) == 1 and parts[0].endswith("id")):
        return 3
    return None


def names_someone(name: str) -> bool:
    """Whether a column by its name tells persons or what was done to them apart: its values are not to be given out."""
    rank, parts = _identifier_rank(name), _parts(name)
    return rank in (0, 1, 2) or (rank == 3 and parts[-1] == "id" and not _CODES & set(parts))


def _time_rank(name: str) -> int | None:
    parts = set(words(name))
    return next((rank for rank, known in enumerate(_TIME) if parts & known), None)


def find_roles(frame: pl.DataFrame, name: str, identifier: str | None, time: str | None) -> tuple[str, str, str, str]:
    """The names of the identifier and of the time, and why each.

    Args:
        frame: typed, without rows that are wholly alike.
        identifier, time: what the user says; None to find it.

    Raises:
        UsageError: a name given is not a column, or nothing fits; the candidates are named.
    """
    for given, role in ((identifier, "--id"), (time, "--time")):
        if given is not None and given not in frame.columns:
            raise unknown(f"column for {role}", given, frame.columns)
    if identifier is not None and identifier == time:
        raise UsageError(f"{name}: --id and --time both name {identifier!r}: the identifier and the time are two columns.")
    whose = {identifier: 0} if identifier else _identifiers(frame)
    if not whose:
        raise UsageError(
            f"{name}: no column looks like an identifier of patients (candidates: {_listed(_repeating(frame))}): "
            "say which with --id NAME, or give a schema."
        )
    when = {time: 0} if time else {c: rank for c in frame.columns if (rank := _time_rank(c)) is not None and c != identifier}
    fits = []
    for i, i_rank in whose.items():
        sizes = frame.group_by(i).len()["len"]
        for t, t_rank in when.items():
            if i == t or (time is None and not _moves(frame, i, t)):
                continue
            shared = frame.height - frame.select(pl.struct(i, t).n_unique()).item()
            lonely = int(len(sizes) == frame.height > 1)  # one row each: a number of rows rather than of patients
            text = int(frame.schema[t] in (pl.String, pl.Boolean))
            fits.append((text, lonely, shared, i_rank, t_rank, i, t))
    if not fits:
        others = [c for c in frame.columns if frame.schema[c] not in (pl.String, pl.Boolean) and c not in whose]
        raise UsageError(
            f"{name}: no column looks like the time of a visit (candidates: {_listed(others)}): "
            "say which with --time NAME, or give a schema."
        )
    fits.sort(key=lambda fit: fit[:5])
    _, lonely, shared, _, _, i, t = best = fits[0]
    tied = [fit for fit in fits if fit[:5] == best[:5] and fit[5:] != best[5:]]
    if tied:
        role, option, names = ("identifier", "--id", [i, *[f[5] for f in tied]])
        if all(fit[5] == i for fit in tied):
            role, option, names = ("time", "--time", [t, *[f[6] for f in tied]])
        candidates = " or ".join(map(repr, dict.fromkeys(names)))
        raise UsageError(f"{name}: the {role} could be {candidates}: say which with {option} NAME, or give a schema.")
    patients = frame[i].n_unique()
    unique = "no two rows share it and the time" if not shared else f"{shared} rows share it and the time with another"
    alone = "; every patient has one visit" if lonely else ""
    why_i = "as you said" if identifier else f"its name, and {unique}{alone}"
    why_t = "as you said" if time else f"its name, and it changes within the {number_of(patients, 'patient')}"
    return i, t, why_i, why_t if not lonely or time else "its name"


def _identifiers(frame: pl.DataFrame) -> dict[str, int]:
    """Columns that may say whose visit a row is, by their names and types, with the rank of the name."""
    ranks = {
        c: rank
        for c, dtype in frame.schema.items()
        if (rank := _identifier_rank(c)) is not None and (dtype.is_integer() or dtype == pl.String or _whole(frame[c]))
    }
    people = {c: rank for c, rank in ranks.items() if rank < 3}
    return people or {c: rank for c, rank in ranks.items() if not _THING & set(_parts(c))}


def _whole(cells: pl.Series) -> bool:
    return cells.dtype.is_float() and bool((cells == cells.round(0)).all())


def _repeating(frame: pl.DataFrame) -> list[str]:
    """Columns with as many different values as patients might have: more than 1, fewer than rows."""
    return [c for c in frame.columns if not frame.schema[c].is_float() and 2 <= frame[c].n_unique() < frame.height]


def _moves(frame: pl.DataFrame, identifier: str, time: str) -> bool:
    """Whether the column takes several values within some patient, as a time must where patients have several visits."""
    visits = frame.group_by(identifier).agg(pl.len().alias("rows"), pl.col(time).n_unique().alias("values"))
    several = visits.filter(pl.col("rows") > 1)
    return not several.height or bool((several["values"] > 1).any())


def _listed(names: list[str]) -> str:
    return ", ".join(map(repr, names[:6])) + (", ..." if len(names) > 6 else "") if names else "none"
