"""Requests: strict models, and what their fields are on the command line and in a service.

A field is declared once, with the bounds of the thing itself. `Flag` says what it is called on the command line; `Served`
adds the bounds of a service, each with its reason: names inside the workspace, sizes that one call may ask for.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, ClassVar, Union, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import BaseModel, ConfigDict, create_model, model_validator

__all__ = [
    "Flag",
    "Of",
    "Place",
    "Reply",
    "Request",
    "Served",
    "at_least",
    "at_most",
    "example",
    "is_of_type",
    "local",
    "pictures",
    "records",
    "served",
]


@dataclass(frozen=True)
class Flag:
    """What a field is on the command line: `--name VALUE`, or, where the name has no dashes, an argument.

    Attributes:
        name: none where the field is not on the command line.
        help: where it is not the field's own description.
        default: where it is not the field's own; ... for that.
        panel: the heading that it stands below in --help.
        metavar: what stands for the value.
        variable: of the environment, that gives it too.
        commas: several values are one word with commas, rather than the option again.
        read, write: of a value that is typed in a form of its own, how it is read and written.
        several: what is read is the list of all that was typed, as the option may be given again.
        required: the command line wants it, where a service has a way to do without.
        stand_in: of what no option can say (a picture inside a call), what a command that is shown has in its place.
    """

    name: str | None
    help: str | None = None
    default: Any = ...
    panel: str | None = None
    metavar: str | None = None
    variable: str | None = None
    commas: bool = False
    read: Callable[[Any], Any] | None = None
    write: Callable[[Any], Any] | None = None
    several: bool = False
    required: bool = False
    stand_in: str | None = None


@dataclass(frozen=True)
class Served:
    """Bounds that a service adds to a field, and why.

    Attributes:
        local: whether the field is not served at all.
        type: what a service takes in the place of the field's own type, if anything.
    """

    bounds: tuple[Any, ...] = ()
    why: str = ""
    local: bool = False
    type: Any = None


local = Served(local=True)


@dataclass(frozen=True)
class Place(Served):
    """A field that names something of the workspace, which the operation reads, or writes."""

    written: bool = False


@dataclass(frozen=True)
class Of:
    """What a field is of: "pictures" or "patient records". Given for a model of the other kind, it is refused."""

    kind: str


pictures, records = Of("pictures"), Of("patient records")


def at_most(most: float, why: str) -> Served:
    """A service takes no more than this."""
    return Served((Le(most),), why)


def at_least(least: float, why: str) -> Served:
    """A service takes no less than this."""
    return Served((Ge(least),), why)


class Request(BaseModel):
    """What is asked for: fields that are not known are refused, and so are numbers that are not finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @property
    def arguments(self) -> dict[str, Any]:
        """The fields that were given, as strict JSON."""
        return self.model_dump(mode="json", exclude_unset=True)


def is_of_type(kind: str) -> bool:
    """Whether a kind of fault only says of what type a value must be: where a value may be one of several types, and one of
    them took it, what that has against it says more."""
    return kind.endswith(("_type", "none_required"))


class Reply(BaseModel):
    """An answer, for the document: the operations make it."""

    model_config = ConfigDict(extra="allow")


def example(value: dict[str, Any]) -> ConfigDict:
    """The model's configuration, with an example for the document."""
    return ConfigDict(json_schema_extra={"examples": [value]})


@cache
def served(model: type[Request]) -> type[Request]:
    """The model as a service takes it: with the bounds of its Served marks, and without what is local."""
    changed: dict[str, Any] = {}
    strange: set[str] = set()
    for name, info in model.model_fields.items():
        marks = [mark for mark in info.metadata if isinstance(mark, Served)]
        if any(mark.local for mark in marks):
            strange.add(name)
        inner = next((mark.type for mark in marks if mark.type is not None), None) or _served(info.annotation)
        bounds = [bound for mark in marks for bound in mark.bounds]
        if bounds or inner is not info.annotation:
            changed[name] = (Annotated[(inner, *bounds)] if bounds else inner, info)
    if not changed and not strange:
        return model
    base = types.new_class("_Served", (_Without, model), {}, lambda namespace: namespace.update(strange=frozenset(strange)))
    return create_model(model.__name__, __base__=base, __doc__=model.__doc__, __module__=model.__module__, **changed)


class _Without(Request):
    """A request some of whose fields are not served: given, they are as unknown as any other name."""

    strange: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="before")
    @classmethod
    def _known(cls, values: Any) -> Any:
        if isinstance(values, dict) and (given := cls.strange & values.keys()):
            raise ValueError(f"{min(given)} is for the command line alone: leave it out")
        return values

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: Any) -> Any:
        schema = handler(core_schema)
        for name in cls.strange:
            handler.resolve_ref_schema(schema).get("properties", {}).pop(name, None)
        return schema


def _served(annotation: Any) -> Any:
    """The type, with the bounds of a service wherever it has marks of them inside."""
    if isinstance(annotation, type) and issubclass(annotation, Request):
        return served(annotation)
    if get_origin(annotation) is Annotated:
        inner, *marks = get_args(annotation)
        bounds = [bound for mark in marks if isinstance(mark, Served) for bound in mark.bounds]
        changed = _served(inner)
        return Annotated[(changed, *marks, *bounds)] if bounds or changed is not inner else annotation
    parts = get_args(annotation)
    changed = tuple(map(_served, parts))
    if all(a is b for a, b in zip(parts, changed, strict=True)):
        return annotation
    if isinstance(annotation, types.UnionType) or get_origin(annotation) is Union:
        return Union[changed]  # noqa: UP007  (of a tuple)
    return get_origin(annotation)[changed]  # pyright: ignore[reportOptionalSubscript]  (what has parts has an origin)
