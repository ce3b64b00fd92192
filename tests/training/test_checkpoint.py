"""Checkpoints: whole or named as damaged; a failed write costs nothing that was there."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
from pathlib import Path

import pytest
import torch

import reverie
from reverie.errors import DamagedError, UsageError
from reverie.training import Callbacks, Stopped, checkpoint

SMALL = {"width": 8, "groups": 4, "blocks": 1, "batch": 16, "checkpoint_every": 2}
FILES = ("weights.safetensors", "average.safetensors", "optimizer.safetensors", "state.json", "manifest.json")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("trained") / "run"
    reverie.train("digits", run, steps=4, settings=SMALL)
    return run


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    shutil.copytree(trained, tmp_path / "run")
    return tmp_path / "run"


def flip(path: Path, where: float) -> None:
    content = bytearray(path.read_bytes())
    content[min(int(where * len(content)), len(content) - 1)] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize(
    "harm", ["first byte", "header byte", "middle byte", "last byte", "cut", "removed", "empty", "longer"]
)
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(run: Path, file: str, harm: str) -> None:
    path = run / "checkpoints/step-4" / file
    match harm:
        case "cut":
            path.write_bytes(path.read_bytes()[:-3])
        case "removed":
            path.unlink()
        case "empty":
            path.write_bytes(b"")
        case "longer":
            path.write_bytes(path.read_bytes() + b" ")
        case _:
            flip(path, {"first byte": 0.0, "header byte": 0.01, "middle byte": 0.5, "last byte": 1.0}[harm])
    said: list[str] = []
    assert checkpoint.latest(run / "checkpoints", said.append) == run / "checkpoints/step-2"
    assert len(said) == 1 and "step-4" in said[0] and file in said[0]


def test_no_whole_checkpoint_is_an_error_that_names_the_file(run: Path) -> None:
    for step in (2, 4):
        flip(run / f"checkpoints/step-{step}/weights.safetensors", 0.7)
    with pytest.raises(DamagedError, match=r"step-2/weights\.safetensors is damaged") as damaged:
        checkpoint.latest(run / "checkpoints", lambda _: None)
    assert damaged.value.exit_code == 4


@pytest.mark.parametrize("file", ["model.safetensors", "config.yaml", "codec.json", "manifest.json"])
@pytest.mark.parametrize("where", [0.0, 0.3, 1.0])
def test_a_damaged_model_is_never_loaded(run: Path, file: str, where: float) -> None:
    flip(run / file, where)
    with pytest.raises(DamagedError, match=file):
        reverie.load(run)


def test_a_renamed_pickle_is_never_loaded(run: Path) -> None:
    torch.save({"weight": torch.zeros(3)}, run / "model.safetensors")
    with pytest.raises(DamagedError, match=r"model\.safetensors is damaged"):
        reverie.load(run)
    from reverie.manifest import seal

    seal(run, ("config.yaml", "codec.json", "model.safetensors"))  # even if someone sealed it
    with pytest.raises(DamagedError, match="not a safetensors file"):
        reverie.load(run)


def test_weights_that_do_not_fit_the_config_are_named(run: Path) -> None:
    from safetensors.torch import load_file, save_file

    from reverie.manifest import seal

    weights = load_file(run / "model.safetensors")
    weights["enter.weight"] = weights["enter.weight"][:4]
    save_file(weights, run / "model.safetensors")
    seal(run, ("config.yaml", "codec.json", "model.safetensors"))
    with pytest.raises(DamagedError, match=r"enter\.weight is torch\.float32 \[4, 1, 3, 3\]"):
        reverie.load(run)


def test_no_run_folder_and_nothing_trained_are_said(tmp_path: Path, run: Path) -> None:
    with pytest.raises(UsageError, match="not a run folder"):
        reverie.load(tmp_path)
    for name in ("model.safetensors", "manifest.json"):
        (run / name).unlink()
    shutil.rmtree(run / "checkpoints")
    with pytest.raises(UsageError, match="no trained weights yet"):
        reverie.load(run)


def test_a_write_that_fails_half_way_leaves_the_older_checkpoints(tmp_path: Path) -> None:
    """A limit on the size of files makes the system refuse a write in its middle, as a full disk does."""
    run, limits = tmp_path / "run", resource.getrlimit(resource.RLIMIT_FSIZE)
    stop = Callbacks(on_step=lambda done, _: os.kill(os.getpid(), signal.SIGTERM) if done == 4 else None)
    with pytest.raises(Stopped):
        reverie.train("digits", run, steps=8, settings=SMALL, callbacks=stop)
    before = {p: p.read_bytes() for p in (run / "checkpoints").rglob("*") if p.is_file()}
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(OSError, match="too large") as failed:
            reverie.train("digits", run, steps=8, settings=SMALL, resume=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert failed.value.errno == errno.EFBIG and str(failed.value.filename).endswith("weights.safetensors")
    assert {p: p.read_bytes() for p in (run / "checkpoints").rglob("*") if p.is_file()} == before
    assert not list((run / "checkpoints").glob(".*"))
    reverie.train("digits", run, steps=8, settings=SMALL, resume=True)


def test_a_kill_inside_a_save_leaves_nothing_that_could_be_taken_for_a_checkpoint(run: Path) -> None:
    left = run / "checkpoints/.step-6.writing"
    left.mkdir()
    (left / "weights.safetensors").write_bytes(b"half")
    assert checkpoint.latest(run / "checkpoints", lambda _: None) == run / "checkpoints/step-4"
    checkpoint.clean(run / "checkpoints")
    assert not left.exists()
