"""How good synthetic linked tables are: python benchmarks/linked_quality.py FOLDER [--seeds 1] [--minutes M]

For each seed half of the patients of FOLDER train a model (reverie train FOLDER, reverie sample), half are held out, and as
many patients as were trained on are made. Of each kind of measure across tables stands the share that is within the spread
of held-out patients (no farther than theirs by more than two deviations of chance), and the mean distance; beside it the
same of held-out patients in the place of synthetic ones (half of them, the others still held out) and of shuffled ones.
Then what a classifier and a membership attack reach over all tables, and how many rows break a key or a rule.

    python benchmarks/linked_quality.py --score TRAIN HOLDOUT SYNTHETIC       scores folders, without any model
    python benchmarks/linked_quality.py FOLDER --peer argn=/tmp/ar/bin/python     others too, by linked_peer.py, which says
                                                                                  which, each in an environment of its own
    python benchmarks/linked_quality.py --for-peers TRAIN OUT                     TRAIN as linked_peer.py takes it
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from machine import describe
from reverie.evaluation import privacy
from reverie.evaluation.linked import Hospital, Plan, Sides
from reverie.evaluation.linked.logic import integrity
from reverie.evaluation.linked.single import of_tables
from reverie.evaluation.linked.whole import whole
from reverie.records.linked import LinkedTables, read_linked
from reverie.reports.parts import attempted

Column = dict[str, float]

KINDS = {
    "rows for each row": ("children",),
    "when, and where in a stay": ("delay", "place", "begin", "start", "hour"),
    "gaps and durations": ("gap", "panel", "duration"),
    "how common codes are": ("code", "carried", "occur"),
    "codes together": ("pairs",),
    "what follows on what": ("next", "order"),
    "values by test, and their changes": ("value", "change"),
}
SPREAD = 2.0
"""Deviations of chance."""


def halves(tables: LinkedTables, seed: int) -> tuple[LinkedTables, LinkedTables]:
    """Two random halves of the patients, with all that is theirs."""
    hospital = Hospital.read(tables, Plan.of([tables]), tables.name)
    order = np.random.default_rng(seed).permutation(len(hospital))
    middle = len(order) // 2
    return hospital.of(np.sort(order[:middle])), hospital.of(np.sort(order[middle:]))


def score(train: LinkedTables, holdout: LinkedTables, synthetic: LinkedTables, seed: int, floor: bool = False) -> Column:
    """The column of one maker; or, with `floor`, that of the real patients with every column shuffled."""
    sides = Sides.read(train, holdout, synthetic, seed)
    found: Column = {}
    inside = []
    for name, kinds in KINDS.items():
        scores = {k: s for k, s in sides.scores.items() if k[0] in kinds and np.isfinite(s.ceiling) and s.chance > 0}
        values = {key: score.floor if floor else score.value for key, score in scores.items()}
        ideal = {key: 1.0 if key[0] == "occur" else 0.0 for key in scores}
        near = [
            abs(values[key] - ideal[key]) - abs(score.ceiling - ideal[key]) <= SPREAD * score.chance
            for key, score in scores.items()
        ]
        inside += near
        if near:
            found[f"{name}: within the spread of held-out"] = float(np.mean(near))
            found[f"{name}: distance"] = float(np.mean([abs(values[key] - ideal[key]) for key in scores]))
    found["all of these: within the spread of held-out"] = float(np.mean(inside))
    if floor:
        return found
    for area in (integrity, whole, privacy.membership, privacy.adversarial):
        section = attempted(area, sides)
        if isinstance(section, str):
            continue
        for m in section.measures:
            if m.value is not None and ".rule." not in m.name:
                found[m.title] = m.value
    judged = [
        m.verdict
        for area in of_tables(sides.plan)
        if not isinstance(section := attempted(area, sides), str)
        for m in section.measures
        if m.verdict != "unknown"
    ]
    found["each table by itself: measures that are fine"] = judged.count("fine") / max(len(judged), 1)
    return found


def written(tables: LinkedTables, folder: Path) -> Path:
    """As files of Parquet."""
    folder.mkdir(parents=True)
    for name, frame in tables.frames.items():
        frame.write_parquet(folder / f"{name}.parquet")
    (folder / ".schema.json").write_text(tables.schema.model_dump_json())
    return folder


def ours(train: Path, out: Path, count: int, seed: int, minutes: float | None) -> tuple[float, float]:
    """Seconds of the fit and of sampling, by the command line."""
    run = [sys.executable, "-m", "reverie"]
    budget = [] if minutes is None else ["--minutes", str(minutes)]
    fitted = _timed([*run, "train", str(train), "--out", str(out / "run"), "--seed", str(seed), "--holdout", "0", *budget])
    made = ["sample", str(out / "run"), "--count", str(count), "--seed", str(seed), "--out", f"{out / 'made'}/"]
    return fitted, _timed([*run, *made])


def peer(maker: str, python: str) -> Callable[[Path, Path, int, int, float | None], tuple[float, float]]:
    """One of the makers of linked_peer.py, which tells its own seconds."""

    def make(train: Path, out: Path, count: int, seed: int, minutes: float | None) -> tuple[float, float]:
        script = Path(__file__).with_name("linked_peer.py")
        budget = [] if minutes is None else [str(minutes)]
        command = [python, script, maker, train, out / "made", str(seed), *budget]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        told = json.loads(done.stdout.splitlines()[-1])
        return told["fit"], told["sample"]

    return make


def _timed(command: Iterable[str]) -> float:
    clock = time.perf_counter()
    subprocess.run([*command], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - clock


def one(tables: LinkedTables, seed: int, minutes: float | None, peers: dict[str, str], folder: Path) -> dict[str, Column]:
    """All columns of the table for one seed."""
    train, holdout = halves(tables, seed)
    first, second = halves(holdout, seed)
    columns = {"held-out": score(train, first, second, seed), "shuffled": score(train, holdout, holdout, seed, floor=True)}
    makers = {"reverie": ours} | {maker: peer(maker, python) for maker, python in peers.items()}
    source = written(train, folder / "train")
    for name, make in makers.items():
        out = folder / name
        out.mkdir()
        try:
            fitted, sampled = make(source, out, len(train), seed, minutes)
            made = read_linked(out / "made", train.schema, name)
        except (subprocess.CalledProcessError, ValueError) as error:
            lines = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
            print(f"{name} made nothing: {next((line for line in lines if 'Error' in line), lines[-1])}", file=sys.stderr)
            continue
        rows = sum(frame.height for frame in made.frames.values())
        columns[name] = score(train, holdout, made, seed) | {"fit, seconds": fitted, "rows a second": rows / sampled}
    return columns


def markdown(runs: list[dict[str, Column]]) -> str:
    """Mean and deviation over the seeds."""
    names = list(dict.fromkeys(name for run in runs for name in run))
    lines = [f"| measure | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for measure in dict.fromkeys(m for run in runs for name in reversed(names) for m in run.get(name, {})):
        cells = []
        for name in names:
            values = [run[name][measure] for run in runs if measure in run.get(name, {})]
            spread = f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
            cells.append(f"{np.mean(values):.3f}{spread}" if values else "")
        lines.append(f"| {measure} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--score", nargs=3, metavar=("TRAIN", "HOLDOUT", "SYNTHETIC"))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--tables", help="these tables alone, with commas between: HMA refuses more than five")
    parser.add_argument("--for-peers", nargs=2, metavar=("TRAIN", "OUT"))
    parser.add_argument("--peer", action="append", default=[], metavar="MAKER=PYTHON", help="of an environment that has it")
    asked = parser.parse_args()
    peers = dict(each.split("=", 1) for each in asked.peer)
    if asked.for_peers:
        written(read_linked(asked.for_peers[0]), Path(asked.for_peers[1]))
        return
    print(describe())
    if asked.score:
        train = read_linked(asked.score[0])
        holdout, made = (read_linked(folder, train.schema) for folder in asked.score[1:])
        first, second = halves(holdout, 0)
        runs = [{"held-out": score(train, first, second, 0), "synthetic": score(train, holdout, made, 0)}]
    elif asked.folder:
        tables = read_linked(asked.folder)
        if asked.tables:
            tables = read_linked({name: tables.frames[name] for name in asked.tables.split(",")}, name=tables.name)
        with tempfile.TemporaryDirectory() as place:
            runs = [one(tables, seed, asked.minutes, peers, Path(place) / str(seed)) for seed in range(asked.seeds)]
    else:
        parser.error("name a folder of linked tables, or three with --score")
    print(markdown(runs))


if __name__ == "__main__":
    main()
