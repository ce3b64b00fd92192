"""What the studies share in writing: figures to files, replies to stdout."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from reverie.cli import console
from reverie.errors import UsageError

__all__ = ["check_outputs", "draw", "write_reply"]


def check_outputs(force: bool, *paths: Path | None) -> None:
    """Before any work: each output is a PNG, and nothing is lost by writing it."""
    given = [path for path in paths if path]
    for path in given:
        if path.suffix.lower() != ".png":
            raise UsageError(
                f"figures are written as PNG: name the output {path.with_suffix('.png').name}, not {path.name}."
            )
        console.fresh(path, force)
    if len(set(given)) < len(given):
        raise UsageError(f"two outputs have the name {given[0]}: give each its own.")


def draw(figure: str, study: Any, path: Path | None) -> None:
    """Draws the study by the function of this name in studies/figures.py, if there is a path to write it to."""
    if path is None:
        return
    from reverie.studies import figures

    figures.save_figure(getattr(figures, figure)(study), path)
    console.note(f"figure: {path}")


def write_reply(reply: dict[str, Any]) -> None:
    """The reply as JSON with the time of now."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    console.write_json({**reply, "timestamp": now})
