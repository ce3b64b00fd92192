"""A run: from a source of data to a trained model, everything of it kept in one folder.

run/ config.yaml  codec.json  model.safetensors  manifest.json      what models.load reads
     checkpoints/step-N/                                            what --resume reads
     metrics.jsonl  tensorboard/  samples/                          what people look at
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from reverie import config as configs
from reverie.config import RunConfig, Source
from reverie.errors import UsageError
from reverie.images import ImageCodec, ImageSet, contact_sheet, read_images, save_picture
from reverie.manifest import MANIFEST
from reverie.models import CODEC, SHARD, WEIGHTS, Model, describe, untrained, with_precision
from reverie.training import Batch, Listener, fit, processes, seconds_per_step
from reverie.training.hardware import autocast_dtype, choose_device

__all__ = ["train"]


def train(
    source: Any,
    out: str | Path | None = None,
    *,
    steps: int | None = None,
    minutes: float | None = None,
    seed: int = 0,
    recipe: str = "pictures",
    settings: Mapping[str, Any] | None = None,
    size: int | None = None,
    channels: int | None = None,
    resume: bool = False,
    force: bool = False,
    listener: Listener | None = None,
) -> Model:
    """Trains a model of `source` and returns it; everything is kept in the run folder `out`.

    Args:
        source: "digits", a folder of pictures, an .npy or .npz file, or an array of pictures.
        out: the run folder; a temporary one if left out.
        steps, minutes: the budget. Minutes become a number of steps after a short measurement, written to the config.
        seed: the root of all randomness.
        recipe, settings: see config.resolve.
        size, channels: bring pictures to this size (centre square) and number of channels.
        resume: go on with the run in `out`, to the same weights as if it had never stopped.
        force: put the new run in the place of the one in `out`, once source and settings are known to be good.
        listener: hears of progress and advice.

    Raises UsageError, DataError, DamagedError (see their texts), and Stopped after a signal.
    """
    if steps is not None and minutes is not None:
        raise UsageError("give the budget in steps or in minutes, not both.")
    if minutes is not None and not 0 < minutes <= 1e5:
        raise UsageError(f"minutes must be a number above 0, not {minutes}.")
    listener = listener or Listener()
    run = Path(tempfile.mkdtemp(prefix="reverie-")) if out is None else Path(out)
    if not (resume or force) and processes.rank() == 0 and run.exists() and (not run.is_dir() or any(run.iterdir())):
        raise UsageError(f"{run} exists already: resume it, start anew with --force, or choose another name.")
    pictures = read_images(source, size=size, channels=channels)
    about = Source(name=pictures.name, size=size, channels=channels, fingerprint=pictures.fingerprint)
    wanted = dict(settings or {})
    if steps is not None:
        wanted["training.steps"] = steps
    resolved = configs.resolve(about, seed, recipe, wanted)
    device = choose_device(resolved.training.device)
    codec = ImageCodec(*pictures.pixels.shape[1:])
    examples = Pictures(pictures, codec)
    if resolved.training.precision == "auto":
        resolved = _with_training(resolved, precision="bf16" if autocast_dtype("auto", device) else "fp32")
    if resume:
        resolved = _resumed(run, resolved, minutes is not None or steps is None)
    elif minutes is not None:
        listener.say("measuring the time of a step ...")
        network = untrained(resolved, codec)
        pace = seconds_per_step(network, examples, resolved.training, seed, device)
        resolved = _with_training(resolved, steps=max(1, processes.any_of(round(60 * minutes / pace), device)))
        listener.say(f"{minutes:g} minutes are {resolved.training.steps} steps of {pace:.3f} s.")
    if processes.rank() == 0 and not resume:
        _discard(run)
        describe(run, resolved, codec)
    processes.wait()
    network = untrained(resolved, codec)
    weights = fit(run, network, examples, resolved.training, seed, device, listener)
    network.module.load_state_dict(weights)
    network.module.eval()
    model = Model(resolved, codec, with_precision(network, resolved, device))
    if processes.rank() == 0:
        model.save(run)
        sheet = contact_sheet(model.sample(SHARD, seed=seed))
        save_picture(sheet, run / "samples" / f"step-{resolved.training.steps}.png")
    return model


@dataclass(frozen=True, eq=False)
class Pictures:
    """A set of pictures as examples to train on; kept as bytes, encoded a batch at a time."""

    pictures: ImageSet
    codec: ImageCodec

    def __len__(self) -> int:
        return len(self.pictures)

    def batch(self, indices: Tensor) -> Batch:
        return Batch(self.codec.encode(self.pictures.pixels[indices.numpy()]))


def _discard(run: Path) -> None:
    """Removes what a run wrote, and nothing else. Raises UsageError if `run` is not a run folder."""
    if not run.exists():
        return
    if not run.is_dir() or (any(run.iterdir()) and not (run / configs.NAME).is_file()):
        raise UsageError(f"{run} is not a run folder, so it is not overwritten: choose another name.")
    for name in ("checkpoints", "tensorboard", "samples"):
        shutil.rmtree(run / name, ignore_errors=True)
    for name in (configs.NAME, CODEC, WEIGHTS, MANIFEST, "metrics.jsonl"):
        (run / name).unlink(missing_ok=True)


def _with_training(settings: RunConfig, **changes: Any) -> RunConfig:
    return settings.model_copy(update={"training": settings.training.model_copy(update=changes)})


def _resumed(run: Path, wanted: RunConfig, any_steps: bool) -> RunConfig:
    """The config in the run folder, if what is wanted now does not contradict it."""
    written = configs.read(run)
    if any_steps:
        wanted = _with_training(wanted, steps=written.training.steps)
    if written.source.fingerprint != wanted.source.fingerprint:
        raise UsageError(
            f"the data is not what this run was trained on ({wanted.source.name} reads as {wanted.source.fingerprint[:12]}, "
            f"{run} was given {written.source.fingerprint[:12]}): restore it, or train in a new folder."
        )
    if changed := configs.differences(written, wanted):
        raise UsageError(f"{run} was begun with other settings ({'; '.join(changed)}): leave them as they were to resume.")
    return written
