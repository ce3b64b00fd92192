"""Tables that nothing ties to patients: which of them are a short list of names, that is carried over, and which may be rows
of people, or of what happened to them, and are left out.

What is carried over stands in what is made as it is. A table that others refer to is a vocabulary; of any other nothing
tells that, so it is one only where each row has a name of its own, there are few, none has a time, no column is of a
person, and none names rows of patients, whatever it is called (the mother of a birth).
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from reverie.records.column_names import words
from reverie.records.linked.keys import FOUND, names_key, share_of

__all__ = ["MOST", "names_of_rows", "no_list"]

MOST = 200
"""Rows of a list that is carried over though no table refers to it."""
FEWEST = 5
"""Different values from which on it is no chance that they are keys."""
_OF_PEOPLE = {
    "person", "patient", "subject", "member", "age", "sex", "gender", "race", "ethnicity", "birth", "birthdate", "born",
    "dob", "death", "died", "surname", "firstname", "lastname", "forename", "phone", "mobile", "email", "mail", "street",
    "postcode", "zip", "ssn", "mrn", "nhs", "insurance", "diagnosis", "note", "comment",
}  # fmt: skip


def no_list(frame: pl.DataFrame) -> str | None:
    """Why a table is no short list of names; None where it is one."""
    if frame.height > MOST:
        return f"it has more than {MOST} rows"
    if time := next((c for c, dtype in frame.schema.items() if dtype in (pl.Date, pl.Datetime)), None):
        return f"it has times ({time})"
    if person := next((c for c in frame.columns if _OF_PEOPLE & {*words(c)}), None):
        return f"{person} may be of people"
    texts = [c for c, dtype in frame.schema.items() if dtype == pl.String]
    if not any(frame[c].is_unique().all() and not frame[c].null_count() for c in texts):
        return "no column of it names its rows"
    return None


def names_of_rows(frame: pl.DataFrame, keys: Mapping[str, pl.Series]) -> str | None:
    """Which column names rows of patients, or of what hangs on them, in words; None where none does.

    Args:
        keys: by table, those of the tables that hang on patients.
    """
    for column, dtype in frame.schema.items():
        counts = dtype.is_integer() and frame[column].sort().diff().drop_nulls().eq(1).all()  # its own rows
        if not (dtype == pl.String or (dtype.is_integer() and names_key(column))) or counts:
            continue
        for table, theirs in keys.items():
            alike = theirs.dtype == pl.String if dtype == pl.String else theirs.dtype.is_integer()
            if alike and frame[column].n_unique() >= FEWEST and share_of(frame[column], theirs) >= FOUND:
                return f"{column} names rows of {table}"
    return None
