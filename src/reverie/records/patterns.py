"""Text that identifies (surnames, e-mail addresses, telephone numbers, postcodes), and new values that look like it.

A pattern is the shape of a value: A for a capital, a for a small letter, 9 for a digit, and every other character for
itself, also A, a, 9 after a backslash. (What all values begin with is kept: the 07 of a telephone.) A new value is drawn
from a shape by a hash of the patient's number, small letters as syllables, and drawn again while it may be a real one.

So that no real value is made and none is kept, `taken` holds a bit for the hash of each, among BITS times as many bits: a
value whose bit is not set was not in the table; of all other values one in BITS has a bit that is set, so that the bits
alone do not say who is.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import polars as pl

from reverie.records.column_names import words

__all__ = ["bits_of", "hashes_of", "identifying", "identifying_number", "new_values", "pattern_of", "taken_of"]

SHAPES = 10
"""Shapes that a pattern keeps, at most; common ones stand several times."""

BITS = 16

TRIES = 40
"""Draws before a value is made longer, as there may be no other of its shape."""

UNIQUE, SEVERAL = 0.9, 0.5
"""The share of different values among patients that tells them apart; the second where form or name of the column say it."""

ROOM = 1000
"""Values of a pattern for each patient; where there are fewer, they are numbers of patients, which are renumbered."""

MAIL = 6
"""Characters before the @ of a new address, at least."""

ENOUGH = 20
"""Fewer patients have different values by chance."""

_EMAIL = r"^[^@\s]+@[^@\s]+\.[A-Za-z]{2,}$"
_MEASURED = r"^(\d{1,4}[/.\-]\d{1,2}[/.\-]\d{1,4}.*|[<>=~]? ?-?([1-9]\d{0,8}([.,/:]\d+)*|\d[.,:]\d+) ?(%|\pL[\pL/]*)?)$"
"""Dates and numbers, with their units."""
_PHONE = r"^(\+|00|0|\()[\d ()/.\-]{6,18}\d$"
_POST = r"^([A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|[A-Z]\d[A-Z] ?\d[A-Z]\d|\d{4} ?[A-Z]{2}|[A-Z]{1,2}-\d{4,5})$"
_FORMS = {"e-mail addresses": _EMAIL, "telephone numbers": _PHONE, "postcodes": _POST}

_WHO = {"surname", "forename", "lastname", "firstname", "fullname", "familyname", "givenname", "maiden"}
_WHOSE = {"last", "first", "full", "family", "given", "middle", "patient", "person", "father", "mother"}
_REACH = {
    "address", "street", "phone", "telephone", "mobile", "tel", "fax", "email", "mail", "nhs", "ssn", "passport", "zip",
    "zipcode", "postcode", "postal", "plz", "chi", "iban", "insurance", "licence", "license",
}  # fmt: skip

_CONSONANTS, _VOWELS = "bdfghklmnprstvw", "aeiou"


def identifying(name: str, values: pl.Series, role: str) -> str | None:
    """What texts of a column (none missing; one a patient if static) identify patients by, in words; None if they do not."""
    count, distinct = len(values), values.n_unique()
    if _share(values, _EMAIL) >= UNIQUE:
        return "e-mail addresses"
    parts = set(words(name))
    if count >= 3 and (parts & _WHO or ("name" in parts and parts & _WHOSE)):
        return "names of persons, as the column says"
    several = max(ENOUGH * SEVERAL, SEVERAL * count if role == "static" else ENOUGH)  # a patient's rows repeat them
    if count < ENOUGH or distinct < several:
        return None
    for what, form in _FORMS.items():
        if _share(values, form) >= UNIQUE:
            return what
    if reach := sorted(parts & _REACH):
        return f"the name says {reach[0]}"
    if role != "static" or distinct < UNIQUE * count or _share(values, _MEASURED) >= SEVERAL:
        return None
    if _share(values, r"^\p{L}[\p{L}'\- ]+\d?$") >= UNIQUE:
        return "surname-like"
    return "nearly another for each patient" if _room(pattern_of(values.to_list())) >= ROOM * count else None


def identifying_number(name: str, values: pl.Series, role: str) -> str | None:
    """The same of whole numbers: numbers of as many digits, nearly another for each patient."""
    count = len(values)
    if count < ENOUGH or values.n_unique() < UNIQUE * count or float(values.min()) < 0:  # pyright: ignore
        return None
    digits = Counter(len(str(int(value))) for value in values)
    length, often = digits.most_common(1)[0]
    if often < UNIQUE * count:
        return None
    if length >= 6 and (reach := sorted(set(words(name)) & _REACH)):
        return f"the name says {reach[0]}"
    return f"{length} digits, nearly another for each patient" if length >= 9 and role == "static" else None


def pattern_of(values: Sequence[str]) -> tuple[str, ...]:
    """Shapes of values, common ones more often, at most SHAPES; of an e-mail address only what stands before the @."""
    values = sorted(set(values))
    mail = all(re.match(_EMAIL, value) for value in values)
    parts = [value.split("@")[0] for value in values] if mail else list(values)
    kept = 0 if mail else _same(parts)
    shapes = sorted(_shape(part, kept) + ("9" * (MAIL - len(part)) + "@ex\\ample.org" if mail else "") for part in parts)
    if len(set(shapes)) == 1:
        return (shapes[0],)
    places = np.linspace(0, len(shapes) - 1, min(SHAPES, len(shapes))).round().astype(int)
    return tuple(shapes[place] for place in places)


def hashes_of(values: Sequence[str]) -> np.ndarray:
    """The hashes of different values, uint64, rising."""
    return np.unique(np.array([_number(value) for value in set(values)], dtype=np.uint64))


def taken_of(values: Sequence[str]) -> str:
    """The bits of real values, in base 64."""
    return bits_of(hashes_of(values))


def bits_of(hashes: np.ndarray) -> str:
    """The bits of real values of these hashes, in base 64."""
    size = max(64, BITS * len(hashes))
    bits = np.zeros(size, dtype=np.uint8)
    bits[hashes % np.uint64(size)] = 1
    return f"{size}:{base64.b64encode(np.packbits(bits).tobytes()).decode()}"


def new_values(pattern: tuple[str, ...], taken: str, name: str, numbers: Sequence[int]) -> list[str]:
    """Values of patients (or rows) of these numbers: a pure function of pattern, name and number, and none a real one."""
    size, _, coded = taken.partition(":")
    bits = np.unpackbits(np.frombuffer(base64.b64decode(coded), dtype=np.uint8))[: int(size)] if taken else np.zeros(1)
    value_of = {number: _new(pattern, bits, f"{name}/{number}") for number in dict.fromkeys(numbers)}
    return [value_of[number] for number in numbers]


def _new(pattern: tuple[str, ...], bits: np.ndarray, seed: str) -> str:
    more = ""
    for attempt in range(20 * TRIES):
        stream = hashlib.shake_256(f"{seed}/{attempt}".encode()).digest(256)
        more += "9" if attempt and attempt % TRIES == 0 else ""
        shape = pattern[stream[0] % len(pattern)]
        at = shape.index("@") if "@" in shape else len(shape)
        value = _drawn(shape[:at] + more + shape[at:], stream[1:])
        if not bits[_number(value) % len(bits)]:
            return value
    return ""


def _drawn(shape: str, stream: bytes) -> str:
    """A value of a shape. In a run of letters, consonants and vowels take turns if it has small ones."""
    characters, spoken, place = [], 0, 0
    tokens = re.findall(r"\\.|.", shape, re.DOTALL)
    for i, token in enumerate(tokens):
        draw = stream[place % len(stream)]
        place += 1
        if token in ("A", "a"):
            word = token == "a" or tokens[i + 1 : i + 2] == ["a"]
            letters = ((_CONSONANTS, _VOWELS)[spoken % 2]) if word else "abcdefghjklmnprstuvwxyz"
            letter = letters[draw % len(letters)]
            characters.append(letter.upper() if token == "A" else letter)
            spoken += 1
            continue
        spoken = 0
        if token == "9":
            leads = not characters
            characters.append("123456789"[draw % 9] if leads else "0123456789"[draw % 10])
        else:
            characters.append(token[-1])
    return "".join(characters)


def _shape(value: str, kept: int) -> str:
    """The first characters kept, all others as their class."""
    begins = "".join(f"\\{c}" if c in "Aa9\\" else c for c in value[:kept])
    classes = ("9" if c.isdigit() else "A" if c.isupper() else "a" if c.isalpha() else c for c in value[kept:])
    return begins + "".join("\\\\" if c == "\\" else c for c in classes)


def _room(pattern: tuple[str, ...]) -> float:
    """How many values the largest shape has."""
    free = (re.sub(r"\\.", "", shape) for shape in pattern)
    return max(10.0 ** shape.count("9") * 20.0 ** (shape.count("A") + shape.count("a")) for shape in free)


def _same(values: Sequence[str]) -> int:
    """How many first characters all values share; at most a third of the shortest, as the rest is to be new."""
    if len(values) < ENOUGH:
        return 0
    low, high, most = min(values), max(values), min(map(len, values)) // 3
    return next((i for i in range(most) if low[i] != high[i]), most)


def _number(value: str) -> int:
    return int.from_bytes(hashlib.sha256(value.encode()).digest()[:8], "big")


def _share(values: pl.Series, form: str) -> float:
    mean = values.str.contains(form).mean()
    return float(mean) if isinstance(mean, float) else 0.0
