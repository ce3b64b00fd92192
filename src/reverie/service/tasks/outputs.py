"""What a task hands back besides numbers: files, where clients find them, and the time."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from reverie.service.jobs.work import Work

__all__ = ["deliver", "figure", "now", "reserve"]


def now() -> str:
    """The time, as replies tell it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def reserve(work: Work, name: str | None, suffixes: tuple[str, ...], overwrite: bool) -> None:
    """Before the work: raises Problem where the file could not be written at its end."""
    if name is not None:
        work.workspace.target(name, suffixes, overwrite)


def deliver(work: Work, made: Path, name: str | None, suffixes: tuple[str, ...], overwrite: bool) -> dict[str, Any]:
    """A file of the job's own folder, moved into the workspace under its name, if it has one; and where it is."""
    size = made.stat().st_size
    if name is None:
        return {"name": made.name, "href": f"/api/jobs/{work.folder.parent.name}/files/{made.name}", "bytes": size}
    with made.open("rb") as source, work.workspace.writing(name, suffixes, overwrite) as target:
        while piece := source.read(1 << 20):
            target.write(piece)
    made.unlink()
    return {"name": name, "href": f"/api/files/{quote(name)}", "bytes": size}


def figure(work: Work, drawn: dict[str, Any], name: str | None, overwrite: bool) -> dict[str, Any]:
    """The figure as PNG, as the command line's --out writes it."""
    from reverie.studies.figures import save_figure

    made = save_figure(drawn, work.folder / "figure.png")
    return deliver(work, made, name, (".png",), overwrite)
