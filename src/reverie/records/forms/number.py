"""Numbers as people and machines dress them: separators, signs, units, fixed digits, and limits of detection.

    "230,791"   "169,6"   "95%"   "20 mg"   "(4.50)"   "+7.0"   "4.80"   "8.77e-05"   "<0.5"

A cell is sign, currency, digits, unit (how they are found: number_evidence.py). A token such as "<0.5" is read as a number
one step beyond all real ones on its side, further out for a further limit, so that its cells are one atom at the end of the
distribution; what is at or beyond that number is written as the token. So is a word that recurs among many numbers ("neg").
"""

from __future__ import annotations

import math
import re
from functools import cached_property
from typing import Literal

import polars as pl
from pydantic import Field

from reverie.records.forms.base import Form

__all__ = ["FLAG", "GROUPS", "LIMIT", "NumberForm", "Style", "from_below"]

GROUPS = {",": "commas", ".": "full stops", " ": "spaces", "\u00a0": "spaces", "\u202f": "spaces", "'": "apostrophes"}
LIMIT = r"^(?:<=|>=|<|>|≤|≥)\s?|\d\s?\+$"
"""What makes a cell a limit: "<0.5", ">= 20", and "90+"."""

FLAG = r"(\d)(?:\s?[*#!†‡]|\s(?:HH?|LL?))$"
"""What flags a number: "12.3*", "7.1 H"."""
HIGH = ("pos", "high", "over", "above")
"""How words begin that stand for what is above all numbers."""

Style = Literal["fixed", "trimmed", "exponent", "significant", "general"]
"""fixed: so many decimals; trimmed: at most so many, no zeros at the end (beyond `least`); exponent: so many decimals before
the exponent; significant: so many digits, zeros at the end included; general: at most so many digits."""


class NumberForm(Form):
    """Numbers.

    Attributes:
        decimal, group: the signs before decimals and between thousands ("" for none); `group_from` digits are parted.
        prefix, suffix: what stands around every number, spaces included.
        parentheses: negative numbers stand in parentheses. minus: the sign before them otherwise.
        plus: which numbers have a plus sign.
        style, digits, least: see Style.
        exponent: how exponents are written: their letter, "+" where they always have a sign, and a 0 for each digit.
        bare: no 0 before the decimal sign.
        marks: texts such as "<0.5" or "neg", with the number that each is read as.
        flagged: some numbers have a flag after them, which is read over.
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
    least: int = Field(0, ge=0)
    exponent: str = "e+00"
    bare: bool = False
    marks: dict[str, float] = Field(default={})
    flagged: bool = False
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
        if self.style == "trimmed":
            said.append("no zeros at the end")
        if self.style in ("significant", "general"):
            said.append(f"{self.digits} significant digits")
        text = "numbers" + (f" with {', '.join(said)}" if said else "")
        if self.marks:
            limits, others = (
                " and ".join(
                    f"{mark!r} (as {value:g})" for mark, value in self.marks.items() if bool(self.is_limit(mark)) == of
                )
                for of in (True, False)
            )
            text += f"; {limits} beyond what could be measured" if limits else ""
            text += f"; {others} beyond all numbers" if others else ""
        return text + ("; flags after them left out" if self.flagged else "")

    @property
    def note(self) -> str:
        said = [f"{mark!r}" for mark in self.marks if not self.is_limit(mark)]
        notes = [
            f"{' and '.join(said)} among numbers {'is' if len(said) == 1 else 'are'} kept as a value beyond all of them"
        ]
        notes = notes if said else []
        notes += ["flags after numbers (12.3*) are read over, and left out of what is made"] if self.flagged else []
        notes += [self._parted] if self.either else []
        return "; ".join(notes)

    @property
    def _parted(self) -> str:
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
        ends = {side: [v for mark, v in self.marks.items() if from_below(mark) == side] for side in (True, False)}
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
        numbers = self.numbers(cells)
        if not self.marks:
            return numbers
        tokens = cells.filter(numbers.is_null() & cells.is_not_null()).unique().to_list()
        values = {token: value for token in tokens if (value := self._mark(token)) is not None}
        marks = cells.replace_strict(list(values), list(values.values()), default=None, return_dtype=pl.Float64)
        return numbers.fill_null(marks.cast(numbers.dtype))

    def numbers(self, cells: pl.Series) -> pl.Series:
        cells = cells.str.replace(FLAG, "${1}") if self.flagged else cells
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
        limit = self.limit(token)
        side = [mark for mark in self.marks if from_below(mark) == from_below(token) and self.is_limit(mark)]
        if limit is None or not side:
            return None
        return self.marks[min(side, key=lambda mark: abs((self.limit(mark) or 0.0) - limit))]

    @staticmethod
    def is_limit(token: str) -> bool:
        """Whether a mark names a limit, rather than being a word."""
        return re.search(LIMIT, token) is not None

    def limit(self, token: str) -> float | None:
        """The limit that a mark names."""
        if not re.search(LIMIT, token):
            return None
        return self.numbers(pl.Series([re.sub(r"^[<>≤≥]=?\s?|\s?\+$", "", token)]))[0]

    def _text(self, value: float) -> str:
        for below in (True, False) if self.marks else ():
            side = {mark: limit for mark, limit in self.marks.items() if from_below(mark) == below}
            half = self.step / 2
            if side and (value <= max(side.values()) + half if below else value >= min(side.values()) - half):
                return min(side, key=lambda mark: abs(side[mark] - value))
        sign = self.minus if math.copysign(1.0, value) < 0 else ""
        body = self._digits(abs(value))
        if sign and value and not re.search("[1-9]", body):
            sign = ""
        if self.plus and not sign and (value > 0 or self.plus == "all"):
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
            while self.style == "trimmed" and n > self.least and text.endswith("0"):
                text, n = text[:-1], n - 1
            text = text.removesuffix(".")
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


def from_below(mark: str) -> bool:
    """Whether a mark is below all numbers: "<0.5", and words but those for what is high."""
    if re.search(LIMIT, mark):
        return mark[0] in "<≤"
    return not mark.casefold().startswith(HIGH)
