"""What the name of a column says of it: whose or which it numbers, when something was, what is a code.

Names propose, and only that: which columns are the identifier and the time is decided with what stands in them (roles.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

__all__ = [
    "ID", "NOMINAL", "OTHERS", "PERSONS", "STAYS", "ends_as_time", "id_of", "identifier_rank", "names_someone",
    "names_thing", "names_visit_time", "tells_apart", "time_rank", "words",
]  # fmt: skip

_PERSON = {
    "patient", "subject", "person", "participant", "individual", "pid", "mrn", "patid", "ptid", "subjid", "usubjid", "subj",
    "pat", "eid", "seqn", "respondent", "proband", "enrolid", "bene", "beneficiary", "beneid",
}  # fmt: skip
_STAY = {
    "stay", "icustay", "hospitalization", "hospitalisation", "hadm", "admission", "encounter", "case", "episode", "record",
}  # fmt: skip
_UNIQUE = {"id", "guid", "uuid", "uid", "pk", "identifier", "hash"}
_KEY = _UNIQUE | {"no", "nr", "num", "number", "key", "code"}
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

_CODES = NOMINAL | {"item", "concept", "test", "parameter", "analyte", "procedure", "product"}
_THING = _CODES | {
    "measurement", "observation", "event", "labevent", "row", "provider", "physician", "doctor", "clinician", "nurse",
    "clinic", "practice", "facility", "household", "family", "sample", "specimen", "accession", "order", "batch", "scan",
    "image", "note", "study", "trial", "lab",
}  # fmt: skip
"""Words of what a column that ends in "id" may tell apart, and that is nobody: what has codes, and what has numbers."""

_WORDS = re.compile(r"(oid|covid|lipid|fluid|acid|rapid|solid|valid|paid|bid|tid|qid)$")
"""Words that end in "id" and tell nobody apart."""

PERSONS, ID, STAYS, OTHERS = 1, 2, 3, 4
"""How well a name fits an identifier of patients: up to PERSONS a person, then "id" alone, a stay, what else has an id."""

_TIME = (
    {"time", "timestep", "timestamp", "datetime", "charttime", "ady", "adt", "adtm"},
    {"date", "hour", "hours", "day", "days", "week", "weeks", "month", "months", "year", "years", "minute", "minutes", "t"},
    {"visit", "visitnum", "visitdy", "avisit", "avisitn", "step", "wave", "exam", "obstime", "followup", "timepoint", "age"},
)

_ENDS_AS_TIME = re.compile(r"(time|date|datum|dtc|dtm|offset|dy)$", re.IGNORECASE)
"""How names of times end: admittime, LBDTC, labresultoffset."""

_ENDED = {"end", "ended", "stop", "discharge", "disch", "out", "finish", "last"}
_VISIT = {"visit", "visitnum", "charttime", "timestep", "timestamp", "obstime"}
_SINCE = {"t", "hour", "day", "week", "month", "hours", "days", "weeks", "months", "step", "wave"}
_STATUS = {"status", "event", "dead", "died", "death", "censored", "censor", "cens", "outcome"}
"""Words of the end of a visit; of its time; of that where they stand alone; what a time to an event stands beside."""


def words(name: str) -> list[str]:
    """The words of a column's name, in small letters: PatientID -> patient, id; admission_type -> admission, type."""
    split = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    return re.findall(r"[a-z0-9]+", re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1 \2", split).lower())


def _parts(name: str) -> list[str]:
    """The words of a name, also where "id" was written on: itemid -> item, id; patientunitstayid -> stay, id."""
    parts = words(name)
    parts = parts[1:] if len(parts) > 1 and len(parts[0]) == 1 else parts
    if not parts or parts[-1] in _PERSON or not parts[-1].endswith("id"):
        return parts
    stem = next((word for word in sorted(_PERSON | _STAY | _THING) if parts[-1][:-2].endswith(word)), None)
    return [*parts[:-1], stem, "id"] if stem else parts


def identifier_rank(name: str) -> int | None:
    """How well a name fits an identifier of patients, see PERSONS; None not at all."""
    parts = _parts(name)
    if parts == ["usubjid"]:
        return 0  # a subject's number begins again at each site, this does not
    if _PERSON & set(parts) and set(parts) <= _PERSON | _KEY:
        return PERSONS
    if parts == ["id"]:
        return ID
    counted = not _UNIQUE & {*parts[-1:]}  # a visit's number is a time, its id a stay
    stay = {*parts} & (_STAY if counted else _STAY | {"visit"}) and {*parts} <= _STAY | _KEY | _ADDED
    if stay and (parts[-1] in _UNIQUE | {"num", "no", "nr", "number"} or (len(parts) == 1 and parts[0] in _STAY)):
        return STAYS
    if parts[-1:] == ["id"] or (len(parts) == 1 and parts[0].endswith("id") and not _WORDS.search(parts[0])):
        return OTHERS
    return None


def tells_apart(name: str) -> bool:
    """Whether a column by its name tells patients or stays apart, or names one of them."""
    rank = identifier_rank(name)
    return rank is not None and rank <= STAYS


def names_someone(name: str) -> bool:
    """Whether a column by its name tells persons or what was done to them apart: its values are not to be given out."""
    return id_of(name) == "number"


def id_of(name: str) -> Literal["number", "levels"] | None:
    """What a column is by its name, if that ends in "id": never a quantity, whatever its values are.

    Returns:
        "number" where the values tell persons, or what was done to them, apart, and are renumbered; "levels" where they
        are codes (concept_id, itemid, site_id); None where the name says nothing.
    """
    rank, parts = identifier_rank(name), _parts(name)
    if rank is not None and rank < OTHERS:
        return "number" if parts != ["case"] else None  # of a case and its controls
    if rank is None or parts[-1] != "id":
        return None
    return "levels" if _CODES & set(parts) else "number"


def names_thing(name: str) -> bool:
    """Whether a column is named after what has numbers or codes and is nobody: a test, a device, a row."""
    return bool(_THING & set(_parts(name)))


def time_rank(name: str) -> int | None:
    """How well a name fits the time of a visit, best 0; when it ended comes after when it began."""
    parts = set(words(name))
    rank = next((rank for rank, names in enumerate(_TIME) if parts & names), None)
    return None if rank is None else 2 * rank + bool(parts & _ENDED)


def ends_as_time(name: str) -> bool:
    """Whether a name ends as those of times do, though it is not named after one."""
    return bool(_ENDS_AS_TIME.search(name))


def names_visit_time(name: str, columns: Iterable[str]) -> bool:
    """Whether a column of a table with one row for each patient is named after the time of a visit, and nothing else.

    A date may be that of a birth, and a time beside a status that until an event.
    """
    parts = set(words(name))
    if parts == {"time"}:
        return not any(set(words(column)) & _STATUS for column in columns)
    return bool(parts & _VISIT) or (len(parts) == 1 and bool(parts & _SINCE))
