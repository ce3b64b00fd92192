"""Reports: lists of them, and one."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from reverie.operations.request import Reply, example

__all__ = ["ReportList", "ReportReply"]

LINE = {
    "name": "runs/patients",
    "kind": "report",
    "runs": ["runs/patients"],
    "made": "2025-01-31T09:30:00.000+00:00",
    "title": "Report on synthetic patients: pbc2",
    "of": "patients",
    "summary": "225 synthetic patients beside 225 of the training and 62 held out. Seed 0.",
    "verdict": {
        "headline": "Holds up beside the real ones: logic.",
        "brief": {"realism": "Realism: holds up on logic."},
        "good": ["Rules that every real patient obeys: none is broken, and no value is one that cannot be."],
        "not": [],
        "look": [],
        "open": [],
    },
    "cautions": [],
}


class ReportList(Reply):
    """The reports of the workspace, the newest first."""

    model_config = example({"reports": [LINE]})

    reports: list[dict[str, Any]] = Field(
        description="kind is report, or comparison of several runs; `name` is the folder. One that cannot be understood has "
        "`error` and kind null."
    )


class ReportReply(Reply):
    """One report: its line of the list, and all of its numbers."""

    model_config = example({**LINE, "content": {"title": LINE["title"], "sections": []}})

    name: str
    kind: str
    runs: list[str]
    made: str
    content: dict[str, Any] = Field(description="As report.json, or comparison.json, has it.")
