"""Reports of several runs in one table: a row for each measure that two of them have, a column for each run.

The nearest to its own ceiling (to the ideal, where there is none) is marked; runs that were judged against other held-out
patients have other ceilings, so distances are compared and not values.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reverie.errors import DamagedError, UsageError
from reverie.files import write_atomically
from reverie.reports.html import page

__all__ = ["FILES", "Comparison", "compare"]

FILES = ("comparison.html", "comparison.json")
REPORT = "report.json"


@dataclass(frozen=True, eq=False)
class Comparison:
    """What several reports say of the same measures.

    Attributes:
        runs: their names, all different.
        reports: the JSON of each.
    """

    runs: tuple[str, ...]
    reports: tuple[Mapping[str, Any], ...]

    def json(self) -> dict[str, Any]:
        """{"runs": [...], "verdicts": {run: ...}, "measures": [{"name", "title", "unit", "best", "of": {run: {...}}}]}"""
        verdicts = {run: report["verdict"] for run, report in zip(self.runs, self.reports, strict=True)}
        return {"runs": list(self.runs), "verdicts": verdicts, "measures": self._rows()}

    def _rows(self) -> list[dict[str, Any]]:
        sections = {m["name"]: s["title"] for report in self.reports for s in report["sections"] for m in s["measures"]}
        by_run = [{m["name"]: m for s in report["sections"] for m in s["measures"]} for report in self.reports]
        rows = []
        for name in dict.fromkeys(name for measures in by_run for name in measures):
            of = {run: measures.get(name) for run, measures in zip(self.runs, by_run, strict=True)}
            both = {run: m for run, m in of.items() if m}
            if len(both) > 1:
                first = next(iter(both.values()))
                row = {"name": name, "title": first["title"], "section": sections[name], "unit": first["unit"]}
                numbers = {run: m and {key: m[key] for key in KEPT} for run, m in of.items()}
                rows.append(row | {"best": _best(both), "of": numbers})
        return rows

    def html(self) -> str:
        """The page, one file that needs no other."""
        content = self.json()
        sections: dict[str, list[dict[str, Any]]] = {}
        for row in content["measures"]:
            sections.setdefault(row["section"], []).append(row)
        return page(
            "comparison.html.j2",
            f"{len(self.runs)} reports side by side",
            ", ".join(self.runs),
            runs=self.runs,
            verdicts=content["verdicts"],
            sections=sections,
        )

    def save(self, folder: str | Path) -> Path:
        """Writes comparison.html and comparison.json."""
        folder = Path(folder)
        write_atomically(folder / FILES[0], self.html())
        write_atomically(folder / FILES[1], json.dumps(self.json(), indent=1, allow_nan=False) + "\n")
        return folder


KEPT = ("value", "n", "interval", "deviation", "ceiling", "ceiling_deviation", "floor", "ideal", "verdict")


def compare(folders: Sequence[str | Path], names: Sequence[str] | None = None) -> Comparison:
    """The comparison of the reports in these folders (or of the JSON files named).

    Args:
        names: what the runs are called, all different; as much of their folders as tells them apart if left out.

    Raises UsageError for fewer than two, or where there is no report; DamagedError for a file that is none.
    """
    if len(folders) < 2:
        raise UsageError("a comparison is of two reports or more: name two run folders.")
    paths = [Path(folder) / REPORT if Path(folder).is_dir() else Path(folder) for folder in folders]
    reports = []
    for path, folder in zip(paths, folders, strict=True):
        if not path.is_file():
            raise UsageError(f"{folder} holds no {REPORT}: make its report first.")
        try:
            report = json.loads(path.read_text())
            _ = [m["name"] for s in report["sections"] for m in s["measures"]], report["verdict"]["headline"]
        except (ValueError, KeyError, TypeError) as error:
            raise DamagedError(f"{path} is not a report that Reverie wrote: make it again.") from error
        reports.append(report)
    return Comparison(_names(paths) if names is None else tuple(names), tuple(reports))


def _names(paths: Sequence[Path]) -> tuple[str, ...]:
    """The folders' last names, or as much of their paths as tells them apart."""
    parts = [path.resolve().parent.parts for path in paths]
    for depth in range(1, max(map(len, parts)) + 1):
        names = ["/".join(part[-depth:]) for part in parts]
        if len(set(names)) == len(names):
            return tuple(names)
    return tuple(f"{path} ({i + 1})" for i, path in enumerate(paths))


def _best(by_run: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Which run's value lies nearest to its own ceiling, or ideal; None where that cannot be said or all are equal."""
    ways = {}
    for run, m in by_run.items():
        reference = m["ceiling"] if m["ceiling"] is not None else m["ideal"]
        if m["value"] is None or reference is None:
            return None
        ideal = reference if m["ideal"] is None else m["ideal"]
        ways[run] = max(abs(m["value"] - ideal) - abs(reference - ideal), 0.0)
    least = min(ways.values())
    best = [run for run, way in ways.items() if way == least]
    return best[0] if len(best) < len(ways) else None
