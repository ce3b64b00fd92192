"""The same call without the page: as curl, as a command, as Python, composed from the declaration and a request."""

from __future__ import annotations

import json
import shlex
from typing import Any
from urllib.parse import urlencode

from reverie.operations.declare import Operation
from reverie.operations.fields import Schedule
from reverie.operations.flags import flags
from reverie.operations.request import Request

__all__ = ["arguments", "calls", "lines", "python_schedule"]

LONG = 200
"""Characters beyond which a picture inside a call is not shown."""


def calls(operation: Operation, request: Request, server: str) -> dict[str, str | None]:
    """curl, command and python, each none where there is no such form; `server` is the address of the service."""
    return {
        "curl": curl(operation, request, server),
        "command": command(operation, request),
        "python": operation.python(request) if operation.python else None,
    }


def curl(operation: Operation, request: Request, server: str) -> str | None:
    """A line for a shell."""
    if operation.route is None:
        return None
    method, path = operation.route.split()
    if method == "GET":
        query = {name: value for name, value in request.arguments.items() if f"{{{name}}}" not in path}
        address = path.format(**request.arguments) + (f"?{urlencode(query)}" if query else "")
        return f"curl -s {shlex.quote(server + address)}"
    body = json.dumps(_short(request.arguments), ensure_ascii=False, separators=(",", ":"))
    return f"curl -s {shlex.quote(server + path)} \\\n  -H 'Content-Type: application/json' \\\n  -d {shlex.quote(body)}"


def command(operation: Operation, request: Request) -> str | None:
    """The command with the same options; none where the request has what no option says."""
    if operation.command is None:
        near = operation.like(request) if operation.like else None
        return command(*near) if near else None
    placed: list[str] = []
    rest: list[str] = []
    out: list[str] = []
    own = operation.request.__annotations__
    in_order = sorted(flags(type(request)), key=lambda option: not option.positional and option.field not in own)
    for option in in_order:  # what many requests have comes last
        value = getattr(request, option.field)
        given = option.field in request.model_fields_set
        if isinstance(value, str) and value.startswith("data:") and option.name is not None:
            value = f"{option.field}.png"
        if option.name is None:
            if given and value is not None and option.given is ...:
                if option.flag.stand_in is None:
                    return None
                placed += option.flag.stand_in.split()
        elif option.positional:
            placed += option.words(value)
        elif option.field == operation.writes:
            out = option.words(operation.usual if value is None else value)
        elif given or option.required:
            rest += option.words(value)
    return " ".join(map(shlex.quote, ["reverie", *operation.command.split(), *placed, *rest, *out]))


def lines(*code: str) -> str:
    """Lines of Python, with an end."""
    return "\n".join(code) + "\n"


def arguments(*values: Any, **named: Any) -> str:
    """Arguments as Python writes them; ... stands for a variable of the argument's own name."""
    words = [_python(value) for value in values]
    return ", ".join([*words, *(f"{name}={name if value is ... else _python(value)}" for name, value in named.items())])


def python_schedule(schedule: Schedule | None) -> list[str]:
    """The lines that make the variable `schedule`."""
    config = {"name": "linear"} if schedule is None else dict(schedule.config)
    zero = ".with_zero_terminal_snr()" if config.pop("zero_terminal_snr", False) else ""
    settings = arguments(**{name: value for name, value in config.items() if name != "name"})
    return ["from reverie.process import NoiseSchedule", "", f"schedule = NoiseSchedule.{config['name']}({settings}){zero}"]


def _python(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _short(value: Any) -> Any:
    """The body so that it can be read: its pictures cut short, whole numbers without a fraction."""
    if isinstance(value, dict):
        return {name: _short(part) for name, part in value.items()}
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and len(value) > LONG and value.startswith("data:"):
        return value.partition(",")[0] + ",..."
    return value
