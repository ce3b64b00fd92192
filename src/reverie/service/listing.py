"""What the workspace holds, as lines of lists: the trained runs, and the reports on what they make.

    a run       of config.yaml and codec.json, remembered until these change, and of the end of metrics.jsonl
    a report    of what stands in its JSON before the numbers, which are most of it
    a run's     reports are those in its own folder, and those on weights with the SHA-256 in its manifest

No weights are read, and nothing that grows with them: a list of some hundred runs takes a moment.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from reverie.errors import DamagedError, ReverieError
from reverie.plain import plain

__all__ = ["COMPARISON", "READ", "REPORT", "models", "report", "reports", "small"]

REPORT = ("report.html", "report.json", "card.md")
COMPARISON = ("comparison.html", "comparison.json")
READ = ("config.yaml", "codec.json", "metrics.jsonl", "manifest.json", REPORT[1], COMPARISON[1])
"""The files of a run or a report that a list is made of."""
END = 2**14
"""Bytes at the end of the numbers of a run, in which the last losses stand."""
PIECE, LONGEST = 2**16, 2**24
"""Bytes of a report that are read at a time, and in which its numbers must have begun."""
LARGEST = 64_000_000
"""Bytes of the small files of a run."""

Line = dict[str, Any]


def models(root: str, runs: list[Line], reports: list[Line]) -> bytes:
    """A line for each run; of one that cannot be understood, the sentence that says why.

    `runs` and `reports` have the name and the folder of each, and what its files are (bytes, modified or made).
    """
    by_run: dict[str, list[Line]] = {}
    for each in _reports(root, runs, reports):
        for name in each["runs"] if each["kind"] == "report" else ():
            by_run.setdefault(name, []).append(each)
    lines = []
    for run in runs:
        newest = max(by_run.get(run["name"], ()), key=lambda each: each["made"], default=None)
        told = {"report": newest and newest["name"], "verdict": newest and newest["verdict"]["headline"]}
        lines.append(_run(root, run) | {k: v for k, v in run.items() if k != "folder"} | told)
    return _json({"models": lines})


def reports(root: str, runs: list[Line], reports: list[Line]) -> bytes:
    """A line for each report, newest first."""
    return _json({"reports": sorted(_reports(root, runs, reports), key=lambda each: each["made"], reverse=True)})


def report(root: str, runs: list[Line], reports: list[Line]) -> bytes:
    """The whole JSON of the one report, with its line."""
    (line,) = _reports(root, runs, reports)
    folder = Path(reports[0]["folder"])
    file = folder / (REPORT[1] if line["kind"] == "report" else COMPARISON[1])
    return _json({**line, "content": _whole(file)})


def _run(root: str, run: Line) -> Line:
    folder = Path(run["folder"])
    try:
        found = dict(_entry(str(folder), *map(_sign, (folder / "config.yaml", folder / "codec.json"))))
    except ReverieError as error:
        from reverie.service import problems

        return {"kind": None, "error": problems.of(error, Path(root)).detail}
    from reverie.training import metrics

    lines = metrics.read(folder, END)
    last = {key: line[key] for line in lines for key in ("loss", "loss_aside") if isinstance(line.get(key), int | float)}
    done = max((line["step"] for line in lines), default=0)
    return {**found, "done": done, "loss": last.get("loss"), "loss_aside": last.get("loss_aside")}


@lru_cache(2000)
def _entry(folder: str, *signs: tuple[int, ...]) -> Line:
    from reverie.models.card import entry

    return entry(small(folder), "")


def _reports(root: str, runs: list[Line], reports: list[Line]) -> list[Line]:
    """The reports, each with the runs that it is on, as far as they are here."""
    weights: dict[str, list[str]] = {}
    for run in runs:
        if digest := _weights(Path(run["folder"])):
            weights.setdefault(digest, []).append(run["name"])
    here = {run["name"] for run in runs}
    lines = []
    for each in reports:
        folder, name = Path(each["folder"]), each["name"]
        line = {"name": name, "made": each["made"]}
        file = folder / (COMPARISON if each["comparison"] else REPORT)[1]
        try:
            found = dict(_head(str(file), each["comparison"], _sign(file)))
        except DamagedError as error:
            from reverie.service import problems

            lines.append({**line, "kind": None, "runs": [], "error": problems.of(error, Path(root)).detail})
            continue
        if not each["comparison"]:
            digest = found.pop("weights")
            found["runs"] = [name] if name in here else weights.get(digest or "", [])
        lines.append({**line, **found})
    return lines


@lru_cache(2000)
def _head(file: str, comparison: bool, sign: tuple[int, ...]) -> Line:
    """What a list tells of a report. Raises DamagedError for what none wrote."""
    path = Path(file)
    told = _before(path, "measures" if comparison else "sections")
    try:
        if comparison:
            verdicts = {str(run): str(verdict["headline"]) for run, verdict in told["verdicts"].items()}
            return {"kind": "comparison", "runs": list(map(str, told["runs"])), "verdicts": verdicts}
        verdict, about = told["verdict"], told["about"]
        return {
            "kind": "report",
            "title": told["title"],
            "of": about["kind"],
            "summary": about["summary"],
            "verdict": {
                "headline": str(verdict["headline"]),
                "brief": verdict.get("brief"),
                **_said(verdict),
            },
            "cautions": told["cautions"],
            "weights": about.get("sha256 of the weights"),
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise _damaged(path) from error


def _said(verdict: Line) -> dict[str, list[str]]:
    return {kind: [str(text) for text in verdict[kind]] for kind in ("good", "not", "look", "open")}


def _before(path: Path, last: str) -> Line:
    """All that a JSON file of ours says before the entry `last`, which is its last one.

    It is written with an indent of one, and no text in it has a line's end: so that entry begins in one way alone.
    """
    mark, text = f'\n "{last}": '.encode(), b""
    try:
        with path.open("rb") as file:
            while mark not in text and len(text) < LONGEST and (piece := file.read(PIECE)):
                text += piece
        head, found, _ = text.partition(mark)
        told = json.loads(head.rstrip().removesuffix(b",") + b"}") if found else None
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(path) from error
    if not isinstance(told, dict):
        raise _damaged(path)
    return told


def _whole(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(path) from error


def small(folder: str) -> Path:
    """The folder of a run, if its small files are small. Raises DamagedError otherwise."""
    run = Path(folder)
    for file in ("config.yaml", "codec.json", "metrics.jsonl"):
        if (run / file).is_file() and (run / file).stat().st_size > LARGEST:
            raise DamagedError(f"{run / file} is larger than any that is written: remove it.")
    return run


def _weights(folder: Path) -> str | None:
    """The SHA-256 of a run's weights, as its manifest tells it; none where it is not trained."""
    try:
        return _digest(str(folder), _sign(folder / "manifest.json"))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


@lru_cache(2000)
def _digest(folder: str, sign: tuple[int, ...]) -> str:
    return str(json.loads((Path(folder) / "manifest.json").read_bytes())["files"]["model.safetensors"]["sha256"])


def _sign(path: Path) -> tuple[int, ...]:
    """What changes with a file."""
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_ino, status.st_size, status.st_mtime_ns


def _damaged(path: Path) -> DamagedError:
    return DamagedError(f"{path} is not a report that Reverie wrote: make it again.")


def _json(value: Any) -> bytes:
    return json.dumps(plain(value), allow_nan=False, separators=(",", ":")).encode()
