"""The options of a command, read off a request's fields: what each is called, what it takes, and how a value is written.

Each way of writing a value has its reader beside it, so that a call that is shown can be typed: read(write(value)) == value.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt

from reverie.errors import UsageError
from reverie.operations.declare import Operation
from reverie.operations.fields import AnySchedule, Schedule
from reverie.operations.request import Flag, Of, Request

__all__ = ["SETTINGS", "Option", "flags", "options", "refuse_others", "schedule_from", "settings_of"]

Takes = Literal["switch", "integer", "number", "text", "several", "pair", "schedule"]
SIMPLE: dict[type, Takes] = {bool: "switch", str: "text", float: "number", int: "integer"}


@dataclass(frozen=True)
class Option:
    """One option or argument of a command.

    Attributes:
        field: of the request.
        name: "--steps", or "PICTURE" for an argument; none where it is not on the command line.
        takes: what is typed after it; "several" may be given again, or is one word with commas.
        default: of the field, for --help; ... where it must be given.
        given: the value that the request gets where nothing is typed and the command line has a default of its own.
        low, high: bounds of numbers.
    """

    field: str
    flag: Flag
    takes: Takes
    help: str
    default: Any
    given: Any
    low: float | None
    high: float | None
    of: str | None = None
    """The kind of data that it is for, if only for one."""

    @property
    def name(self) -> str | None:
        return self.flag.name

    @property
    def positional(self) -> bool:
        return self.name is not None and not self.name.startswith("-")

    @property
    def required(self) -> bool:
        return self.default is ... or self.flag.required

    @property
    def panel(self) -> str | None:
        """The heading that it stands below in --help."""
        return self.flag.panel or (f"For {self.of}" if self.of else None)

    def read(self, typed: Any) -> Any:
        """The field's value, of what was typed."""
        if self.flag.read is not None:
            return self.flag.read(typed)
        if self.takes == "several" and self.flag.commas:
            return _listed(typed, self)
        return typed

    def words(self, value: Any) -> list[str]:
        """What would be typed to give this value."""
        before = [] if self.positional or self.name is None else [self.name]
        if self.takes == "switch":
            return before if value else []
        if value is None:
            return []
        if self.takes == "schedule":
            return [*before, value.name, *(w for pair in settings_pairs(value.config) for w in ("--set", pair))]
        if self.flag.write is not None:
            value = self.flag.write(value)
        if isinstance(value, list | tuple) and self.flag.commas:
            value = ",".join(map(str, value))
        if self.takes == "pair":
            return [*before, *map(str, value)]
        if isinstance(value, list | tuple):
            return [word for each in value for word in (*before, str(each))]
        return [*before, str(value)]


def options(operation: Operation) -> list[Option]:
    """Those of a command, as they stand in its request."""
    return [option for option in flags(operation.request) if option.name is not None]


def flags(request: type[Request]) -> list[Option]:
    """One for each field, also of those that are not on the command line."""
    return list(_options(request))


def _options(request: type[Request]) -> Iterator[Option]:
    for name, info in request.model_fields.items():
        marks = [*info.metadata, *_marks(info.annotation)]
        flag = next((mark for mark in marks if isinstance(mark, Flag)), Flag(f"--{name.replace('_', '-')}"))
        default = ... if info.is_required() else info.get_default(call_default_factory=True)
        low = next((_bound(mark, "ge", "gt") for mark in marks if isinstance(mark, Ge | Gt)), None)
        high = next((_bound(mark, "le", "lt") for mark in marks if isinstance(mark, Le | Lt)), None)
        text = flag.help or info.description or next((m.description for m in marks if getattr(m, "description", None)), "")
        takes: Takes = "text" if flag.read is not None and not flag.several else _takes(info.annotation)
        of = next((mark.kind for mark in marks if isinstance(mark, Of)), None)
        yield Option(name, flag, takes, text, default, flag.default, low, high, of)


def refuse_others(request: Request, kind: str, what: str) -> None:
    """Raises UsageError for a field that was given and is of data of another kind than the model's, `kind`."""
    for option in flags(type(request)):
        if option.of not in (None, kind) and option.field in request.model_fields_set:
            raise UsageError(f"`{option.field}` is for {option.of}, and {what} is a model of {kind}: leave it out.")


def settings_of(pairs: Sequence[str]) -> dict[str, Any]:
    """["a=1", "b.c=x"] -> {"a": 1, "b.c": "x"}, values read as YAML."""
    import yaml

    settings = {}
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign or not key:
            raise UsageError(f"--set takes key=value, not {pair!r}.")
        try:
            settings[key.strip()] = _numbers(yaml.safe_load(value))
        except yaml.YAMLError as error:
            raise UsageError(f"--set {pair!r}: the value is not a number, word or list.") from error
    return settings


def settings_pairs(settings: dict[str, Any]) -> list[str]:
    """The inverse; the name of a schedule is no setting of it."""
    import json

    plain = {name: value for name, value in settings.items() if name != "name"}
    return [f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in plain.items()]


SETTINGS = Flag("--set", read=settings_of, write=settings_pairs, several=True)
"""Settings by name, each as key=value."""


def schedule_from(name: str | None, pairs: Sequence[str], usual: Any) -> Schedule | None:
    """What --schedule and --set say together; `usual` is the name that settings alone belong to, ... if there is none."""
    if name is None and not pairs:
        return None
    if name is None and usual is ...:
        raise UsageError("--set changes a schedule: name it with --schedule, e.g. --schedule linear --set steps=200.")
    return AnySchedule.model_construct(**{"name": usual if name is None else name, **settings_of(pairs)})


def _listed(typed: str, option: Option) -> list[Any]:
    words = [word.strip() for word in typed.split(",")]
    if not any(inner is int for inner in _inner(option)):
        return words
    try:
        return [int(word) for word in words]
    except ValueError as error:
        raise UsageError(f"{option.name} takes whole numbers with commas, e.g. 5,10,20, not {typed!r}.") from error


def _inner(option: Option) -> list[Any]:
    return [int] if option.default is not ... and option.default and isinstance(option.default[0], int) else [str]


def _takes(annotation: Any) -> Takes:
    """What an option of a field of this type is typed with."""
    kinds = {_plain(part) for part in _parts(annotation)} - {type(None)}
    if Schedule in kinds:
        return "schedule"
    if list in kinds:
        return "several"
    if tuple in kinds:
        return "pair"
    simple: list[Takes] = [takes for kind, takes in SIMPLE.items() if kind in kinds]
    return simple[0] if simple else "several"


def _parts(annotation: Any) -> list[Any]:
    if get_origin(annotation) is Annotated:
        return _parts(get_args(annotation)[0])
    if isinstance(annotation, types.UnionType) or get_origin(annotation) is Union:
        return [part for each in get_args(annotation) for part in _parts(each)]
    return [annotation]


def _plain(annotation: Any) -> type:
    origin = get_origin(annotation)
    if origin is Literal:
        return type(get_args(annotation)[0])
    return origin or annotation


def _marks(annotation: Any) -> list[Any]:
    """The marks of Annotated parts, at any depth of a union."""
    if get_origin(annotation) is Annotated:
        inner, *marks = get_args(annotation)
        return [*marks, *_marks(inner)]
    if isinstance(annotation, types.UnionType) or get_origin(annotation) is Union:
        return [mark for each in get_args(annotation) for mark in _marks(each)]
    return []


def _bound(mark: Any, *names: str) -> float:
    return next(getattr(mark, name) for name in names if hasattr(mark, name))


def _numbers(value: Any) -> Any:
    """Words that are numbers as numbers: 1e-4 is one, though YAML reads it as a word."""
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    if isinstance(value, str) and value[:1] in "+-.0123456789":
        try:
            return float(value)
        except ValueError:
            return value
    return value
