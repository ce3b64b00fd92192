"""Which folders of the workspace are runs and which are reports, told by their files, as `listing` takes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reverie.plain import moment
from reverie.service.jobs import Jobs
from reverie.service.listing import COMPARISON, READ, REPORT
from reverie.service.problems import Problem
from reverie.service.workspace import RUN, Entry, Workspace

__all__ = ["report_of", "reports_of", "runs_of"]

WEIGHTS = "model.safetensors"
TRAINING = ("training", "distillation")
"""Operations that make a run."""
KINDS = {False: REPORT[:2], True: COMPARISON}
"""The files by which a report is known, and a comparison of several."""


def runs_of(workspace: Workspace, jobs: Jobs | None = None) -> list[dict[str, Any]]:
    """The trained runs by their names; with `jobs` also what state each is in, and how large."""
    training = [(id, places) for id, about, places in jobs.held() if about["operation"] in TRAINING] if jobs else []
    found = []
    for name, folder, files in workspace.kept(RUN, READ):
        line: dict[str, Any] = {"name": name, "folder": str(folder)}
        if not files:  # it went away meanwhile
            continue
        if jobs:
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
        _report(name, folder, files, comparison)
        for comparison, wanted in KINDS.items()
        for name, folder, files in workspace.kept({*wanted}, READ)
    ]


def report_of(workspace: Workspace, name: str) -> dict[str, Any]:
    """The report of this name: the folder in which it stands. Raises Problem 404 where there is none."""
    files = workspace.inside(name)
    for comparison, wanted in KINDS.items():
        if {file.name for file in files} >= {*wanted}:
            return _report(name, workspace.folder(name, checkpoints=False, only=READ), files, comparison)
    raise Problem(404, "not-found", f"There is no report of the name {name}: GET /api/reports lists those that there are.")


def _report(name: str, folder: Path, files: list[Entry], comparison: bool) -> dict[str, Any]:
    made = next((file.modified for file in files if file.name == KINDS[comparison][1]), 0.0)
    return {"name": name, "folder": str(folder), "comparison": comparison, "made": moment(made)}
