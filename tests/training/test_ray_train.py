"""A training by actors of a cluster of Ray: the bits of as many processes here, and ends that are said in a sentence."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from reverie.errors import ReverieError, UsageError
from reverie.shards.ray import Ray
from reverie.training import crew, ray_train
from reverie.training.crew import Task

HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "src"


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """One of two cores on this machine, for all of these."""
    if find_spec("ray") is None:
        pytest.skip("ray is not installed: pip install 'reverie[distributed]'")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(HERE))
        patch.setenv("PYTHONPATH", f"{HERE}{os.pathsep}{SOURCE}")
        with Ray(None, 2).connected() as ray:
            patch.setattr(Ray, "connected", lambda self: nullcontext(ray))
            yield


def task(chore: str, **data: Any) -> Task:
    return Task(f"group_chores:{chore}", data, "cpu")


def test_two_actors_train_to_the_bits_of_two_processes_and_the_first_is_heard(cluster, tmp_path: Path) -> None:
    heard: dict[str, list[Any]] = {"here": [], "there": []}
    for name, together in (("here", crew.together), ("there", ray_train.together)):
        together(task("stopped", out=str(tmp_path / name), steps=3), 2, heard[name].append)
    there, here = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("there", "here"))
    assert there == here
    assert heard["there"] == heard["here"] == [{"say": "step 3"}]


def test_where_an_actor_is_lost_all_end_and_it_is_said(cluster) -> None:
    with pytest.raises(ReverieError, match=r"process 2 of 2 was ended from outside.*go on with --resume"):
        ray_train.together(task("refused", rank=1, killed=True), 2, lambda message: None)


def test_more_processes_than_the_cluster_has_cores_are_refused(cluster) -> None:
    with pytest.raises(UsageError, match="the cluster has 2 CPUs for 3 processes: start fewer"):
        ray_train.together(task("refused", rank=7), 3, print)
