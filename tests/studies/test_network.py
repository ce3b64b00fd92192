"""The trace of a network is of a real pass, and its weights are those of the network."""

from __future__ import annotations

import itertools
import json
import sys

import pytest
from typer.testing import CliRunner

from reverie.cli.study import app
from reverie.errors import UsageError
from reverie.studies import network

SMALL = {"network.width": 16, "network.embedding": 8}


@pytest.mark.parametrize("length", [1, 5, 60])
def test_the_series_network_halves_its_length_and_comes_back_to_it(length: int) -> None:
    study = network("health-gym", 6, length, SMALL)
    lengths = [length]
    for _ in range(3):
        lengths.append(-(-lengths[-1] // 2))
    seen = {row.layer: row.shape for row in study.rows}
    assert study.entering == (1 + length, 6)
    assert seen["enter"] == (length, 16) and study.rows[-1].layer == "leave" and seen["leave"] == (length, 6)
    for i, (fine, coarse) in enumerate(itertools.pairwise(lengths)):
        assert seen[f"down.{i}"] == seen[f"up.{2 - i}"] == (fine, 16)
        assert seen[f"shrink.{i}"] == (coarse, 16) and seen[f"grow.{2 - i}"] == (2 * coarse, 16)


def test_at_the_published_constants_the_trace_has_the_published_weights() -> None:
    study = network()
    assert study.weights == 7_373_334 and sum(row.weights for row in study.rows) == study.weights  # published: 7.4 M


@pytest.mark.parametrize(
    ("recipe", "channels", "length", "first", "last"),
    [("records", 7, 4, (5, 32), (5, 7)), ("pictures", 1, 9, (32, 9, 9), (1, 9, 9))],
)
def test_the_other_networks_are_traced_too(
    recipe: str, channels: int, length: int, first: tuple[int, ...], last: tuple[int, ...]
) -> None:
    study = network(recipe, channels, length, {"network.width": 32})
    shapes = [row.shape for row in study.rows]
    assert first in shapes[:2] and shapes[-1] == last
    assert sum(row.weights for row in study.rows) == study.weights


def test_the_command_prints_what_the_library_says() -> None:
    told = ["--recipe", "health-gym", "--channels", "6", "--length", "9", "--set", "network.width=16"]
    study = network("health-gym", 6, 9, {"network.width": 16})
    reply = CliRunner().invoke(app, ["network", *told, "--json"])
    assert json.loads(reply.stdout) == study.reply()
    text = CliRunner().invoke(app, ["network", *told]).stdout
    assert "9 x 16" in text and f"{study.weights:,}" in text


def test_what_cannot_be_traced_is_refused() -> None:
    with pytest.raises(UsageError, match="health-gym"):
        network("health-gim")
    with pytest.raises(UsageError, match="above 0"):
        network(length=0)
    with pytest.raises(UsageError, match=r"network\.width"):
        network(settings={"network.widht": 3})


def test_a_pass_that_memory_does_not_hold_is_refused_in_one_sentence(monkeypatch) -> None:
    def full(*_: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8800000088 bytes")

    monkeypatch.setattr(sys.modules[network.__module__], "_pass", full)
    with pytest.raises(UsageError, match=r"a length of 5 takes more memory than there is: take a smaller `length`"):
        network("health-gym", 6, 5, SMALL)
