"""New identifiers that look like the real ones and are none of them.

    identifier k = the pattern of the real ones with the number  start + k,   k = 0, 1, ...

A whole number is its own pattern. Of text the characters that all share stay, and the others count: each place of digits, of
letters or of hexadecimals is one of a number in mixed radix, so P000123 goes on with P000124, 01-701-1001 with 01-701-1002.
`start` lies above the largest number seen, or, where there is too little room above, in the widest gap between those seen.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Self

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from reverie.errors import DataError

__all__ = ["Pattern", "as_type", "deciding", "new_identifiers"]

_ALPHABETS = {
    "d": string.digits,
    "u": string.ascii_uppercase,
    "l": string.ascii_lowercase,
    "x": string.digits + "abcdef",
    "X": string.digits + "ABCDEF",
    "a": string.digits + string.ascii_uppercase,
    "b": string.digits + string.ascii_lowercase,
    "m": string.digits + string.ascii_letters,
}
"""What may stand in a place that counts, by its letter in a pattern, the narrowest first."""

PLACES = 64
"""Characters of identifiers that are looked at one by one, at most."""

ROOM = 10**9
"""So many new identifiers should find room."""


class Pattern(BaseModel):
    """How identifiers are written.

    Attributes:
        text: what is fixed in them, with zeros, or the like, where they count; empty for whole numbers.
        places: for each character of `text` its alphabet, "." where it is fixed, "n" for a number of any length.
        start: the first new number.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = ""
    places: str = ""
    start: int = Field(default=1, ge=-(2**63))

    @classmethod
    def of(cls, cells: pl.Series) -> Self:
        """The pattern of the identifiers seen, whole numbers or text."""
        seen = cells.drop_nulls().unique()
        if not seen.len():
            return cls(start=1)
        if seen.dtype.is_numeric():
            top = 2**53 if seen.dtype.is_float() else min(pl.select(seen.dtype.max()).item(), 2**63 - 1)  # pyright: ignore[reportAttributeAccessIssue]
            numbers = seen.cast(pl.Int64, strict=False).drop_nulls().sort().to_list()
            return cls(start=_start(numbers, top)) if numbers else cls(start=1)
        texts = sorted(seen.cast(pl.String).to_list())
        return cls._of_places(texts) or cls._of_groups(texts) or cls._of_names(texts)

    @classmethod
    def _of_places(cls, texts: Sequence[str]) -> Self | None:
        """All are of one length, and each place is fixed or of one alphabet."""
        length = len(texts[0])
        if any(len(text) != length for text in texts):
            return None
        places = ""
        for i in range(length):
            here = {text[i] for text in texts}
            counts = len(here) > 1 or (len(texts) == 1 and here <= {*string.digits})
            places += next((a for a, alphabet in _ALPHABETS.items() if here <= {*alphabet}), "?") if counts else "."
        if "?" in places or not places.strip("."):
            return None
        counted = [i for i in range(length) if places[i] != "."]
        numbers = sorted(_number([text[i] for i in counted], [places[i] for i in counted]) for text in texts)
        top = prod(len(_ALPHABETS[places[i]]) for i in counted) - 1
        # Digits may grow by a place, for they go on: 998, 999, 1000.
        above = places[counted[-1]] == "d" and top < ROOM
        for i in reversed(range(length - 1)):  # zeros before a number are part of it
            if places[i] == "." and places[i + 1] == "d" and texts[0][i] == "0":
                places = f"{places[:i]}d{places[i + 1 :]}"
        text = "".join(c if place == "." else _ALPHABETS[place][0] for c, place in zip(texts[0], places, strict=True))
        return cls(text=text, places=places, start=numbers[-1] + 1 if above else _start(numbers, top))

    @classmethod
    def _of_groups(cls, texts: Sequence[str]) -> Self | None:
        """All are alike but for their numbers, of which the last counts: S9, S10; 3-14, 12-1."""
        if len({re.sub(r"\d+", "0", text) for text in texts}) > 1 or not (last := re.search(r"\d+(?=\D*$)", texts[0])):
            return None
        numbers = [re.findall(r"\d+", text)[-1] for text in texts]
        width = len(numbers[0]) if len({*map(len, numbers)}) == 1 else 0
        before, after = texts[0][: last.start()], texts[0][last.end() :]
        places = "." * len(before) + ("d" * width or "n") + "." * len(after)
        return cls(text=before + "0" * max(width, 1) + after, places=places, start=max(map(int, numbers)) + 1)

    @classmethod
    def _of_names(cls, texts: Sequence[str]) -> Self:
        """P000001, P000002, ... where the real ones have no pattern."""
        taken = [int(text[1:]) for text in texts if re.fullmatch(r"P\d{6,18}", text)]
        return cls(text="P000000", places=".dddddd", start=max(taken, default=0) + 1)


def deciding(seen: pl.Series) -> pl.Series:
    """Few of many identifiers, of which the pattern is that of all: the ends of whole numbers; of texts the ends, the
    largest number that one ends in, one of each length, and one of each character at each place."""
    values = seen.unique().sort()
    if values.dtype != pl.String or not values.len():
        return values.gather(sorted({0, values.len() - 1})) if values.len() else values
    frame = pl.DataFrame({"text": values, "last": values.str.extract(r"(\d+)\D*$")})
    digits, length = pl.col("last").str.strip_chars_start("0"), pl.col("text").str.len_chars()
    kept = [values.gather([0, values.len() - 1])]
    kept.append(frame.drop_nulls("last").sort(digits.str.len_chars(), digits, "text").tail(1)["text"])
    longest = min(int(values.str.len_chars().max()), PLACES)  # pyright: ignore[reportArgumentType]
    keys = [length, *(pl.col("text").str.slice(place, 1) for place in range(longest))]
    kept += [frame.unique(key, keep="first", maintain_order=True)["text"] for key in keys]
    shapes = pl.col("text").str.replace_all(r"\d+", "0")
    kept.append(frame.unique(shapes, keep="first", maintain_order=True)["text"].head(PLACES))
    return pl.concat(kept).unique().sort()


def new_identifiers(pattern: Pattern, first: int, count: int, dtype: pl.DataType, name: str = "the identifier") -> pl.Series:
    """`count` new identifiers [count] of a type: those of the places first, first + 1, ..., counted from 1.

    A function of the pattern and the place alone: no two places have the same, and none is one of those that were seen.
    Raises DataError, naming the column, for numbers beyond what the type holds.
    """
    numbers = range(start := pattern.start + first - 1, start + count)
    if not pattern.text:
        return as_type(pl.Series(numbers, dtype=pl.Int64), dtype, name)
    run = re.fullmatch(r"(\.*)(n|d+)(\.*)", pattern.places)
    if run is None:
        return pl.Series([_written(pattern, number) for number in numbers], dtype=pl.String).cast(dtype, strict=False)
    before, after = pattern.text[: run.end(1)], pattern.text[run.start(3) :]
    digits = pl.Series(numbers, dtype=pl.Int64).cast(pl.String).str.zfill(len(run[2]))
    return (before + digits + after).cast(dtype, strict=False)


def as_type(numbers: pl.Series, dtype: pl.DataType, name: str) -> pl.Series:
    """Whole numbers of a column in its type. Raises DataError, naming the column, where they are beyond what that holds."""
    try:
        return numbers.cast(dtype)
    except pl.exceptions.InvalidOperationError as error:
        raise DataError(
            f"{name} is numbered up to {numbers.max():,} here, beyond what its type {dtype} holds: make fewer patients, or "
            "train on a table that has it as Int64."
        ) from error


def _start(numbers: list[int], top: int) -> int:
    """Where new numbers begin: above the largest, if there is room up to `top`; else after that before the widest gap."""
    if top - numbers[-1] >= min(ROOM, top // 2) or len(numbers) == 1:
        return numbers[-1] + 1 if numbers[-1] < top else 0
    ends = [-1 if numbers[0] > 0 else numbers[0] - 1, *numbers, top + 1]
    gaps = [b - a for a, b in pairwise(ends)]
    return ends[gaps.index(max(gaps))] + 1


def _number(characters: Sequence[str], places: Sequence[str]) -> int:
    number = 0
    for character, place in zip(characters, places, strict=True):
        alphabet = _ALPHABETS[place]
        number = number * len(alphabet) + alphabet.index(character)
    return number


def _written(pattern: Pattern, number: int) -> str:
    """The number in the places that count, from the last one on; what is left over widens the first of them."""
    characters, first = list(pattern.text), None
    for i in reversed(range(len(characters))):
        place = pattern.places[i]
        if place == "n":
            characters[i] = str(number)
        elif place != ".":
            number, digit = divmod(number, len(_ALPHABETS[place]))
            characters[i], first = _ALPHABETS[place][digit], i
    if first is not None and number:
        characters[first] = f"{number}{characters[first]}"
    return "".join(characters)
