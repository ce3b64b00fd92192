"""Steps per second of two processes of one thread beside one: python benchmarks/training_processes.py [--rounds 3] [--cpu]

Both train the same network on the same data (patients: pbc2, and a simulated cohort of 2,000 patients of up to 60 visits;
pictures: digits at 8 x 8, and at 32 x 32), with the batch of the recipe, and reach the same weights up to rounding. What is
timed are whole steps of the loop without what happens seldom (judging, checkpoints): drawing, network, averaging, update.
With --cpu it is the time of the processor that is counted, which says more on a machine that does something else too.

The sides take turns; medians of the rounds. Where a step goes is shown too: what of it does not get less with more processes
is the update of the weights, which each does alone, and the averaging, in which it also waits for the other.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import torch

from machine import describe
from reverie.config import resolve
from reverie.models.model import untrained
from reverie.records import read_table
from reverie.records.cohort import simulate_art4hiv
from reverie.sources import ImageSource, TableSource
from reverie.training import Budget, TrainingState, crew, denoising, processes
from reverie.training.crew import Task
from reverie.training.updates import plain

WARM = 5
"""Steps before any is timed."""


def source_of(name: str) -> Any:
    match name:
        case "patients (pbc2)":
            return TableSource(read_table("pbc2"))
        case "patients (2,000)":
            return TableSource(read_table(simulate_art4hiv(2000, 60), identifier="PatientID", time="Timestep"))
        case "pictures (8 x 8)":
            return ImageSource.read("digits")
    return ImageSource.read("digits", size=32)


SUBJECTS = ("patients (pbc2)", "patients (2,000)", "pictures (8 x 8)", "pictures (32 x 32)")


def timed(data: Mapping[str, Any], tell: Any) -> dict[str, float]:
    """Seconds of a step, and of its parts, in this process."""
    torch.set_num_threads(1)
    now = time.process_time if data["cpu"] else time.perf_counter
    source = source_of(data["subject"])
    config = resolve(source.about, 0, source.recipe, {})
    parts = source.split(config)
    codec = source.fit_codec(config, parts, lambda sentence: None)
    train, _ = source.examples(config, parts, codec)
    update = denoising(untrained(config, codec.channels), train, config.training, 0, torch.device("cpu"))
    spent: dict[str, float] = defaultdict(float)

    def clocked(name: str, call: Any) -> Any:
        def clock(*arguments: Any, **options: Any) -> Any:
            began = now()
            try:
                return call(*arguments, **options)
            finally:
                spent[name] += now() - began

        return clock

    plain.drawn = clocked("drawing", plain.drawn)
    processes.average = clocked("averaging", processes.average)
    TrainingState.take_step = clocked("update", TrainingState.take_step)
    state = update.begin(Budget(((0, 1_000_000),)))
    began, steps = 0.0, 0
    while not (steps and processes.any_of(int(now() - began > data["seconds"]), update.device)):
        if state.step == WARM:
            began, steps = now(), 0
            spent.clear()
        update.step(state)
        state.step += 1
        steps += state.step > WARM
    whole = now() - began
    return {"step": whole / steps, **{name: seconds / steps for name, seconds in spent.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 2])
    asked = parser.parse_args()
    print(describe())
    names = f"{'step ms':>8s} {'drawing':>8s} {'network':>8s} {'averaging':>9s} {'update':>7s} {'times':>6s}"
    print(f"{'':20s} {'processes':>9s} {names}")
    for subject in SUBJECTS:
        found: dict[int, list[dict[str, float]]] = defaultdict(list)
        for _ in range(asked.rounds):
            for count in asked.counts:
                task = Task(
                    "training_processes:timed", {"subject": subject, "seconds": asked.seconds, "cpu": asked.cpu}, "cpu"
                )
                found[count].append(crew.together(task, count, print))
        middle = {
            count: {name: 1e3 * statistics.median(each[name] for each in rounds) for name in rounds[0]}
            for count, rounds in found.items()
        }
        first = middle[asked.counts[0]]["step"]
        for count, at in middle.items():
            network = at["step"] - at["drawing"] - at["averaging"] - at["update"]
            numbers = f"{at['step']:8.1f} {at['drawing']:8.1f} {network:8.1f} {at['averaging']:9.1f} {at['update']:7.1f}"
            print(f"{subject:20s} {count:9d} {numbers} {first / at['step']:6.2f}", flush=True)


if __name__ == "__main__":
    main()
