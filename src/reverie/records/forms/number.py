"""Numbers as people and machines dress them: separators, signs, units, fixed digits, and limits of detection.

    "230,791"   "169,6"   "95%"   "20 mg"   "(4.50)"   "+7.0"   "4.80"   "8.77e-05"   "<0.5"

A cell is sign, currency, digits, unit. A token such as "<0.5" is read as a number one step beyond all real ones on its side,
further out for a further limit, so that its cells are one atom at the end of the distribution; what is at or beyond that
number is written as the token.
"""

from __future__ import annotations

import math
import re
from functools import cached_property
from typing import Literal

import polars as pl
from pydantic import Field

from reverie.records.forms.base import Form, Habits

__all__ = ["NumberForm", "recognise", "votes"]

GROUPS = {",": "commas", ".": "full stops", " ": "spaces", "\u00a0": "spaces", "\u202f": "spaces", "'": "apostrophes"}
_CURRENCY = r"(?:US\$|[$€£¥₹]|(?:USD|EUR|GBP|CHF|JPY|SEK|DKK|NOK)\s)\s?"
_SIGNS = r"[+\-−]?"
_SUFFIX = r"\s?[A-Za-z%‰°µμ€£¥$][^,;<>|]{0,24}?"
_LIMIT = r"^(<=|>=|<|>|≤|≥)\s?"
_CELL = re.compile(
    rf"^(?P<sign>{_SIGNS})(?P<open>\()?(?P<prefix>{_CURRENCY})?(?P<digits>\d[\d.,' \u00a0\u202f]*\d|\d|[.,]\d+)"
    rf"(?P<exp>[eE][+-]?\d{{1,3}})?(?P<suffix>{_SUFFIX})?(?P<close>\))?$"
)

Style = Literal["fixed", "trimmed", "exponent", "significant", "general"]
"""fixed: so many decimals; trimmed: at most so many, no zeros at the end; exponent: so many decimals before the exponent;
significant: so many digits, zeros at the end included; general: at most so many digits."""

_PLAIN = (pl.Int64, pl.Float64)

SAMPLE = 5000
"""So many different numbers tell how numbers are written."""

TRIED = 5
"""So many cells are tried for what surrounds most numbers."""

FEW = 2
"""So many different numbers at least make a column one of dressed numbers."""


class NumberForm(Form):
    """Numbers.

    Attributes:
        decimal, group: the signs before decimals and between thousands ("" for none); `group_from` digits are parted.
        prefix, suffix: what stands around every number, spaces included.
        parentheses: negative numbers stand in parentheses. minus: the sign before them otherwise.
        plus: which numbers have a plus sign.
        style, digits: see Style.
        exponent: how exponents are written: their letter, "+" where they always have a sign, and a 0 for each digit.
        bare: no 0 before the decimal sign.
        marks: texts such as "<0.5", with the number that each is read as.
        step: half of this beyond such a number is still the number.
        whole: numbers are whole.
        either: thousands and decimals look alike in this column.
    """

    form: Literal["number"] = "number"
    decimal: Literal[".", ","] = "."
    group: str = ""
    group_from: int = 4
    prefix: str = ""
    suffix: str = ""
    parentheses: bool = False
    minus: str = "-"
    plus: Literal["", "positive", "all"] = ""
    style: Style = "fixed"
    digits: int = Field(0, ge=0)
    exponent: str = "e+00"
    bare: bool = False
    marks: dict[str, float] = Field(default={})
    step: float = 0.0
    whole: bool = False
    either: bool = False

    @property
    def words(self) -> str:
        said = [f"{GROUPS[self.group]} between thousands"] if self.group else []
        said += ["a decimal comma"] if self.decimal == "," and not self.whole else []
        said += [
            f"{around.strip()!r} {where} them"
            for around, where in ((self.prefix, "before"), (self.suffix, "after"))
            if around
        ]
        said += ["negative ones in parentheses"] if self.parentheses else []
        said += ["a plus sign"] if self.plus else []
        said += ["an exponent"] if self.style == "exponent" else []
        if self.style == "fixed" and self.digits:
            said.append(f"{self.digits} decimal{'s'[: self.digits > 1]} always")
        if self.style in ("significant", "general"):
            said.append(f"{self.digits} significant digits")
        text = "numbers" + (f" with {', '.join(said)}" if said else "")
        if self.marks:
            told = " and ".join(f"{mark!r} (as {value:g})" for mark, value in self.marks.items())
            text += f"; {told} beyond what could be measured"
        return text

    @property
    def note(self) -> str:
        if not self.either:
            return ""
        return (
            f"the {GROUPS[self.group][:-1]} was taken to part thousands, though every cell could also be a number with 3 "
            "decimals: no other column tells otherwise"
        )

    @property
    def dressed(self) -> bool:
        """Numbers that every reader takes for numbers are spelled in files of text only."""
        return bool(self.group or self.prefix or self.suffix or self.parentheses or self.marks) or (
            self.decimal != "." or self.minus != "-"
        )

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        ends = {side: [v for mark, v in self.marks.items() if _below(mark) == side] for side in (True, False)}
        return min(ends[True], default=None), max(ends[False], default=None)

    @cached_property
    def pattern(self) -> str:
        """What a number of this form looks like."""
        g, d = re.escape(self.group), re.escape(self.decimal)
        whole = rf"[1-9]\d{{0,2}}(?:{g}\d{{3}})+|\d{{1,{self.group_from - 1}}}" if g else r"\d+"
        core = rf"(?:(?:{whole})(?:{d}\d+)?|{d}\d+)(?:[eE][+-]?\d{{1,3}})?"
        body = f"{re.escape(self.prefix)}{core}{re.escape(self.suffix)}"
        return rf"^(?:[+\-{self.minus}]?{body}" + (rf"|\({body}\))$" if self.parentheses else ")$")

    def read(self, cells: pl.Series) -> pl.Series:
        if cells.dtype != pl.String:
            return cells
        numbers = self._numbers(cells)
        if not self.marks:
            return numbers
        tokens = cells.filter(numbers.is_null() & cells.is_not_null()).unique().to_list()
        known = {token: value for token in tokens if (value := self._mark(token)) is not None}
        marks = cells.replace_strict(list(known), list(known.values()), default=None, return_dtype=pl.Float64)
        return numbers.fill_null(marks.cast(numbers.dtype))

    def _numbers(self, cells: pl.Series) -> pl.Series:
        bare = cells.set(~cells.str.contains(self.pattern).fill_null(False), None)
        sign = bare.str.contains(r"^[(\-−]").cast(pl.String).replace({"true": "-", "false": ""})
        bare = bare.str.replace(r"^[(+\-−]", "").str.strip_prefix(self.prefix)
        bare = (bare.str.strip_suffix(")") if self.parentheses else bare).str.strip_suffix(self.suffix)
        bare = bare.str.replace_all(self.group, "", literal=True) if self.group else bare
        text = (sign + bare.str.replace(self.decimal, ".", literal=True)).alias(cells.name)
        if self.whole:
            whole = text.cast(pl.Int64, strict=False)
            if whole.null_count() == text.null_count():
                return whole
        return text.cast(pl.Float64, strict=False)

    def _mark(self, token: str) -> float | None:
        """The number of a mark; one whose limit was never seen is read as the nearest of its side."""
        if token in self.marks:
            return self.marks[token]
        limit = self._limit(token)
        side = [mark for mark in self.marks if _below(mark) == _below(token)]
        if limit is None or not side:
            return None
        return self.marks[min(side, key=lambda mark: abs((self._limit(mark) or 0.0) - limit))]

    def _limit(self, token: str) -> float | None:
        """The limit that a mark names."""
        if not re.match(_LIMIT, token):
            return None
        return self._numbers(pl.Series([re.sub(_LIMIT, "", token)]))[0]

    def write(self, cells: pl.Series) -> pl.Series:
        if cells.dtype == pl.String:
            return cells
        texts = [None if x is None else self._text(x) for x in cells.to_list()]
        return pl.Series(cells.name, texts, dtype=pl.String)

    def _text(self, x: float) -> str:
        for below in (True, False) if self.marks else ():
            side = {mark: value for mark, value in self.marks.items() if _below(mark) == below}
            half = self.step / 2
            if side and (x <= max(side.values()) + half if below else x >= min(side.values()) - half):
                return min(side, key=lambda mark: abs(side[mark] - x))
        sign = self.minus if math.copysign(1.0, x) < 0 else ""
        body = self._digits(abs(x))
        if sign and x and not re.search("[1-9]", body):
            sign = ""
        if self.plus and not sign and (x > 0 or self.plus == "all"):
            sign = "+"
        if sign == self.minus and self.parentheses:
            return f"({self.prefix}{body}{self.suffix})"
        return f"{sign}{self.prefix}{body}{self.suffix}"

    def _digits(self, x: float) -> str:
        """A number of 0 and above."""
        n = self.digits
        if self.style == "exponent":
            text = self._exponent(f"{x:.{n}e}")
        elif self.style == "general":
            text = self._exponent(f"{x:.{n}g}")
        elif self.style == "significant":
            power = int(f"{x:.{n - 1}e}".partition("e")[2]) if x else 0
            text = f"{x:.{max(n - 1 - power, 0)}f}"
        else:
            text = str(x) if isinstance(x, int) and not n else f"{x:.{n}f}"
            text = text.rstrip("0").rstrip(".") if self.style == "trimmed" and "." in text else text
        whole, point, rest = text.partition(".")
        if self.group and len(whole) >= self.group_from and whole.isdigit():
            whole = f"{int(whole):,}".replace(",", self.group)
        return ("" if self.bare and whole == "0" and point else whole) + (self.decimal + rest if point else "")

    def _exponent(self, text: str) -> str:
        mantissa, e, power = text.partition("e")
        if not e:
            return mantissa
        sign = "-" if power.startswith("-") else "+" if "+" in self.exponent else ""
        return f"{mantissa}{self.exponent[0]}{sign}{abs(int(power)):0{self.exponent.count('0')}d}"


def _below(mark: str) -> bool:
    return mark[0] in "<≤"


def votes(text: pl.Series) -> str | None:
    """The decimal sign of a column that can be read in one way only; None where it says nothing."""
    signs = {form.decimal for form in _frames(text)} if text.str.contains(r"\d[.,]\d").any() else set()
    return signs.pop() if len(signs) == 1 else None


def recognise(text: pl.Series, habits: Habits, share: float = 1.0) -> NumberForm | None:
    """The form of a column of text in which every cell (or a `share`) is a number; None also where it is the plain one."""
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
    limits = cells.str.contains(_LIMIT)
    numbers = cells.filter(~limits)
    form, exact = _styled(frame, numbers)
    if not (exact or form.dressed or limits.any()) or (len(numbers) < FEW and (form.dressed or limits.any())):
        return None
    return _marked(form, cells.filter(limits), numbers) if limits.any() else form


def _frames(text: pl.Series, share: float = 1.0) -> list[NumberForm]:
    """The forms, their digits left open, in which every cell (or a `share`) can be read; the likeliest first."""
    cells = text.drop_nulls().unique(maintain_order=True)
    limits = cells.str.contains(_LIMIT)
    numbers = cells.filter(~limits)
    found = next((f for cell in numbers.head(1 if share == 1 else TRIED) if (f := _CELL.match(cell))), None)
    if not found or numbers.str.contains(rf"^{_SIGNS}\(?0\d").any():  # 007 is a name
        return []
    if share < 1:
        numbers = numbers.filter(numbers.str.contains(r"^[^A-Za-z]?\d.*" + re.escape(found["suffix"] or "") + r"\)?$"))
    look = {"prefix": found["prefix"] or "", "suffix": found["suffix"] or ""}
    if found["close"] and not found["open"]:
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
            if form._numbers(numbers).null_count() <= len(numbers) - share * len(cells.filter(~limits)):
                if all(form._limit(token) is not None for token in cells.filter(limits)):
                    forms.append(form)
                break
    return forms


def _styled(frame: NumberForm, numbers: pl.Series) -> tuple[NumberForm, bool]:
    """The form with the digits that write most of the numbers (text) as they are, and whether it so writes all of them."""
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
    typed = frame.model_copy(update={"whole": whole})._numbers(some)
    for style, n in [*styles, *ends]:  # pyright: ignore[reportAssignmentType]
        form = frame.model_copy(update={**look, "style": style, "digits": n})
        alike = int((form.write(typed) == some).sum())
        if best is None or alike > best[0]:
            best = alike, form
        if alike == len(some):
            break
    assert best is not None
    exact = best[0] == len(some)
    if exact and len(numbers) > len(some):
        exact = bool((best[1].write(best[1]._numbers(numbers)) == numbers).all())
    return best[1], exact


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
    typed = form._numbers(numbers).cast(pl.Float64)
    decimals = max(len(_digits_of(form, cell).partition(".")[2]) for cell in numbers.head(SAMPLE))
    step = 10.0**-decimals
    limits = {token: float(form._limit(token) or 0.0) for token in tokens}
    marks = {}
    low = sorted((t for t in limits if _below(t)), key=lambda t: (-limits[t], t))
    high = sorted((t for t in limits if not _below(t)), key=lambda t: (limits[t], t))
    if low:
        edge = min([float(typed.min()), *(limits[t] for t in low)])  # pyright: ignore
        first = math.ceil(round(edge / step, 6)) - 1
        marks |= {t: round((first - k) * step, decimals) + 0.0 for k, t in enumerate(low)}
    if high:
        edge = max([float(typed.max()), *(limits[t] for t in high)])  # pyright: ignore
        first = math.floor(round(edge / step, 6)) + 1
        marks |= {t: round((first + k) * step, decimals) for k, t in enumerate(high)}
    return form.model_copy(update={"marks": marks, "step": step})
