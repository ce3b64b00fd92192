"""Identifiers that begin again: subject 1 of site A and subject 1 of site B are two people.

Sex, race and birth are the same at every visit of a person. Where they change within many patients, an identifier may be
half of one. The other half is a column A with which they change no more:

    number of patients in whom x changes > 0    by (identifier);    0    by (A, identifier),    for such columns x
"""

from __future__ import annotations

import polars as pl

from reverie.records.column_names import words

__all__ = ["restarted"]

_LASTING = {"sex", "gender", "race", "ethnic", "ethnicity", "birth", "birthdate", "dob", "yob", "female", "male"}
_PLACE = {
    "site", "siteid", "centre", "center", "hospital", "clinic", "study", "studyid", "trial", "country", "cohort", "source",
}  # fmt: skip
"""Words of what lasts a lifetime, and of where identifiers are given out."""

MANY = 0.1
"""So large a share of the patients with several rows in whom something lasting changes is no mistake of typing."""

MOST = 200
"""Different values of what may be half of an identifier, at most."""


def restarted(frame: pl.DataFrame, identifier: str, time: str) -> str | None:
    """A sentence that warns of an identifier that begins again at each value of another column; None if it does not."""
    others = [c for c in frame.columns if c not in (identifier, time) and not c.startswith("\0")]
    lasting = [c for c in others if _LASTING & set(words(c))]
    places = [c for c in others if _PLACE & set(words(c))]
    several = frame.filter(pl.len().over(identifier) > 1)
    patients = several[identifier].n_unique()
    if not patients or not (lasting or places):
        return None
    change = _changing(several, [identifier], others)
    many = [c for c in lasting if change[c] >= max(MANY * patients, 2)]
    # Where nothing is known to last, what changes in most patients and in nobody of a place tells as well.
    telling = many or ([c for c in others if change[c] > 0.5 * patients] if not lasting else [])
    halves = []
    for place, column in enumerate(c for c in (others if many else places) if c not in lasting):
        if not 2 <= frame[column].n_unique() <= min(MOST, frame.height / 4) or frame.schema[column].is_float():
            continue
        pairs = frame.select(pl.struct(column, identifier).n_unique()).item()
        within = _changing(several, [column, identifier], telling)
        kept = [c for c in telling if c != column and not within[c]]
        if kept and pairs <= frame.height / 2 and (not many or kept == many):
            halves.append((column not in places, pairs, place, column, kept))
    if not halves and not many:
        return None
    *_, half, columns = min(halves, default=("", many))
    who = f"{max(change[c] for c in columns):,} of {patients:,} patients with several rows"
    said = f"{_listed(columns)} {'changes' if len(columns) == 1 else 'change'} within {who}"
    if not half:
        return f"{said}: if {identifier} is only half of an identifier, give both halves with `id=A` `id=B`."
    return f"{said}, and in nobody of one {half}: if {identifier} begins again at each, say `id={half}` `id={identifier}`."


def _changing(frame: pl.DataFrame, key: list[str], columns: list[str]) -> dict[str, int]:
    """In how many groups each column has more than one value, missing cells apart."""
    if not columns:
        return {}
    names = [str(k) for k in range(len(columns))]
    counts = frame.group_by(key).agg(
        pl.col(c).drop_nulls().n_unique().alias(f"\0{k}") for k, c in zip(names, columns, strict=True)
    )
    return {c: int((counts[f"\0{k}"] > 1).sum()) for k, c in zip(names, columns, strict=True)}


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
