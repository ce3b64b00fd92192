"""docs/operations.md lists every operation as it is declared. After a wanted change, renew it and read the difference:

.venv/bin/python tests/docs/test_operations.py
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic.fields import FieldInfo

from reverie import operations
from reverie.operations.declare import Operation
from reverie.operations.request import Request, Served

DOC = Path(__file__).parents[2] / "docs" / "operations.md"
INTRO = """\
# Operations

All that Reverie does on request is declared once, in `src/reverie/operations`: what is asked for, what it costs, and the
function. The commands with their `--help`, the HTTP calls with their document, the jobs and their queues follow from that,
and so does this page. `POST /api/calls/{operation_id}` answers with the same call as curl, as a command and as Python.

"""
QUEUES = """
A job is in the quick queue, where someone waits for it, or in the slow one, for what takes minutes. A cap is the most that
one call of a service may cost; on the command line there is none, as a machine is its user's own.

## Bounds of the service

A service takes what the command line takes, within these bounds.

"""


def declared() -> list[Operation]:
    return [operations.find(name) for name in operations.TITLES]


def text() -> str:
    return (
        INTRO
        + table(("operation", "command", "HTTP", "queue", "caps"), map(row, declared()))
        + QUEUES
        + bounds()
        + "\n"
        + unserved()
    )


def table(columns: tuple[str, ...], rows: Any) -> str:
    lines = [" | ".join(cells) for cells in (columns, *rows)]
    rule = "|".join(["---"] * len(columns))
    return f"| {lines[0]} |\n|{rule}|\n" + "".join(f"| {line} |\n" for line in lines[1:])


def row(operation: Operation) -> tuple[str, ...]:
    """Where it is to be had, and what it costs."""
    queue = "slow" if operation.slow is True else "quick; slow if large" if operation.slow else "quick"
    return (
        f"{operation.title.rstrip('.')} (`{operation.name}`)",
        f"`reverie {operation.command}`" if operation.command else "-",
        f"`{operation.route}`" if operation.route else "-",
        queue if operation.route else "-",
        "; ".join(cap.sentence for cap in operation.caps) or "-",
    )


def bounds() -> str:
    """Each bound that a service adds, with its reason, the fields that have it, and the operations."""
    rows: dict[tuple[str, str], tuple[dict[str, None], dict[str, None]]] = {}
    for operation in declared():
        for field, mark in marks(operation.request) if operation.route else ():
            if bound := words(mark):
                fields, names = rows.setdefault((bound, mark.why), ({}, {}))
                fields[f"`{field}`"], names[f"`{operation.name}`"] = None, None
    ordered = sorted(rows.items(), key=lambda item: list(item[1][0]))
    cells = [(", ".join(fields), bound, why, ", ".join(names)) for (bound, why), (fields, names) in ordered]
    return table(("field", "bound", "why", "of"), cells)


def unserved() -> str:
    """What a service does not take, by operation."""
    rows = []
    for operation in declared():
        fields = [f"`{field}`" for field, mark in marks(operation.request) if mark.local and operation.route]
        rows += [(f"`{operation.name}`", ", ".join(fields))] if fields else []
    return table(("operation", "on the command line alone"), rows)


def marks(request: type[Request], before: str = "") -> Iterator[tuple[str, Served]]:
    """What a service adds to each field, those of requests inside it too."""
    for name, info in request.model_fields.items():
        for mark in (*info.metadata, *within(info.annotation)):
            if isinstance(mark, Served):
                yield before + name, mark
            elif isinstance(mark, type):
                yield from marks(mark, f"{name}.")


def within(annotation: Any) -> Iterator[Any]:
    """The marks of all that a type is made of, and the requests in it."""
    if isinstance(annotation, type) and issubclass(annotation, Request):
        yield annotation
    if get_origin(annotation) is Annotated:
        yield from get_args(annotation)[1:]
    for part in get_args(annotation):
        yield from within(part) if part is not annotation else ()


def words(mark: Served) -> str:
    """The bounds that can be counted."""
    limits = [limit for bound in mark.bounds for limit in (bound.metadata if isinstance(bound, FieldInfo) else [bound])]
    least = {Ge: "ge", MinLen: "min_length"}
    most = {Le: "le", MaxLen: "max_length"}

    def number(names: dict[type, str]) -> str:
        return next((f"{getattr(limit, names[type(limit)]):,}" for limit in limits if type(limit) in names), "")

    low, high, long = number(least), number(most), any(isinstance(limit, MinLen | MaxLen) for limit in limits)
    bound = f"{low} .. {high}" if low and high else f"at least {low}" if low else f"at most {high}" if high else ""
    return f"{bound} entries or characters" if bound and long else bound


def test_every_operation_and_every_bound_is_told_as_it_is_declared():
    assert DOC.read_text(encoding="utf-8") == text(), "operations have changed: see above how to renew docs/operations.md"


if __name__ == "__main__":
    DOC.write_text(text(), encoding="utf-8")
