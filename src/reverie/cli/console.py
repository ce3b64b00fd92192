"""What commands share in speaking to the user: results to stdout, all else to stderr.

Progress bars show rate and time left and are silent where stderr is not a terminal.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from reverie.errors import UsageError
from reverie.plain import plain, size

if TYPE_CHECKING:
    from reverie.records.schema import Duplicates

__all__ = [
    "WIDTH",
    "Force",
    "Json",
    "Seed",
    "draw",
    "duplicates",
    "fresh",
    "note",
    "parse_settings",
    "progress",
    "size",
    "spelled",
    "summary",
    "table",
    "write",
    "write_json",
]

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, for programs.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite the output if it exists.")]
Seed = Annotated[int, typer.Option("--seed", help="The same seed gives the same result, to the last byte.")]

WIDTH = 120
"""Columns of text drawn where stdout is no terminal."""
_out = Console(highlight=False, soft_wrap=True)
_err = Console(stderr=True, highlight=False, soft_wrap=True)


def write(text: str) -> None:
    """A line of the result."""
    _out.print(text, markup=False)


def write_json(result: Any) -> None:
    """The result for programs: strict JSON, where a number that is not finite becomes null."""
    sys.stdout.write(json.dumps(plain(result), indent=2, allow_nan=False) + "\n")


def note(text: str) -> None:
    """A message that is not the result."""
    _err.print(text, markup=False)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """The result as a table; columns after the first that hold numbers are set to the right."""
    from rich.table import Table
    from rich.text import Text

    grid = Table(title=title, title_justify="left", header_style="bold")
    for i, name in enumerate(columns):
        numeric = all(_is_number(row[i]) for row in rows)
        grid.add_column(name, justify="right" if numeric and i else "left", overflow="fold")
    for row in rows:
        grid.add_row(*map(Text, row))  # as it is: a bracket is not markup
    width = None if sys.stdout.isatty() else 160
    Console(highlight=False, width=width).print(grid)


def draw(part: Any) -> None:
    """A part of the result that rich draws."""
    Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH).print(part)


def summary(title: str, entries: Mapping[str, Any]) -> None:
    """The result as a table of names and values; what is not there is left out."""
    told = {name: value for name, value in entries.items() if value is not None}
    table(title, ("what", "value"), [(name.replace("_", " "), _shown(value)) for name, value in told.items()])


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        if list(value)[1:] == ["of"]:
            (first, done), (_, whole) = value.items()
            return f"{done:,} of {whole:,}{'' if first in ('done', 'learned') else f' {first}'}"
        return ", ".join(f"{name} {_shown(part)}" for name, part in value.items()) or "none"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


@contextmanager
def progress(what: str, unit: str = "steps") -> Iterator[Callable[[int, int], None]]:
    """Yields on_step(done, total), which draws a bar with rate and time left on a terminal, from its first call."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=_err, transient=True)

    def on_step(done: int, total: int) -> None:
        if not _err.is_terminal:
            return
        if not bar.tasks:
            bar.add_task(what, total=None, rate="")
            bar.start()
        speed = bar.tasks[0].speed
        bar.update(bar.tasks[0].id, completed=done, total=total, rate=f"{speed:.1f} {unit}/s" if speed else "")

    try:
        yield on_step
    finally:
        if bar.tasks:
            bar.stop()


def fresh(path: Path, force: bool) -> Path:
    """The path, if nothing is there or `force` allows to overwrite it. Raises UsageError otherwise."""
    if path.exists() and not force:
        raise UsageError(f"{path} exists already: choose another name, or allow to overwrite it with --force.")
    return path


def spelled(option: str) -> str:
    """An option of the library as it is written on the command line."""
    short = {"identifier": "id", "null_values": "null", "date_formats": "date-format"}
    return f"--{short.get(option, option)}"


def date_formats(texts: Sequence[str] | None) -> dict[str, str]:
    """The forms of dates by column, from COLUMN=FORMAT; under "" one for all. Raises UsageError for two of a column."""
    found: dict[str, str] = {}
    for text in texts or ():
        column, _, form = text.rpartition("=")
        if found.setdefault(column, form) != form:
            raise UsageError(
                f"--date-format says {found[column]} and {form} of {column or 'all columns'}: give one of them."
            )
    return found


def duplicates(rule: str | None) -> Duplicates | None:
    """The rule for rows of one patient at one time, as given to --duplicates."""
    if rule is None or rule in ("refuse", "keep", "first", "last", "mean"):
        return rule  # pyright: ignore[reportReturnType]
    raise UsageError(f"--duplicates is refuse, keep, first, last or mean, not {rule!r}.")


def parse_settings(pairs: Sequence[str]) -> dict[str, Any]:
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


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "").rstrip("%"))
    except ValueError:
        return text in ("", "-")
    return True
