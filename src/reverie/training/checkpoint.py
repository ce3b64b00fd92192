"""A checkpoint: step + weights + EMA + optimiser + budget, all that a run's state is.

It is a folder of safetensors and JSON, written under a temporary name, flushed, sealed by a manifest of hashes and renamed,
so a folder called step-N is whole or it is damaged and says so. The newest two are kept.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from reverie.errors import DamagedError
from reverie.files import flush_folder
from reverie.manifest import seal, verify
from reverie.training.update import TrainingState

__all__ = ["latest", "restore", "save", "steps", "weights_to_use"]

WEIGHTS, AVERAGE, OPTIMIZER, STATE = "weights.safetensors", "average.safetensors", "optimizer.safetensors", "state.json"
BEST = "best.safetensors"
KEPT = 2


def save(folder: Path, state: TrainingState) -> Path:
    """Writes folder/step-N and removes all but the newest two. A failure leaves the older ones as they were."""
    final = folder / f"step-{state.step}"
    temporary = folder / f".step-{state.step}.writing"
    clean(folder)
    temporary.mkdir(parents=True)
    try:
        tensors = {WEIGHTS: state.module.state_dict(), AVERAGE: state.ema.weights, OPTIMIZER: _optimizer_tensors(state)}
        about = {"step": state.step, "plan": state.budget.entries, "scaler": state.scaler.state_dict()}
        if state.lowest.weights:
            tensors[BEST] = state.lowest.weights
            about["best"] = {"step": state.lowest.step, "loss": state.lowest.loss}
        for name, values in tensors.items():
            _write(temporary / name, values)
        (temporary / STATE).write_text(json.dumps(about, indent=1))
        for name in (names := [*tensors, STATE]):
            with (temporary / name).open("rb+") as file:
                os.fsync(file.fileno())
        seal(temporary, names)
        if final.exists():
            shutil.rmtree(final)
        temporary.rename(final)
        flush_folder(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    for old in steps(folder)[:-KEPT]:
        shutil.rmtree(folder / f"step-{old}", ignore_errors=True)
    return final


def steps(folder: Path) -> list[int]:
    """The steps that have a checkpoint, rising."""
    names = (path.name.removeprefix("step-") for path in folder.glob("step-*") if path.is_dir())
    return sorted(int(name) for name in names if name.isdigit())


def clean(folder: Path) -> None:
    """Removes what a killed write left behind."""
    for left in folder.glob(".step-*.writing"):
        shutil.rmtree(left, ignore_errors=True)


def latest(folder: Path, log: Callable[[str], None]) -> Path | None:
    """The newest checkpoint that is whole; a damaged one is named through `log` and passed over.

    None if there is no checkpoint at all. Raises DamagedError if there are some and none is whole.
    """
    saved = steps(folder)
    problem = ""
    for step in reversed(saved):
        try:
            verify(folder / f"step-{step}")
            return folder / f"step-{step}"
        except DamagedError as error:
            problem = str(error)
            log(f"checkpoint step-{step} cannot be used: {problem} Falling back to the one before.")
    if saved:
        raise DamagedError(f"no checkpoint in {folder} is whole. {problem} Train again in a new folder.")
    return None


def restore(path: Path, state: TrainingState) -> None:
    """Puts the state of a checkpoint (see `latest`) into the objects of `state`, in place."""
    about = json.loads((path / STATE).read_text())
    state.module.load_state_dict(load_file(path / WEIGHTS))
    state.ema.load(load_file(path / AVERAGE))
    saved = load_file(path / OPTIMIZER)
    for name, parameter in state.module.named_parameters():
        mine = {key.rpartition("/")[2]: value for key, value in saved.items() if key.rpartition("/")[0] == name}
        # Moments take the parameter's memory layout: the fused update walks both in storage order.
        state.optimizer.state[parameter] = {
            key: value if value.ndim == 0 else torch.empty_like(parameter).copy_(value) for key, value in mine.items()
        }
    state.scaler.load_state_dict(about["scaler"])
    state.step = about["step"]
    if "plan" in about:
        state.budget.entries = tuple((since, steps) for since, steps in about["plan"])
    if "best" in about:
        state.lowest.step, state.lowest.loss = about["best"]["step"], about["best"]["loss"]
        state.lowest.weights = load_file(path / BEST, device=str(next(state.module.parameters()).device))


def weights_to_use(path: Path) -> Path:
    """The file of a checkpoint that a model should be made of: the best average so far, if one was judged, or the last."""
    return path / BEST if (path / BEST).exists() else path / AVERAGE


def _optimizer_tensors(state: TrainingState) -> dict[str, Tensor]:
    return {
        f"{name}/{key}": value
        for name, parameter in state.module.named_parameters()
        for key, value in state.optimizer.state.get(parameter, {}).items()
    }


def _write(path: Path, tensors: dict[str, Tensor]) -> None:
    try:
        save_file({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, path)
    except SafetensorError as error:  # the system's error, such as a full disk, reaches us only as text
        code = re.search(r"(?:code:|os error) (\d+)", str(error))
        number = int(code[1]) if code else errno.EIO
        raise OSError(number, os.strerror(number), str(path)) from error
