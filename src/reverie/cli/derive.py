"""Commands, derived from the declarations of operations: options and help from the request, output from the outcome."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from reverie import operations
from reverie.cli import console
from reverie.cli.disk import Disk
from reverie.cli.spelling import spelled
from reverie.errors import UsageError, unknown
from reverie.operations.declare import Operation, Panel
from reverie.operations.flags import Option, flags, options, schedule_from
from reverie.operations.request import Request, is_of_type

__all__ = ["command", "group"]

TYPES = {"switch": bool, "integer": int, "number": float, "text": str, "several": list[str], "pair": tuple[str, str]}

LAST = ("schedule", "seed", "overwrite")
"""Fields of many requests, below an operation's own in --help."""


def command(operation: Operation) -> Callable[..., None]:
    """A function for typer: its signature has the options, its text is the help."""
    taken = sorted(options(operation), key=lambda option: option.field in LAST)

    def run(**typed: Any) -> None:
        as_json, images = typed.pop("as_json"), typed.pop("images", False)
        what, unit = operation.progress
        with console.progress(what, unit) if what else nullcontext(lambda done, total: None) as on_step:
            outcome = operation.does(request_of(operation, taken, typed), Disk(on_step, images))
        if as_json:
            console.write_json(outcome.reply if outcome.printed is None else outcome.printed)
        else:
            for part in outcome.show():
                _show(part)
            for sentence in outcome.hints:
                console.note(sentence)
        if outcome.failed:
            console.note(outcome.failed)
            raise typer.Exit(1)

    kinds = {option.of for option in taken} - {None}
    parameters = [each for option in taken for each in _parameters(option, len(kinds) > 1, _names(taken))]
    if operation.images:
        parameters.append(_switch("images", "--images", "With --json: include the pictures as PNG data URLs."))
    parameters.append(_switch("as_json", "--json", "Print the result as JSON, for programs."))
    run.__signature__ = inspect.Signature(parameters)  # pyright: ignore[reportFunctionMemberAccess]
    run.__doc__ = operation.help
    return run


def group(prefix: str, **about: Any) -> typer.Typer:
    """The commands `reverie PREFIX ...` of all operations that have one."""
    app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode="markdown", **about)
    for operation in _below(prefix):
        assert operation.command is not None
        app.command(operation.command.split()[1], epilog=epilog(operation))(command(operation))
    return app


def _show(part: Any) -> None:
    match part:
        case Panel():
            console.table(part.title, part.columns, list(part.rows))
        case str():
            console.write(part)
        case _:
            console.draw(part)


def epilog(operation: Operation) -> str:
    """Below the options: what to try."""
    text = operation.example
    return text if "\n" in text or not text else f"Example: {text}"


def request_of(operation: Operation, taken: Iterable[Option], typed: dict[str, Any]) -> Request:
    """The request, of what was typed. Raises UsageError in one sentence that names the option."""
    values: dict[str, Any] = {}
    for option in taken:
        if option.takes == "schedule":
            value = schedule_from(typed[option.field], typed["set_"] or [], option.given)
        else:
            value = typed[option.field]
            value = None if value is None or value is False or value == [] else option.read(value)
            if value is None and option.given is not ...:
                value = option.given
        if value is not None:
            values[option.field] = value
    hidden = {o.field: o.given for o in flags(operation.request) if o.name is None and o.given not in (..., None)}
    try:
        return operation.request.model_validate(hidden | values)
    except ValidationError as error:
        raise _usage(error, taken) from error


def _usage(error: ValidationError, taken: Iterable[Option]) -> UsageError:
    """The first thing that is wrong, in one sentence."""
    first, *others = error.errors()
    if is_of_type(first["type"]):
        first = next((o for o in others if o["loc"][:1] == first["loc"][:1] and not is_of_type(o["type"])), first)
    names, more = _names(taken), first.get("ctx", {})
    if isinstance(cause := more.get("error"), UsageError):
        return cause
    if first["type"] == "value_error" and not first["loc"]:
        return UsageError(f"{spelled(str(more['error']), names)}.")
    field = str(first["loc"][0])
    name = names.get(field) or field
    if first["type"] == "literal_error":
        known = [word.strip("'") for word in more["expected"].replace(" or ", ", ").split(", ")]
        return unknown(name.lstrip("-").lower(), first["input"], known)
    reason = str(more["error"]) if first["type"] == "value_error" else first["msg"]
    return UsageError(f"{name}: {reason[0].lower()}{reason[1:]}.")


def _names(taken: Iterable[Option]) -> dict[str, str]:
    return {option.field: option.name for option in taken if option.name is not None}


def _below(prefix: str) -> list[Operation]:
    found = [operations.find(name) for name in operations.TITLES]
    return [operation for operation in found if (operation.command or "").split()[:1] == [prefix]]


def _parameters(option: Option, headed: bool, names: dict[str, str]) -> list[inspect.Parameter]:
    """What typer is given for an option; two for a schedule."""
    if option.takes == "schedule":
        name = _parameter("schedule", str | None, typer.Option("--schedule", help=_schedules(option)), None)
        text = "A setting of the schedule, e.g. steps=500 or beta_max=0.01; repeatable."
        return [name, _parameter("set_", list[str] | None, typer.Option("--set", help=text), None)]
    flag = option.flag
    about: dict[str, Any] = {
        "help": f"{spelled(option.help, names)}{_default(option)}",
        "show_default": False,
        "metavar": flag.metavar,
        "envvar": flag.variable,
    }
    if option.takes in ("integer", "number"):
        about |= {"min": option.low, "max": option.high}
    kind: Any = str if flag.commas else TYPES[option.takes]
    if option.positional:
        about["metavar"] = flag.metavar or option.name
        info = typer.Argument(**about)
    else:
        info = typer.Option(option.name, rich_help_panel=option.panel if headed else option.flag.panel, **about)
    if option.takes == "switch":
        return [_parameter(option.field, bool, info, False)]
    needed = option.required and option.given is ...
    return [_parameter(option.field, kind if needed else kind | None, info, inspect.Parameter.empty if needed else None)]


def _parameter(name: str, kind: Any, info: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, info])


def _switch(name: str, flag: str, text: str) -> inspect.Parameter:
    return _parameter(name, bool, typer.Option(flag, help=text), False)


def _default(option: Option) -> str:
    """The default as --help shows it. (typer itself knows none: only what was typed is part of a request.)"""
    value = option.default if option.given is ... else option.given
    if value is False or value in (..., None, [], {}, ()):  # 0 is False, but a default to show
        return ""
    return f" [default: {','.join(map(str, value)) if isinstance(value, list) else value}]"


def _schedules(option: Option) -> str:
    return option.help or "linear, scaled_linear, cosine, sigmoid, quadratic or exponential."
