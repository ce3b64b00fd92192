"""A training, prepared once and then run, everything of it kept in one folder.

prepare   source opened -> config resolved -> split, codec fitted -> memory estimated -> examples coded -> a step timed
run       trained -> finished -> saved -> shown

run/ config.yaml  codec.json  model.safetensors  manifest.json      what models.load reads
     autoencoder.safetensors                                        of a latent run, too
     calibration.json                                               of patients, too
     codec.safetensors                                              of linked tables, too
     checkpoints/step-N/  autoencoder/checkpoints/step-N/           what --resume reads
     rows/                                                          of a table beyond memory: the rows of its patients
     metrics.jsonl  tensorboard/  samples/  figures/                what people look at
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from reverie import config as configs
from reverie.config import RunConfig
from reverie.denoisers import lora
from reverie.denoisers.network import Network
from reverie.errors import UsageError
from reverie.manifest import MANIFEST
from reverie.modality import ROWS
from reverie.models import CODEC, WEIGHTS, LinkedModel, PatientModel, PictureModel, latents
from reverie.models.codec_files import ARRAYS
from reverie.models.model import AUTOENCODER, CALIBRATION, describe, untrained
from reverie.planning.options import Options
from reverie.planning.origin import Origin
from reverie.sources import DataSource, Parts, open_source
from reverie.sources.estimate import Estimate
from reverie.training import Budget, Callbacks, Dataset, Validator, denoising, fit, metrics, processes, seconds_per_step
from reverie.training.hardware import automatic_precision, choose_device

__all__ = ["Plan", "prepare", "train"]


@dataclass(frozen=True, eq=False)
class Plan:
    """All that a training needs, ready to run: once, for its network is trained in place.

    Attributes:
        out: the run folder.
        source, parts: the data, and how it is split.
        config: all settings, the number of steps among them.
        codec, train, validation: fitted to the training part, and the examples coded by it.
        network: untrained.
        estimate: what it will take, where that is known.
        device: where it runs.
        resume: whether it goes on with what is in the folder.
        more: how many steps it is to have in all, where it goes on to more than were planned.
        origin: the run that it begins from, if from one.
        minutes, began: a budget that is kept on the way, and since when, as time.monotonic tells it; None for a number of
            steps that stays.
    """

    out: Path
    source: DataSource
    parts: Parts
    config: RunConfig
    codec: Any
    train: Dataset
    validation: Dataset | None
    network: Network
    estimate: Estimate | None
    device: torch.device
    resume: bool
    minutes: float | None
    began: float
    more: int | None = None
    origin: Origin | None = None

    def run(self, callbacks: Callbacks | None = None) -> PictureModel | PatientModel | LinkedModel:
        """Trains, keeps everything in the run folder, and returns the model. Rank 0 alone writes. Raises Stopped after a
        signal."""
        callbacks, out, device = callbacks or Callbacks(), self.out, self.device
        config, codec = self.config, self.codec
        train: Any = self.train
        validation: Any = self.validation
        chief = processes.rank() == 0
        if chief and not self.resume:
            _discard(out)
            describe(out, config, codec)
        if chief and self.origin:
            self.origin.hand_on(out)
        processes.wait()
        coder, config = latents.first_stage(out, config, codec, train, device, callbacks, self.minutes, self.began)
        if coder is not None:
            train, validation = (some and some.in_latents(coder, device) for some in (train, validation))
        seconds = None if self.minutes is None else 60 * self.minutes
        after = min(self.source.after(self.parts), config.training.steps)
        budget = Budget(config.training.entries, seconds, self.began, more=self.more, after=after)
        validator = Validator(self.network, validation, config.training, config.seed, device) if validation else None
        update = denoising(self.network, train, config.training, config.seed, device)
        weights = fit(out, update, budget, callbacks, validator)
        if budget.entries != config.training.entries:
            config = _with_training(config, steps=budget.steps, plan=budget.entries)
        self.network.module.load_state_dict(weights)
        self.network.module.eval()
        model = self.source.model(config, codec, self.network, *(() if coder is None else (coder,)))
        if chief:
            model = self.source.finished(model, self.parts, callbacks.log)
            model.save(out)
            self.source.show(model, self.parts, out)
        return model

    def summary(self, model: PictureModel | PatientModel | LinkedModel) -> dict[str, Any]:
        """What was trained, in short, and what to look at."""
        parameters = sum(p.numel() for p in model.denoiser.module.parameters())
        trained = self.source.summary(model, self.parts, self.out)
        return {"run": str(self.out), **trained, "parameters": parameters, "metrics": str(self.out / metrics.NAME)}


def train(
    source: Any,
    out: str | Path | None = None,
    *,
    callbacks: Callbacks | None = None,
    since: float | None = None,
    **options: Any,
) -> PictureModel | PatientModel | LinkedModel:
    """Trains a model of `source` and returns it; everything is kept in the run folder `out`.

    Args:
        source: a table of visits or pictures, see sources.open_source.
        out: the run folder; a temporary one if left out.
        callbacks: receives progress and advice.
        since: when the minutes began to run, as time.monotonic tells it; at the call if left out.
        options: steps or minutes, seed, recipe, settings, holdout, parent, resume, force, and how the source is read: those
            of planning.Options, which says what each is.

    Raises UsageError, DataError, DamagedError (see their texts), and Stopped after a signal.
    """
    return prepare(source, Options(out=out, **options), callbacks, since=since).run(callbacks)


def prepare(
    source: Any,
    options: Options,
    callbacks: Callbacks | None = None,
    *,
    since: float | None = None,
    measure: bool = False,
    admit: Callable[[RunConfig, int], None] = lambda config, channels: None,
) -> Plan:
    """The plan of a training: the source is read, split, coded and measured, each once, and nothing is written.

    Args:
        source: see open_source.
        since: when the minutes began to run, as time.monotonic tells it; at the call if left out.
        measure: whether the time of a step is estimated where the budget does not ask for it.
        admit: receives the config and the channels of the codec before anything large is built, and may raise.

    Raises UsageError and DataError; UsageError too where the machine has not enough memory, naming what would fit.
    """
    callbacks, since = callbacks or Callbacks(), time.monotonic() if since is None else since
    if processes.rank() == 0:
        options.check_out()
    out = Path(tempfile.mkdtemp(prefix="reverie-")) if options.out is None else Path(options.out)
    written = configs.read(out) if options.resume else None
    origin = Origin.of(options, out, written)
    reading = options.reading if origin is None else origin.reading(source, options.reading)
    with processes.first_alone():
        data = open_source(source, reading, callbacks.log)
    recipe = options.recipe or data.recipe
    parent, base = (None, None) if origin is None else (origin.parent, origin.config)
    config = configs.resolve(data.about, options.seed, recipe, options.overrides, data.about_holdout, parent, base)
    if origin:
        origin.check(data, config)
    device = choose_device(config.training.device)
    processes.share(config.training.batch, config.training.accumulate)
    if not processes.agree(data.about.fingerprint, device):
        raise UsageError(f"the processes read different data as {data.about.name}: give every machine the same.")
    if config.training.precision == "auto" and written:  # goes on in the precision that it was begun in, also elsewhere
        config = _with_training(config, precision=written.training.precision)
    config = data.settled(latents.resolved(config))
    more = None
    if written:
        given = {"steps", "training.steps"} & options.overrides.keys()
        more = config.training.steps if given and config.training.steps > written.training.steps else None
        config = _resumed(out, written, config, not given or more is not None, more)
    with processes.first_alone(data.kept):
        parts = data.split(config)
        codec = (
            data.fit_codec(config, parts, callbacks.log)
            if origin is None
            else data.adopt_codec(origin.codec, origin.parent.name, callbacks.log)
        )
    if config.training.precision == "auto":
        numbers = config.network.numbers(config.training.batch, codec) if config.latent is None else None
        config = _with_training(config, precision=automatic_precision(device, numbers))
    if config.training.epsilon is not None and config.training.delta is None:
        config = _with_training(config, delta=1 / (2 * len(parts.train)))
    admit(config, codec.channels)
    network = untrained(config, codec.channels)
    if origin:
        origin.begin(network)
    # What a run takes that goes on was said when it began.
    estimate = None if written else data.estimate(config, parts, codec, network)
    if estimate and device.type == "cpu":
        estimate.check_memory()
    with processes.first_alone(data.kept):
        train, validation = data.examples(config, parts, codec)
    if estimate:
        if measure and options.minutes is None:
            estimate = estimate.measured(network, train, device)
        callbacks.log(estimate.sentence)
    for sentence in data.notes:
        callbacks.log(sentence)
    began, minutes = time.monotonic(), None if written else options.minutes
    if minutes is not None:
        minutes -= min((began - since) / 60, minutes / 2)
        callbacks.log("measuring the time of a step ...")
        left, config, few = latents.share(minutes, config, codec, train, device, callbacks)
        pace = seconds_per_step(denoising(network, few, config.training, config.seed, device))
        planned = processes.any_of(round(60 * left / pace), device)
        config = _with_training(config, steps=max(1, planned - min(data.after(parts), planned // 2)))
        steps = f"{config.training.steps:,} steps of {pace:.2g} s"
        callbacks.log(f"planned for {left:.3g} min: {steps}; as that changes, so does their number.")
    if config.training.epsilon is not None:
        minutes = None  # noise is for just so many steps
    config = config if written else latents.with_steps(config)
    return Plan(
        out,
        data,
        parts,
        config,
        codec,
        train,
        validation,
        network,
        estimate,
        device,
        options.resume,
        minutes,
        began,
        more,
        origin,
    )


def _discard(run: Path) -> None:
    """Removes what a run wrote, and nothing else. Raises UsageError if `run` is not a run folder."""
    if not run.exists():
        return
    if not run.is_dir() or (any(path.name != ROWS for path in run.iterdir()) and not (run / configs.NAME).is_file()):
        raise UsageError(f"{run} is not a run folder, so it is not overwritten: choose another name.")
    for name in ("checkpoints", "tensorboard", "samples", "figures", "autoencoder"):
        shutil.rmtree(run / name, ignore_errors=True)
    model = CODEC, ARRAYS, CALIBRATION, WEIGHTS, AUTOENCODER
    for name in (configs.NAME, *model, MANIFEST, metrics.NAME, lora.WEIGHTS, lora.CONFIG):
        (run / name).unlink(missing_ok=True)


def _with_training(config: RunConfig, **changes: Any) -> RunConfig:
    return config.model_copy(update={"training": config.training.model_copy(update=changes)})


def _resumed(run: Path, written: RunConfig, wanted: RunConfig, any_steps: bool, more: int | None) -> RunConfig:
    """The config in the run folder, if what is wanted now does not contradict it, but for `more` steps."""
    if more and written.training.epsilon is not None:
        raise UsageError(f"the noise of {run} is for {written.training.steps} steps, so it takes no more: train a new run.")
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
    changed = configs.differences(written, wanted)
    planned, asked = written.training.steps, wanted.training.steps
    if changed and asked < planned and all(line.startswith(("training.steps:", "training.plan:")) for line in changed):
        raise UsageError(
            f"{run} is planned for {planned} steps, and goes on to as many or more, not to {asked}: leave `steps` out, or "
            "train a new run."
        )
    if changed:
        raise UsageError(f"{run} was begun with other settings ({'; '.join(changed)}): leave them as they were to resume.")
    return written
