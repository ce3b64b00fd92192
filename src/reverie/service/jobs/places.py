"""Places: what a request reads and writes in the workspace, by the fields that its operation declares.

    two writers    refused: one would undo the other
    two readers    fine
    a reader beside a writer     fine: files are replaced whole, and of a run that trains the last checkpoint is read
    a writer beside a reader     fine, unless it replaces what the reader was told to read

A place is a name; a folder holds everything below it. What is bundled is in no place, and neither is a file that stays
with its job.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args

from reverie.operations.declare import Operation
from reverie.operations.fields import below
from reverie.operations.request import Place, Request
from reverie.service import names
from reverie.service.problems import Problem

__all__ = ["BUNDLED", "Places", "about", "in_change", "in_use", "named", "places"]

BUNDLED = frozenset({"pbc2", "digits", "china", "flower"})
"""Names of sources that mean no file of the workspace."""


@dataclass(frozen=True, slots=True)
class Places:
    """Names in the workspace, with / between folders; `replaces`: what is there under a written name may be overwritten."""

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    replaces: bool = False

    def against(self, other: Places) -> str | None:
        """The name that keeps this request from being admitted while the other is not done, if one does."""
        return _common(self.writes, (*other.writes, *other.reads) if self.replaces else other.writes)

    def uses(self, name: str, writes_only: bool = True) -> bool:
        """Whether this place, or something in it, or a folder around it, is written (or read)."""
        return _common(named(name), self.writes if writes_only else (*self.writes, *self.reads)) is not None

    @property
    def view(self) -> dict[str, Any]:
        return {"reads": [*self.reads], "writes": [*self.writes], "replaces": self.replaces}

    @classmethod
    def seen(cls, view: Mapping[str, Any]) -> Places:
        """The places that have this view."""
        return cls(tuple(view["reads"]), tuple(view["writes"]), view["replaces"])


def places(operation: Operation, request: Request) -> Places:
    """What the request reads and writes."""
    reads: list[str] = []
    writes: list[str] = []
    for _, value, place in _given(operation, request):
        (writes if place.written else reads).extend(named(value))
    if not writes and operation.unnamed is not None:
        writes.extend(named(operation.unnamed(request)))
    return Places((*dict.fromkeys(reads),), (*dict.fromkeys(writes),), getattr(request, "overwrite", False) is True)


def about(operation: Operation, request: Request) -> dict[str, str]:
    """What the request is about, for people: the operation, and the names in its fields."""
    told: dict[str, list[str]] = {}
    for field, value, _ in _given(operation, request):
        if not value.startswith("data:"):
            told.setdefault(field, []).append(value)
    return {"operation": operation.name, **{field: ", ".join(values) for field, values in told.items()}}


def named(name: str) -> tuple[str, ...]:
    """The place of this name, in its normal form; nothing for what can be no name in a workspace, or is bundled."""
    with suppress(Problem, ValueError):
        return () if name in BUNDLED else ("/".join(names.parts((below(name) or "").rstrip("/"))),)
    return ()


def in_use(name: str, id: str, told: Mapping[str, str]) -> Problem:
    """The answer to who would write, rename or delete a place that an unfinished job uses."""
    return Problem(
        409,
        "conflict",
        f"{name} is in use by job {id} ({told['operation']}): wait until that has ended or cancel it, "
        "or choose another name.",
    )


def in_change(name: str) -> Problem:
    """The answer to who would use a place that is replaced, renamed or deleted at this moment."""
    return Problem(409, "conflict", f"{name} is being replaced, renamed or deleted now: ask again in a moment.")


def _common(mine: tuple[str, ...], others: tuple[str, ...]) -> str | None:
    return next((name for name in mine for other in others if _meet(name, other)), None)


def _meet(name: str, other: str) -> bool:
    """Whether they are one place, or one is in the other."""
    return name == other or name.startswith(f"{other}/") or other.startswith(f"{name}/")


def _given(operation: Operation, request: Request) -> Iterator[tuple[str, str, Place]]:
    """The names that the request gives: field, value, and whether it is read or written."""
    for field, place in _declared(operation.request).items():
        value = getattr(request, field)
        for name in value if isinstance(value, list | tuple) else [value]:
            if isinstance(name, str):
                yield field, name, place


@cache
def _declared(model: type[Request]) -> dict[str, Place]:
    """The fields that name something of the workspace."""
    found = {}
    for name, field in model.model_fields.items():
        marks = [mark for mark in (*field.metadata, *_marks(field.annotation)) if isinstance(mark, Place)]
        if marks:
            found[name] = marks[0]
    return found


def _marks(annotation: Any) -> Iterator[Any]:
    """What a type is annotated with, and the types that it is made of."""
    yield from getattr(annotation, "__metadata__", ())
    for part in get_args(annotation):
        yield from _marks(part)
