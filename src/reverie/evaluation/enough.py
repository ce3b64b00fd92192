"""How many patients of each table there must be before anything is fitted to them, or attacked."""

from __future__ import annotations

import polars as pl

from reverie.evaluation.measure import Split
from reverie.plain import number_of
from reverie.records.schema import Schema

__all__ = ["FEW", "few", "too_few"]

FEW = 10
"""Fewer patients on a side than these, and an attack's success, or a fit, says nothing."""


def too_few(split: Split, synthetic: pl.DataFrame, schema: Schema, of: str = "an attack's success") -> str:
    """Why something cannot be judged, or ""; `of` names it."""
    key = schema.identifier.name
    for name, frame in (("training", split.train), ("held-out", split.holdout), ("synthetic", synthetic)):
        count = frame[key].n_unique() if frame.height else 0
        if count < FEW:
            return few(name, count, of)
    return ""


def few(name: str, count: int, of: str = "an attack's success") -> str:
    """The sentence that says so."""
    patients = number_of(count, f"{name} patient")
    return f"there {'is' if count == 1 else 'are'} {patients}, and fewer than {FEW} say nothing of {of}."
