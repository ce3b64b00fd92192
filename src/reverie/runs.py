"""A run: from a source of data to a trained model, everything of it kept in one folder.

run/ config.yaml  codec.json  model.safetensors  manifest.json      what models.load reads
     autoencoder.safetensors                                        of a latent run, too
     calibration.json                                               of patients, too
     checkpoints/step-N/  autoencoder/checkpoints/step-N/           what --resume reads
     metrics.jsonl  tensorboard/  samples/  figures/                what people look at
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reverie import config as configs
from reverie import training
from reverie.config import RunConfig
from reverie.errors import UsageError
from reverie.images import Fit, Size
from reverie.manifest import MANIFEST
from reverie.models import CODEC, WEIGHTS, PatientModel, PictureModel, latents
from reverie.models.model import AUTOENCODER, CALIBRATION, describe, untrained
from reverie.subjects import Patients, Pictures, is_table
from reverie.training import Budget, Listener, Validator, denoising, processes, seconds_per_step
from reverie.training.hardware import automatic_precision, choose_device
from reverie.training.image_dataset import ImageDataset

__all__ = ["train"]


def train(
    source: Any,
    out: str | Path | None = None,
    *,
    steps: int | None = None,
    minutes: float | None = None,
    seed: int = 0,
    recipe: str | None = None,
    settings: Mapping[str, Any] | None = None,
    size: Size | None = None,
    fit: Fit | None = None,
    channels: int | None = None,
    classes: Sequence[str] | None = None,
    cache: str | Path | None = None,
    schema: Any = None,
    holdout: Any = None,
    latent: bool = False,
    resume: bool = False,
    force: bool = False,
    listener: Listener | None = None,
    since: float | None = None,
    **reading: Any,
) -> PictureModel | PatientModel:
    """Trains a model of `source` and returns it; everything is kept in the run folder `out`.

    Args:
        source: a table of visits (a file or a folder of files, see records.read_table, a polars or pandas frame, "pbc2"), or
            pictures ("digits", a folder, an .npy or .npz file, an array).
        out: the run folder; a temporary one if left out.
        steps, minutes: the budget. Minutes become a number of steps after a short measurement, which follows the pace from
            then on: what was run is written to the config. Reading is part of them, but half are for training at least;
            closing samples come after.
        seed: the root of all randomness.
        recipe, settings: see config.resolve; without a recipe, "records" or "pictures".
        size, fit, channels, classes, cache: bring pictures to this size and number of channels, name their classes, keep
            them decoded; see images.read_images.
        schema: of a table, a Schema or a YAML file; inferred if left out.
        holdout: what the report is to be made with, and training never sees: a share (of a table, of its patients; 0 for
            none; the recipe's if left out), or a table of other patients (a file or a frame).
        latent: of pictures: train an autoencoder first, with a third of the budget, and diffuse its latents.
        resume: go on with the run in `out`, to the same weights as if it had never stopped.
        force: put the new run in the place of the one in `out`, once source and settings are known to be good.
        listener: hears of progress and advice.
        since: when the minutes began to run, as time.monotonic tells it; at the call if left out.
        reading: of a table: identifier, time, long, duplicates, null_values, date_formats, see records.read_table.

    Raises UsageError, DataError, DamagedError (see their texts), and Stopped after a signal.
    """
    if steps is not None and minutes is not None:
        raise UsageError("give the budget in steps or in minutes, not both.")
    if minutes is not None and not 0 < minutes <= 1e5:
        raise UsageError(f"minutes must be a number above 0, not {minutes}.")
    listener, since = listener or Listener(), time.monotonic() if since is None else since
    run = Path(tempfile.mkdtemp(prefix="reverie-")) if out is None else Path(out)
    if not (resume or force) and processes.rank() == 0 and run.exists() and (not run.is_dir() or any(run.iterdir())):
        raise UsageError(f"{run} exists already: resume it, start anew with --force, or choose another name.")
    wanted = dict(settings or {})
    if isinstance(holdout, int | float):
        wanted["training.holdout"], holdout = holdout, None
    elif holdout is not None and not is_table(source):
        raise UsageError(
            "of pictures a share is held out (--holdout 0.1); other pictures that training never saw are given to "
            "reverie report --holdout."
        )
    of_pictures = {"size": size, "fit": fit, "channels": channels, "classes": classes, "cache": cache}
    subject = _subject(source, of_pictures, {"schema": schema, "holdout": holdout, **reading})
    if steps is not None:
        wanted["training.steps"] = steps
    if latent:
        wanted["latent"] = True
    resolved = configs.resolve(subject.about, seed, recipe or subject.recipe, wanted, subject.apart)
    device = choose_device(resolved.training.device)
    if resolved.training.precision == "auto":  # a run goes on in the precision that it was begun in, also elsewhere
        begun = configs.read(run).training.precision if resume else automatic_precision(device)
        resolved = _with_training(resolved, precision=begun)
    resolved = latents.resolved(resolved)
    if resume:
        resolved = _resumed(run, resolved, minutes is not None or steps is None)
    codec, examples, aside = subject.prepare(resolved)
    if resolved.training.epsilon is not None and resolved.training.delta is None:
        resolved = _with_training(resolved, delta=1 / (2 * len(examples)))
    for sentence in subject.notes:
        listener.say(sentence)
    if isinstance(subject, Patients) and len(codec.schema.rules) < len(subject.table.schema.rules):  # pyright: ignore
        listener.say("rules found in the data are not kept, as no epsilon accounts for them: state them in a schema file.")
    began = time.monotonic()
    if minutes is not None and not resume:
        minutes -= min((began - since) / 60, minutes / 2)
        listener.say("measuring the time of a step ...")
        left, resolved, few = latents.share(minutes, resolved, codec, examples, device, listener)
        network = untrained(resolved, codec.channels)
        pace = seconds_per_step(denoising(network, few, resolved.training, seed, device))
        resolved = _with_training(resolved, steps=max(1, processes.any_of(round(60 * left / pace), device)))
        steps = resolved.training.steps
        listener.say(f"planned for {left:.3g} min: {steps:,} steps of {pace:.2g} s; as that changes, so does their number.")
    if not resume:
        resolved = latents.with_steps(resolved)
    if processes.rank() == 0 and not resume:
        _discard(run)
        describe(run, resolved, codec)
    processes.wait()
    kept = None if resume or resolved.training.epsilon is not None else minutes  # noise is for just so many steps
    autoencoder, resolved = latents.first_stage(run, resolved, codec, examples, device, listener, kept, began)
    if autoencoder is not None and isinstance(examples, ImageDataset):
        examples = examples.in_latents(autoencoder, device)
        aside = aside.in_latents(autoencoder, device) if isinstance(aside, ImageDataset) else None
    network = untrained(resolved, codec.channels)
    budget = Budget(resolved.training.entries, None if kept is None else 60 * kept, began)
    validator = Validator(network, aside, resolved.training, seed, device) if aside else None
    update = denoising(network, examples, resolved.training, seed, device)
    weights = training.fit(run, update, budget, listener, validator)
    if budget.entries != resolved.training.entries:
        resolved = _with_training(resolved, steps=budget.steps, plan=budget.entries)
    network.module.load_state_dict(weights)
    network.module.eval()
    parts = (resolved, codec, network)
    model = subject.model(*parts) if autoencoder is None else PictureModel(*parts, autoencoder)  # pyright: ignore
    if processes.rank() == 0:
        model = subject.finished(model, listener)  # pyright: ignore[reportArgumentType]
        model.save(run)
        subject.show(model, run)  # pyright: ignore[reportArgumentType]
    return model


def _subject(source: Any, pictures: Mapping[str, Any], table: Mapping[str, Any]) -> Pictures | Patients:
    """The source, read; options that are for the other kind of source are refused."""
    tabular = is_table(source)
    strange = [name for name, value in (pictures if tabular else table).items() if value is not None]
    if strange:
        kinds = ("pictures", "a table of visits") if tabular else ("tables of visits", "pictures")
        raise UsageError(f"{strange[0]} is for {kinds[0]}, and the source is {kinds[1]}: leave it out.")
    return Patients.read(source, **table) if tabular else Pictures.read(source, **pictures)


def _discard(run: Path) -> None:
    """Removes what a run wrote, and nothing else. Raises UsageError if `run` is not a run folder."""
    if not run.exists():
        return
    if not run.is_dir() or (any(run.iterdir()) and not (run / configs.NAME).is_file()):
        raise UsageError(f"{run} is not a run folder, so it is not overwritten: choose another name.")
    for name in ("checkpoints", "tensorboard", "samples", "figures", "autoencoder"):
        shutil.rmtree(run / name, ignore_errors=True)
    for name in (configs.NAME, CODEC, CALIBRATION, WEIGHTS, AUTOENCODER, MANIFEST, "metrics.jsonl"):
        (run / name).unlink(missing_ok=True)


def _with_training(settings: RunConfig, **changes: Any) -> RunConfig:
    return settings.model_copy(update={"training": settings.training.model_copy(update=changes)})


def _resumed(run: Path, wanted: RunConfig, any_steps: bool) -> RunConfig:
    """The config in the run folder, if what is wanted now does not contradict it."""
    written = configs.read(run)
    if wanted.training.epsilon is not None and wanted.training.delta is None:
        wanted = _with_training(wanted, delta=written.training.delta)
    if any_steps:
        wanted = _with_training(wanted, steps=written.training.steps)
    if not wanted.training.plan and wanted.training.steps == written.training.steps:
        wanted = _with_training(wanted, plan=written.training.plan)
    wanted = latents.with_steps(wanted, written)
    if written.source.fingerprint != wanted.source.fingerprint:
        raise UsageError(
            f"the data is not what this run was trained on ({wanted.source.name} reads as {wanted.source.fingerprint[:12]}, "
            f"{run} was given {written.source.fingerprint[:12]}): restore it, or train in a new folder."
        )
    if changed := configs.differences(written, wanted):
        raise UsageError(f"{run} was begun with other settings ({'; '.join(changed)}): leave them as they were to resume.")
    return written
