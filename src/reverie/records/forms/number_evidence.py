"""Which form the numbers of a column have: what surrounds them, which signs part them, how many digits they are given.

Of the ways in which every cell can be read as a number, that of the table's other columns is taken; of the ways to give
digits, the first that writes every number as it is.
"""

from __future__ import annotations

import math
import re

import numpy as np
import polars as pl

from reverie.records.forms.base import Habits
from reverie.records.forms.number import FLAG, GROUPS, LIMIT, NumberForm, Style, from_below

__all__ = ["recognise", "votes"]

_SUFFIX = r"\s?[A-Za-z%‰°µμ€£¥$][^,;<>|]{0,24}?"
_SIGNS = r"[+\-−]?"
_CURRENCY = r"(?:US\$|[$€£¥₹]|(?:USD|EUR|GBP|CHF|JPY|SEK|DKK|NOK)\s)\s?"
_CELL = re.compile(
    rf"^(?P<sign>{_SIGNS})(?P<open>\()?(?P<prefix>{_CURRENCY})?(?P<digits>\d[\d.,' \u00a0\u202f]*\d|\d|[.,]\d+)"
    rf"(?P<exp>[eE][+-]?\d{{1,3}})?(?P<suffix>{_SUFFIX})?(?P<close>\))?$"
)

_PLAIN = (pl.Int64, pl.Float64)

SAMPLE = 5000
"""So many different numbers tell how numbers are written."""

MOSTLY = 0.95
"""Plain numbers have a form if it writes this share of them as they are."""

TRIED = 5
"""So many cells are tried for what surrounds most numbers."""

MANY, WORDS, RARE = 20, 8, 0.1
"""More different numbers than so many make a column one of numbers with words or flags among them; so many words at most;
and the share of the cells that these, and that flagged ones, are at most."""

FEW = 2
"""So many different numbers at least make a column one of dressed numbers."""


def votes(text: pl.Series) -> str | None:
    """The decimal sign of a column that can be read in one way only; None where it says nothing."""
    signs = {form.decimal for form in _frames(text)} if text.str.contains(r"\d[.,]\d").any() else set()
    return signs.pop() if len(signs) == 1 else None


def recognise(text: pl.Series, habits: Habits, share: float = 1.0) -> NumberForm | None:
    """The form of a column of text in which every cell (or a `share`) is a number; None also where it is the plain one.

    Of many numbers some may be flagged, and words stand among them that recur.
    """
    if share == 1 and (odd := _odd(text)) is not None:
        return _among(text, *odd, habits)
    cells = text.drop_nulls().unique(maintain_order=True)
    plain = (
        (cells.cast(dtype, strict=False).cast(pl.String) == cells).fill_null(False)
        for dtype in _PLAIN[: 1 if habits.decimal == "," else 2]
    )
    if any(same.all() for same in plain):  # also of no cells
        return None
    frames = _frames(cells, share)
    if not frames:
        return None
    if share < 1:
        return frames[0]
    frame = next((f for f in frames if f.decimal == habits.decimal), frames[0])
    if len(frames) > 1 and habits.decimal is None and frame.group:
        frame = frame.model_copy(update={"either": True})
    limits = cells.str.contains(LIMIT)
    numbers = cells.filter(~limits)
    if cells.filter(limits).str.ends_with("+").sum() > 1:
        return None  # 1+, 2+, 3+ are grades
    form = _styled(frame, numbers)
    plainly = not (form.dressed or limits.any())
    if plainly and int((form.write(form.numbers(text)) == text).sum()) < MOSTLY * text.count():
        return None
    if not plainly and len(numbers) < FEW:
        return None
    return _marked(form, cells.filter(limits), numbers) if limits.any() else form


def _odd(text: pl.Series) -> tuple[list[str], bool] | None:
    """The words that recur among many numbers, and whether some of these are flagged; None where there are neither."""
    flagged = text.str.contains(FLAG).fill_null(False)
    if not (flagged.any() or text.str.contains(r"^\D+$").any()):
        return None
    bare = text.str.replace(FLAG, "${1}")
    words = bare.drop_nulls().filter(~bare.drop_nulls().str.contains(r"\d"))
    counts = dict(words.value_counts().iter_rows())
    numbers = bare.drop_nulls().filter(bare.drop_nulls().str.contains(r"\d"))
    if numbers.n_unique() <= MANY or len(counts) > WORDS or min(counts.values(), default=2) < 2:
        return None
    if len(words) > RARE * text.count() or int(flagged.sum()) > RARE * text.count():
        return None
    return sorted(counts, key=lambda word: (-counts[word], word)), bool(flagged.any())


def _among(text: pl.Series, words: list[str], flagged: bool, habits: Habits) -> NumberForm | None:
    """The form of a column of numbers with such words among them; None where the rest of it are no numbers."""
    rest = text.filter(~text.is_in(words))
    rest = rest.str.replace(FLAG, "${1}") if flagged else rest
    form = recognise(rest, habits)
    if form is None:
        cells = rest.drop_nulls().unique(maintain_order=True)
        frames = [of for of in _frames(cells) if (of.decimal, of.group) == (".", "")]
        if not frames or cells.cast(pl.Float64, strict=False).null_count():
            return None
        form = _styled(frames[0], cells)
    typed, marks = form.numbers(rest).cast(pl.Float64).to_numpy(), dict(form.marks)
    step = form.step or 10.0 ** -(form.digits if form.style in ("fixed", "trimmed") else 0)
    for word in words:
        ends = [np.nanmin(typed), np.nanmax(typed), *marks.values()]
        low, high = (round(end / step, 6) for end in (min(ends), max(ends)))
        marks[word] = round((math.ceil(low) - 1 if from_below(word) else math.floor(high) + 1) * step, 9) + 0.0
    return form.model_copy(update={"marks": marks, "step": step if words else form.step, "flagged": flagged})


def _frames(text: pl.Series, share: float = 1.0) -> list[NumberForm]:
    """The forms, their digits left open, in which every cell (or a `share`) can be read; the likeliest first."""
    cells = text.drop_nulls().unique(maintain_order=True)
    limits = cells.str.contains(LIMIT)
    numbers = cells.filter(~limits)
    match = next((f for cell in numbers.head(1 if share == 1 else TRIED) if (f := _CELL.match(cell))), None)
    if not match or numbers.str.contains(rf"^{_SIGNS}\(?0\d").any():  # 007 is a name
        return []
    if share < 1:
        numbers = numbers.filter(numbers.str.contains(r"^[^A-Za-z]?\d.*" + re.escape(match["suffix"] or "") + r"\)?$"))
    look = {"prefix": match["prefix"] or "", "suffix": match["suffix"] or ""}
    if match["close"] and not match["open"]:
        look["suffix"] += ")"
    look |= {"parentheses": numbers.str.starts_with("(").any(), "minus": "−" if numbers.str.contains("−").any() else "-"}
    seen = {sign for sign in GROUPS if numbers.str.contains(rf"\d{re.escape(sign)}\d").any()}
    if numbers.str.contains(r"(?:^|\D)[.,]\d").any():
        seen |= {sign for sign in ".," if numbers.str.contains(sign, literal=True).any()}
    pairs = [(".", ""), (".", ","), (",", ""), (",", "."), *((d, g) for d in ".," for g in GROUPS if g not in ".,")]
    forms = []
    for decimal, group in pairs:
        if (group and group not in seen) or (decimal == "," and not {",", "."} & seen) or seen - {decimal, group}:
            continue
        if decimal == "," and "," not in seen and group != ".":
            continue
        for group_from in (4, 5) if group else (4,):
            form = NumberForm.model_validate({"decimal": decimal, "group": group, "group_from": group_from, **look})
            if group.isspace() and numbers.str.len_chars().n_unique() == 1 and numbers.str.count_matches(group)[0] > 1:
                break  # 555 123 456 is a telephone number
            if form.numbers(numbers).null_count() <= len(numbers) - share * len(cells.filter(~limits)):
                if all(form.limit(token) is not None for token in cells.filter(limits)):
                    forms.append(form)
                break
    return forms


def _styled(frame: NumberForm, numbers: pl.Series) -> NumberForm:
    """The form with the digits that write most of the numbers (text) as they are."""
    some = numbers.head(SAMPLE)
    bare = [_digits_of(frame, cell) for cell in some]
    parts = [re.split("[eE]", cell) for cell in bare]
    decimals = [len(part[0].partition(".")[2]) for part in parts]
    digits = [len(part[0].replace(".", "").lstrip("0")) or 1 for part in parts]
    powers = [part[1] for part in parts if len(part) > 1]
    whole = not powers and not any("." in cell for cell in bare)
    look: dict[str, object] = {"whole": whole, "bare": any(cell.startswith(".") for cell in bare)}
    if some.str.starts_with("+").any():
        look["plus"] = "all" if some.str.contains(r"^\+[0.,]*$").any() else "positive"
    if powers:
        letter = "e" if any("e" in cell for cell in bare) else "E"
        width = min(len(power.lstrip("+-")) for power in powers)
        look["exponent"] = letter + ("+" if any(p.startswith("+") for p in powers) or letter == "e" else "") + "0" * width
    most, all_digits = max(decimals), max(digits)
    styles: list[tuple[Style, int]] = [("fixed", most)] if not powers else [("exponent", most)]
    styles.append(("significant", all_digits))
    ends = sorted([("trimmed", most), ("general", all_digits)], key=lambda style: -_reached(style, bare, decimals, digits))
    best: tuple[int, NumberForm] | None = None
    typed = frame.model_copy(update={"whole": whole}).numbers(some)
    for style, n in [*styles, *ends]:  # pyright: ignore[reportAssignmentType]
        least = min(decimals) if style == "trimmed" else 0
        form = frame.model_copy(update={**look, "style": style, "digits": n, "least": least})
        alike = int((form.write(typed) == some).sum())
        if best is None or alike > best[0]:
            best = alike, form
        if alike == len(some):
            break
    assert best is not None
    return best[1]


def _reached(style: tuple[str, int], bare: list[str], decimals: list[int], digits: list[int]) -> int:
    """In how many powers of ten some number has all the digits that the style allows."""
    count = decimals if style[0] == "trimmed" else digits
    return len({int(f"{float(cell):e}".partition("e")[2]) for cell, n in zip(bare, count, strict=True) if n == style[1]})


def _digits_of(form: NumberForm, cell: str) -> str:
    """The digits of a number, without sign and dress, with a decimal point."""
    cell = re.sub(r"^[(+\-−]", "", cell).removeprefix(form.prefix)
    cell = (cell.removesuffix(")") if form.parentheses else cell).removesuffix(form.suffix)
    return (cell.replace(form.group, "") if form.group else cell).replace(form.decimal, ".")


def _marked(form: NumberForm, tokens: pl.Series, numbers: pl.Series) -> NumberForm:
    """The form with a number for each token: whole steps beyond the numbers and the limits themselves."""
    typed = form.numbers(numbers).cast(pl.Float64)
    decimals = max(len(_digits_of(form, cell).partition(".")[2]) for cell in numbers.head(SAMPLE))
    step = 10.0**-decimals
    limits = {token: float(form.limit(token) or 0.0) for token in tokens}
    marks = {}
    low = sorted((t for t in limits if from_below(t)), key=lambda t: (-limits[t], t))
    high = sorted((t for t in limits if not from_below(t)), key=lambda t: (limits[t], t))
    if low:
        edge = min([float(typed.min()), *(limits[t] for t in low)])  # pyright: ignore
        first = math.ceil(round(edge / step, 6)) - 1
        marks |= {t: round((first - k) * step, decimals) + 0.0 for k, t in enumerate(low)}
    if high:
        edge = max([float(typed.max()), *(limits[t] for t in high)])  # pyright: ignore
        first = math.floor(round(edge / step, 6)) + 1
        marks |= {t: round((first + k) * step, decimals) for k, t in enumerate(high)}
    return form.model_copy(update={"marks": marks, "step": step})
