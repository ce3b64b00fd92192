"""What another runtime is worth: python benchmarks/runtimes.py

One call of a network for a batch, by torch in fp32, by torch in the precision that this processor multiplies fastest, and by
ONNX Runtime in fp32, in turns on the same states; the largest difference from torch in fp32; and how long the
graph takes to make. Pictures of 28 x 28, 64 at a time; patients of 8 visits and 40 channels, 256 at a time.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import nn

from machine import describe
from reverie.config import Source, resolve
from reverie.denoisers.onnx import answered_by, graph_of
from reverie.models.model import untrained
from reverie.training.hardware import autocast_dtype, automatic_precision

CASES = {"pictures": (64, 1, 28), "pictures-small": (64, 1, 28), "records": (256, 40, 8)}


def timed(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The median seconds of each call, taken in turns."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds + 1):
        for name, call in calls.items():
            began = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(each[1:]) for name, each in seconds.items()}


def compare(recipe: str, rounds: int) -> None:
    batch, channels, length = CASES[recipe]
    config = resolve(Source(name="noise"), 0, recipe, {})
    network = untrained(config, channels)
    network.module.eval()
    torch.manual_seed(0)
    for weight in network.module.parameters():
        if not weight.any():
            nn.init.normal_(weight, std=0.02)  # layers that begin at zero would hide what is before them
    shape, condition = config.network.example(batch, channels, length)
    x, half = torch.randn(shape), autocast_dtype(automatic_precision(torch.device("cpu")), torch.device("cpu"))
    began = time.perf_counter()
    other = answered_by(graph_of(network, config.network, shape[1:]), network, config.network)
    making = time.perf_counter() - began
    usual = replace(network, autocast=half)
    with torch.no_grad():
        gap = float((network(x, 500, condition).clean - other(x, 500, condition).clean).abs().max())
        calls = {"fp32": network, "usual": usual, "onnx": other}
        seconds = timed({name: lambda n=n: n(x, 500, condition) for name, n in calls.items()}, rounds)
    ratio = seconds["fp32"] / seconds["onnx"]
    milliseconds = "  ".join(f"{name} {1000 * each:7.1f} ms" for name, each in seconds.items())
    print(f"{recipe:15} {milliseconds}   fp32 / onnx {ratio:.2f}   largest difference {gap:.1e}   graph {making:.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--recipes", nargs="*", default=list(CASES), choices=list(CASES))
    told = parser.parse_args()
    print(describe())
    for recipe in told.recipes:
        compare(recipe, told.rounds)


if __name__ == "__main__":
    main()
