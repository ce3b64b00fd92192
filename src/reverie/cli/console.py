"""What commands share in speaking to the user: results to stdout, all else to stderr.

Progress bars show rate and time left and are silent where stderr is not a terminal.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from reverie.cli.spelling import spelled
from reverie.errors import UsageError
from reverie.plain import plain

__all__ = ["WIDTH", "draw", "fresh", "note", "progress", "table", "write", "write_json"]

WIDTH = 120
"""Columns of text drawn where stdout is no terminal."""
_out = Console(highlight=False, soft_wrap=True)
_err = Console(stderr=True, highlight=False, soft_wrap=True)


def write(text: str) -> None:
    """A line of the result."""
    _out.print(spelled(text), markup=False)


def write_json(result: Any) -> None:
    """The result for programs: strict JSON, where a number that is not finite becomes null."""
    sys.stdout.write(json.dumps(plain(result), indent=2, allow_nan=False) + "\n")


def note(text: str) -> None:
    """A message that is not the result."""
    _err.print(spelled(text), markup=False)


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
    """A part of the result that rich draws; plain text of it as a sentence."""
    from rich.text import Text

    if isinstance(part, Text) and not part.spans:
        part = Text(spelled(part.plain))
    Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH).print(part)


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


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "").rstrip("%"))
    except ValueError:
        return text in ("", "-")
    return True
