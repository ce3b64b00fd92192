"""The text of a rule -> the rule, by descent; nothing in it is ever run.

    rule       claim [if condition {and condition}]
    claim      expression sign expression [within number]  |  column in (value, ...)  |  empty(column)  |  filled(column)
               column never falls | never rises | always rises | always falls | counts from number | stays value
               column ends at value
               column tells column [(value: value, ..., else: value)]
    condition  column sign value  |  column in (value, ...)  |  empty(column)  |  filled(column)
    expression sums and products of columns, numbers, first(x), previous(x), total(x), count()

A name that is no single word is written in `backticks`, a value in "double quotes"; the mark itself is written twice. Of two
bare words that are compared, the one that is a column is one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import NoReturn, TypeVar

from reverie.errors import UsageError, unknown
from reverie.records.places import few
from reverie.records.rules.expressions import BINDS, FUNCTIONS, Arithmetic, Expression, Function, Name, Value
from reverie.records.rules.rule import ELSE, SIGNS, Claim, Course, Empty, Filled, OneOf, Relation, Rule, Tells

__all__ = ["LONGEST", "parse"]

T = TypeVar("T")

LONGEST = 100_000
"""Characters of a rule."""
DEEPEST = 40
"""Brackets within brackets."""
TOKEN = re.compile(
    r"""\s*(?:(`(?:[^`]|``)*`)|("(?:[^"]|"")*")|(<=|>=|!=|==|[<>=+*/^(),:-])"""
    r"""|([^\s`"<>=!+*/^(),:-][^\s`"<>=!+*/^(),:]*))"""
)
HOWS = {
    ("never", "falls"): "never falls",
    ("never", "rises"): "never rises",
    ("always", "rises"): "always rises",
    ("always", "falls"): "always falls",
}


def parse(text: str, names: Collection[str]) -> Rule:
    """The rule that a text tells of columns with these names. Raises UsageError that names the text and what is wrong."""
    if len(text) > LONGEST:
        raise UsageError(f"the rule {text[:40]!r}... has more than {LONGEST:,} characters.")
    return _Reader(text, names).rule()


class _Reader:
    def __init__(self, text: str, names: Collection[str]) -> None:
        self.text, self.names = text, names
        self.tokens: list[str] = []
        self.at = self.depth = 0
        place, stripped = 0, text.rstrip()
        while place < len(stripped):
            match = TOKEN.match(stripped, place)
            if match is None:
                self.refuse(f"{stripped[place:].strip()[:20]!r} cannot be read")
            self.tokens.append(match[match.lastindex or 0])
            place = match.end()

    def refuse(self, why: str) -> NoReturn:
        raise UsageError(f"the rule {self.text!r} is not one: {why} (example: systolic > diastolic if sex = M).")

    @property
    def next(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, wanted: str = "") -> str:
        token = self.next
        if not token or (wanted and token != wanted):
            self.refuse(f"after {' '.join(self.tokens[: self.at]) or 'its begin'} it lacks {wanted or 'something'}")
        self.at += 1
        return token

    def met(self, *words: str) -> bool:
        """Takes the words that come next, if they are these."""
        if tuple(self.tokens[self.at : self.at + len(words)]) != words:
            return False
        self.at += len(words)
        return True

    def rule(self) -> Rule:
        claim, when = self.claim(), []
        if self.met("if"):
            when.append(self.claim())
            while self.met("and"):
                when.append(self.claim())
        if self.next:
            self.refuse(f"{self.next!r} is left over")
        for condition in when:
            plain = (
                isinstance(condition, Relation) and isinstance(condition.left, Name) and isinstance(condition.right, Value)
            )
            if not plain and not isinstance(condition, OneOf | Empty | Filled):
                self.refuse(f"{condition.text!r} is no condition, which compares a column with a value")
        return Rule(claim, tuple(when))

    def claim(self) -> Claim:
        for word, kind in (("empty", Empty), ("filled", Filled)):
            if self.tokens[self.at : self.at + 2] == [word, "("] and word not in self.names:
                self.at += 2
                name = self.name()
                self.take(")")
                return kind(name)
        after = self.tokens[self.at + 1 : self.at + 3]
        if after and (after[0] in ("in", "tells", "stays", "ends", "counts") or tuple(after) in HOWS):
            return self.about(self.name())
        left = self.expression(0)
        sign = self.take().replace("==", "=")
        if sign not in SIGNS:
            self.refuse(f"{sign!r} stands where one of {' '.join(SIGNS)} should")
        right = self.expression(0)
        if isinstance(left, Value) and not isinstance(right, Value):
            turned = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
            left, sign, right = right, turned.get(sign, sign), left
        if not left.columns:
            self.refuse(
                f"{left.text} is no column" + (f" (columns are {few(self.names, 6)})" if isinstance(left, Value) else "")
            )
        within = self.number(self.take()) if self.met("within") else None
        return Relation(left, sign, right, within)  # pyright: ignore[reportArgumentType]

    def about(self, name: str) -> Claim:
        """The claim on a column that words follow."""
        if self.met("in"):
            return OneOf(name, tuple(self.listed(self.value)))
        if self.met("tells"):
            column = self.name()
            pairs = self.listed(self.pair) if self.next == "(" else []
            return Tells(name, column, tuple(pairs))
        if self.met("stays"):
            return Course(name, "stays", self.value())
        if self.met("ends"):
            self.take("at")
            return Course(name, "ends at", self.value())
        if self.met("counts"):
            self.take("from")
            return Course(name, "counts from", f"{self.number(self.value()):g}")
        how = HOWS[self.take(), self.take()]
        return Course(name, how)  # pyright: ignore[reportArgumentType]

    def listed(self, one: Callable[[], T]) -> list[T]:
        self.take("(")
        values = [one()]
        while self.met(","):
            values.append(one())
        self.take(")")
        return values

    def pair(self) -> tuple[str, str]:
        key = ELSE if self.met(ELSE) else self.value()
        self.take(":")
        return key, self.value()

    def name(self) -> str:
        token = self.take()
        name = token[1:-1].replace("``", "`") if token[0] == "`" else token
        if name not in self.names:
            raise UsageError(f"the rule {self.text!r}: {unknown('column', name, list(self.names))}")
        return name

    def value(self) -> str:
        """The text of a value."""
        sign = "-" if self.met("-") else ""
        token = self.take()
        if token in SIGNS or token in ("(", ")", ",", ":"):
            self.refuse(f"{token!r} stands where a value should")
        return sign + (token[1:-1].replace('""', '"') if token[0] == '"' else token)

    def number(self, text: str) -> float:
        try:
            return float(text)
        except ValueError:
            self.refuse(f"{text!r} is no number")

    def expression(self, least: int) -> Expression:
        """What binds at least as tightly; ^ is the only sign that binds to the right."""
        left = self.part()
        while self.next in BINDS and BINDS[self.next] >= least:
            sign = self.take()
            right = self.expression(BINDS[sign] + (sign != "^"))
            left = Arithmetic(left, sign, right)
        return left

    def part(self) -> Expression:
        token = self.next
        self.depth += 1
        if self.depth > DEEPEST:
            self.refuse(f"it has more than {DEEPEST} brackets within brackets")
        try:
            if self.met("("):
                inner = self.expression(0)
                self.take(")")
                return inner
            if token in FUNCTIONS and self.tokens[self.at + 1 : self.at + 2] == ["("]:
                self.at += 2
                inner = None if token == "count" else self.expression(0)
                self.take(")")
                return Function(token, inner)
            if token[:1] == "`" or token in self.names:
                return Name(self.name())
            return Value(self.value())
        finally:
            self.depth -= 1
