"""How pictures are read, as options of a command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from reverie.errors import UsageError

__all__ = ["Cache", "Classes", "Fit", "Size", "reading"]

PANEL = "For pictures"

Size = Annotated[
    str | None,
    typer.Option(
        "--size", help="Bring pictures to this size: 32 for a square, 24x32 for height x width.", rich_help_panel=PANEL
    ),
]
Fit = Annotated[
    str | None,
    typer.Option("--fit", help="How: crop to the centre (default), pad with white, or stretch.", rich_help_panel=PANEL),
]
Classes = Annotated[
    str | None,
    typer.Option("--classes", help="Names for classes that are only numbered, with commas.", rich_help_panel=PANEL),
]
Cache = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        envvar="REVERIE_CACHE",
        help="Keep decoded pictures in this folder, to be read at once the next time; for sets larger than memory.",
        rich_help_panel=PANEL,
    ),
]


def reading(size: str | None, fit: str | None, classes: str | None, cache: Path | None) -> dict[str, Any]:
    """The options as those of images.read_images; what was not given is None."""
    names = None if classes is None else [name.strip() for name in classes.split(",")]
    return {"size": _sides(size), "fit": fit, "classes": names, "cache": cache}


def _sides(size: str | None) -> int | tuple[int, int] | None:
    """Of "32" 32, of "24x32" (24, 32), height first."""
    if size is None:
        return None
    try:
        sides = tuple(int(side) for side in size.split("x"))
    except ValueError:
        sides = ()
    match sides:
        case (side,):
            return side
        case (height, width):
            return height, width
    raise UsageError(f"--size is a side such as 32, or height x width such as 24x32, not {size!r}.")
