"""How sources write cells, one file a form; the registry, and finding the form of a column.

number  "230,791"  "169,6"  "95%"  "20 mg"  "+7.0"  "4.80"  "8.77e-05"  "<0.5"
date    31.12.2019  12/31/2019  04MAR2019  20190304  2019-03-04T09:15:00+02:00  2019-03
clock   08:30  8:30 pm  27:15
stored  Decimal, Enum, Categorical, Datetime of a zone, Duration, Time
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import polars as pl
from pydantic import Field

from reverie.records.forms import clock, date_evidence, number_evidence, stored
from reverie.records.forms.base import Form, Habits
from reverie.records.forms.clock import ClockForm
from reverie.records.forms.date import DateForm, order_of
from reverie.records.forms.number import NumberForm
from reverie.records.forms.stored import StoredForm

__all__ = ["AnyForm", "Form", "Habits", "StoredForm", "as_stated", "habits", "nearly", "recognise", "recognise_whole"]

AnyForm = Annotated[NumberForm | DateForm | ClockForm | StoredForm, Field(discriminator="form")]
"""Each of the forms; a schema tells them apart by `form`."""

MOST = 0.9
"""A column is of a form but for a few faults where this share of its cells is."""

as_stated = date_evidence.as_stated
recognise_whole = date_evidence.recognise_whole


def habits(columns: Iterable[pl.Series | DateForm | None]) -> Habits:
    """What columns of text that can be read in one way only tell of the table; of some the form may be known."""
    signs, orders = set(), {}
    for text in columns:
        if not isinstance(text, pl.Series):
            if text is not None and (order := order_of(text.pattern)):
                orders.setdefault(order[0], set()).add(order[1])
            continue
        signs.add(number_evidence.votes(text))
        if (order := date_evidence.votes(text)) is not None:
            orders.setdefault(order[0], set()).add(order[1])
    signs.discard(None)
    return Habits(
        decimal=signs.pop() if len(signs) == 1 else None,
        day_first={sign: firsts.pop() for sign, firsts in orders.items() if len(firsts) == 1},
    )


def recognise(cells: pl.Series, table_habits: Habits = Habits()) -> AnyForm | None:
    """The form of a column, where its cells are not plainly what they are; None for plain ones and for text.

    Raises UsageError where a column of dates can be read in two ways and nothing tells which.
    """
    if cells.dtype != pl.String:
        return stored.recognise(cells)
    return (
        date_evidence.recognise(cells, table_habits)
        or clock.recognise(cells)
        or number_evidence.recognise(cells, table_habits)
    )


def nearly(text: pl.Series, table_habits: Habits = Habits()) -> AnyForm | None:
    """The form of most cells of a column of text, where a few cells are not of it; None where there is no such form."""
    for form in (date_evidence.recognise(text, table_habits, MOST), number_evidence.recognise(text, table_habits, MOST)):
        if form is not None:
            good = form.read(text).count()
            if MOST * text.count() <= good < text.count():
                return form
    return None
