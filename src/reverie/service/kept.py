"""Which folders of the workspace are runs and which are reports, told by their files, as `listing` takes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from reverie.plain import moment
from reverie.service.jobs import Jobs
from reverie.service.listing import COMPARISON, READ, REPORT
from reverie.service.problems import Problem
from reverie.service.workspace import Workspace

__all__ = ["report_of", "reports_of", "runs_of"]

WEIGHTS = "model.safetensors"


def runs_of(workspace: Workspace, jobs: Jobs | None = None) -> list[dict[str, Any]]:
    """The trained runs by their names; with `jobs` also what state each is in, and how large. What goes away is left out."""
    training = [(id, places) for id, about, places in jobs.held() if about["operation"] == "training"] if jobs else []
    found = []
    for name in workspace.runs():
        with suppress(Problem):
            line: dict[str, Any] = {"name": name, "folder": str(workspace.folder(name, checkpoints=False, only=READ))}
            if jobs:
                files = workspace.inside(name)
                job = next((id for id, places in training if places.uses(name)), None)
                trained = any(file.name == WEIGHTS for file in files)
                line |= {
                    "trained": trained,
                    "state": "training" if job else "trained" if trained else "stopped",
                    "job": job,
                    "bytes": sum(file.bytes for file in files),
                    "modified": moment(max(file.modified for file in files)),
                }
            found.append(line)
    return found


def reports_of(workspace: Workspace) -> list[dict[str, Any]]:
    """The reports on runs, and the comparisons of several, by the folders in which they stand."""
    return [
        line
        for comparison, wanted in ((False, REPORT[:2]), (True, COMPARISON))
        for name in workspace.holding({*wanted})
        for line in _reports(workspace, name, comparison)
    ]


def report_of(workspace: Workspace, name: str) -> dict[str, Any]:
    """The report of this name: the folder in which it stands. Raises Problem 404 where there is none."""
    files = {file.name for file in workspace.inside(name)}
    for comparison, wanted in ((False, REPORT[:2]), (True, COMPARISON)):
        if files >= {*wanted}:
            return next(_reports(workspace, name, comparison))
    raise Problem(404, "not-found", f"There is no report of the name {name}: GET /api/reports lists those that there are.")


def _reports(workspace: Workspace, name: str, comparison: bool) -> Iterator[dict[str, Any]]:
    """One, or none where it goes away meanwhile."""
    files = COMPARISON if comparison else REPORT
    with suppress(Problem):
        folder = str(workspace.folder(name, checkpoints=False, only=READ))
        made = next((file.modified for file in workspace.inside(name) if file.name == files[1]), 0.0)
        yield {"name": name, "folder": folder, "comparison": comparison, "made": moment(made)}
