"""Several processes: the weights of one up to rounding, a share of the work and a device each, ends that lose nothing."""

from __future__ import annotations

import multiprocessing.forkserver
import signal
from collections.abc import Iterator
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from reverie.errors import ReverieError, UsageError
from reverie.training import Batch, crew, processes
from reverie.training.crew import Task, outcome
from reverie.training.processes import Place, joined, own_device

KINDS = ["records", "pictures", "autoencoder", "private"]


@pytest.fixture(scope="module", autouse=True)
def chores() -> Iterator[ModuleType]:
    """What the processes do; they begin with all that they need loaded, so in no time."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["reverie.planning.together", "torch.utils.tensorboard", "opacus.accountants"])
    multiprocessing.forkserver.ensure_running()
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent))
        yield import_module("group_chores")


def together(count: int, chore: str, hear=lambda message: None, **data: Any) -> Any:
    return crew.together(Task(f"group_chores:{chore}", data, "cpu"), count, hear)


@pytest.fixture(scope="module")
def trainings(chores) -> dict[tuple[int, int], dict[str, Any]]:
    """By the number of processes and that of parts, the same trainings."""
    cuts = [(1, 1), (1, 4), (2, 1), (3, 2)]
    return {
        (n, parts): (
            chores.trained({"kinds": KINDS, "accumulate": parts})
            if n == 1
            else together(n, "trained", kinds=KINDS, accumulate=parts)
        )
        for n, parts in cuts
    }


@pytest.mark.parametrize("kind", KINDS)
def test_the_weights_do_not_depend_on_how_many_compute_them_or_in_how_many_parts(trainings, kind: str) -> None:
    """In float64, with dropout, mirrors, blends and uneven shares: to ten digits, or to those of float32 where a part of the
    computation is in it (clipping patients)."""
    one = trainings[1, 1][kind]
    tolerance = 1e-7 if kind == "private" else 1e-10
    for cut, others in trainings.items():
        other = others[kind]
        ours, theirs = (torch.tensor(each["weights"], dtype=torch.float64) for each in (one, other))
        assert (ours - theirs).abs().max() < tolerance, cut
        assert other["loss"] == pytest.approx(one["loss"], abs=1e-9), cut
        assert other["aside"] == pytest.approx(one["aside"], abs=1e-9), cut
    assert kind != "records" or len(one["aside"]) == 1


def test_each_process_reads_its_share_of_the_examples_and_the_blocks_at_its_edges(chores, trainings) -> None:
    """A batch of 80 in blocks of 32: rows 0-39 lie in the first two, 40-79 in the last two; one of them is drawn twice."""
    batches = chores.STEPS + 1  # and one that is looked at before
    for kind in ("records", "pictures"):
        assert trainings[1, 1][kind]["asked"] == [80 * batches]
        assert trainings[2, 1][kind]["asked"] == [64 * batches, 48 * batches]
        assert trainings[3, 2][kind]["asked"] == [32 * batches, 64 * batches, 48 * batches]


def test_gradients_are_the_mean_of_what_is_measured_and_none_where_nobody_has_one() -> None:
    gradients, numbers = together(2, "averaged").values()
    assert gradients == [pytest.approx([2 / 3, 2 / 3]), pytest.approx([1 / 3, 1 / 3]), None]
    assert numbers == {"loss": pytest.approx(20 / 3)}


def test_the_directions_of_muon_are_found_by_one_process_each_to_the_bits_of_one(chores) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chores.muon, "orthogonal", chores.muon.orthogonal)
        one = chores.directions({}, None)
    two = together(2, "directions")
    assert two["weights"] == one["weights"]
    assert one["found"] == [8.0] and two["found"] == [4.0, 4.0]  # two of one shape are found by one, the two others by one


def test_processes_know_whether_they_say_the_same() -> None:
    assert together(3, "agreed") == [True, False]


def test_rows_are_cut_into_neighbours_as_even_as_can_be() -> None:
    for count, parts in ((40, 3), (7, 7), (128, 16), (5, 2)):
        found = processes.cut(range(10, 10 + count), parts)
        assert found[0].start == 10 and found[-1].stop == 10 + count
        assert all(a.stop == b.start for a, b in pairwise(found))
        assert max(map(len, found)) - min(map(len, found)) <= 1


def test_a_batch_smaller_than_the_group_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "world", lambda: 4)
    with pytest.raises(
        UsageError, match="a batch of 6 is too small for 4 processes, each in 2 parts: set batch to 8 or more"
    ):
        processes.share(6, 2)
    with pytest.raises(
        UsageError, match="a batch of 3 is too small for 4 processes: set batch to 4 or more, or start fewer"
    ):
        processes.share(3)


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "model.safetensors")


def test_a_run_goes_on_with_another_number_of_processes_to_the_same_weights(tmp_path: Path) -> None:
    def go_on(name: str, count: int, stop: int | None = None) -> None:
        data = {"out": str(tmp_path / name), "steps": 6, "stop": stop}
        if stop is None:
            assert together(count, "stopped", **data) == {}
            return
        with pytest.raises(ReverieError, match=f"stopped at step {stop} of 6, saved") as ended:
            together(count, "stopped", **data)
        assert ended.value.exit_code == 143

    go_on("whole", 2)
    go_on("broken", 2, stop=3)  # by SIGTERM to the second process alone
    assert [path.name for path in (tmp_path / "broken/checkpoints").iterdir()] == ["step-3"]
    go_on("broken", 2)
    assert (tmp_path / "broken/model.safetensors").read_bytes() == (tmp_path / "whole/model.safetensors").read_bytes()
    for count, stop in ((2, 2), (1, 4), (2, None)):
        go_on("changed", count, stop)
    for name, value in weights(tmp_path / "whole").items():
        torch.testing.assert_close(weights(tmp_path / "changed")[name], value, atol=2e-5, rtol=1e-3)


@pytest.mark.parametrize(
    ("data", "words", "code"),
    [
        ({"rank": 1}, "row 3 of visits.csv has no patient: give it one", 3),
        ({"rank": 1, "killed": True}, "process 2 of 2 was ended from outside.*go on with --resume", 1),
    ],
)
def test_what_ends_one_process_ends_all_and_is_said_once(data, words: str, code: int) -> None:
    with pytest.raises(ReverieError, match=words) as ended:
        together(2, "refused", **data)
    assert ended.value.exit_code == code


def test_the_first_process_is_heard_and_makes_the_result() -> None:
    heard: list[Any] = []
    assert together(2, "refused", heard.append, rank=7) == {"rank": 0}
    assert heard == [{"say": "all is well"}]


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A machine of four CUDA devices, as far as it is asked; and what is done to them and to the group."""
    done: list[Any] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: done.append(device))
    monkeypatch.setattr(processes.dist, "init_process_group", lambda backend, **how: done.append((backend, how["rank"])))
    monkeypatch.setattr(processes.dist, "destroy_process_group", lambda: done.append("left"))
    return done


@pytest.mark.parametrize("name", ["auto", "cuda"])
def test_each_process_takes_the_device_of_its_local_rank(cuda, name: str) -> None:
    taken = [own_device(name, Place(4 + local, 8, local, 4)) for local in range(4)]
    assert taken == [torch.device("cuda", local) for local in range(4)]
    with joined(Place(6, 8, 2, 4, "tcp://first:29500"), name):
        assert processes.local_world() == 4
    assert cuda == [torch.device("cuda", 2), ("nccl", 6), "left"] and processes.local_world() == 1


def test_a_process_that_has_the_machine_for_itself_takes_the_device_that_is_named(cuda) -> None:
    assert own_device("cuda:3", Place(1, 2, 0, 1)) == torch.device("cuda:3")
    assert own_device("cpu", Place(1, 8, 7, 8)) == torch.device("cpu")
    assert own_device("auto", Place()) == torch.device("cuda")  # alone: the one that is current


@pytest.mark.parametrize(
    ("name", "place", "words"),
    [
        ("cuda:1", Place(0, 2, 0, 2), "device=cuda:1 is one device for 2 processes on this machine: leave it out"),
        ("auto", Place(0, 8, 0, 8), "8 processes were started on this machine, which has 4 CUDA devices: start 4, or set"),
        ("cuda", Place(5, 6, 5, 1), "6 processes were started on this machine, which has 4 CUDA devices"),
        ("cuda:9", Place(0, 2, 0, 1), "'cuda:9' was asked for, but this machine has 4 CUDA devices"),
    ],
)
def test_devices_that_do_not_suffice_are_refused(cuda, name: str, place: Place, words: str) -> None:
    with pytest.raises(UsageError, match=words), joined(place, name):
        pass
    assert cuda == []


def test_a_place_is_what_torchrun_says() -> None:
    said = {
        "RANK": "5",
        "WORLD_SIZE": "8",
        "LOCAL_RANK": "1",
        "LOCAL_WORLD_SIZE": "4",
        "MASTER_ADDR": "a",
        "MASTER_PORT": "1",
    }
    assert Place.of(said) == Place(5, 8, 1, 4)
    assert Place.of({name: said[name] for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")}) == Place(5, 8, 0, 1)
    assert Place.of({}) is None and Place.of({"RANK": "3"}) is None
    with pytest.raises(UsageError, match="WORLD_SIZE is 'many', and torchrun sets it to a number"):
        Place.of(said | {"WORLD_SIZE": "many"})


def test_a_meeting_that_does_not_come_about_is_said_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*_: Any, **__: Any) -> None:
        raise processes.dist.DistStoreError("Timed out after 1 seconds waiting for clients. 1/2 clients joined.")

    monkeypatch.setattr(processes.dist, "init_process_group", late)
    words = r"the 2 processes of this training did not come together at tcp://far:1 \(Timed out.*see that each machine"
    with pytest.raises(ReverieError, match=words), joined(Place(1, 2, 0, 1, "tcp://far:1"), "cpu"):
        pass


def test_a_stop_is_passed_on(tmp_path: Path) -> None:
    """SIGTERM to who waits ends all of them, saved."""

    def hear(message: dict[str, Any]) -> None:
        signal.raise_signal(signal.SIGTERM)

    with pytest.raises(ReverieError, match=r"stopped at step \d+ of 1000000, saved") as ended:
        together(2, "told", hear, out=str(tmp_path / "run"), steps=1_000_000)
    assert ended.value.exit_code == 143 and len(list((tmp_path / "run/checkpoints").iterdir())) == 1


def test_padded_parts_are_the_whole() -> None:
    parts = [Batch(torch.ones(2, 3, 1), torch.ones(2, 3, 1)), Batch(2 * torch.ones(1, 5, 1), torch.ones(1, 5, 1))]
    whole = Batch.joined(parts)
    assert whole.x_0[..., 0].tolist() == [[1, 1, 1, 0, 0]] * 2 + [[2] * 5]
    assert whole.measured == sum(part.measured for part in parts)


def test_the_cause_is_told_not_that_the_others_came_in_vain() -> None:
    cause, vain = {"error": "row 3", "exit_code": 3}, {"error": "did not come together", "exit_code": 1, "apart": True}
    for ends in ([vain, cause], [cause, vain]):
        with pytest.raises(ReverieError, match="row 3") as ended:
            outcome(ends)
        assert ended.value.exit_code == 3
    with pytest.raises(ReverieError, match="process 2 of 2 was ended from outside"):
        outcome([vain, None])
    with pytest.raises(ReverieError, match="did not come together"):
        outcome([vain, vain])
