"""The autoencoder of a latent run: how long it trains, and where it comes from.

It takes a third of the budget: half as many steps as the denoiser where steps are given, a third of the time where minutes
are. It is trained on pixels; the denoiser, on its latents.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import torch

from reverie.config import RunConfig
from reverie.denoisers.autoencoder import Autoencoder, LatentSettings
from reverie.denoisers.diffusers_autoencoder import DiffusersAutoencoder, DiffusersAutoencoderConfig
from reverie.errors import UsageError
from reverie.models import diffusers
from reverie.models.folder import fit_in
from reverie.models.model import AUTOENCODER, describe, untrained_autoencoder, write_weights
from reverie.training import Budget, Callbacks, fit, processes, seconds_per_step
from reverie.training.budget import Entries
from reverie.training.metrics import Metrics
from reverie.training.updates import AutoencoderUpdate

__all__ = ["first_stage", "resolved", "share", "with_steps"]

SHARE = 1 / 3
FOLDER = "autoencoder"
"""Of a run: where the checkpoints and the numbers of the autoencoder are."""
FEW = 256
"""Pictures that the denoiser's step is measured on."""


def resolved(settings: RunConfig) -> RunConfig:
    """The config with a ready autoencoder, where a folder of one is given, in the place of one to train.

    Raises UsageError for what an autoencoder cannot keep, and DataError for a folder that holds none.
    """
    latent = settings.latent
    if latent is not None and settings.training.epsilon is not None:
        raise UsageError("epsilon accounts for the denoiser alone, not for an autoencoder: leave latent out.")
    if isinstance(latent, LatentSettings) and latent.folder is not None:
        config = diffusers.autoencoder_config(Path(latent.folder))
        return settings.model_copy(update={"latent": config})
    return settings


def share(
    minutes: float, settings: RunConfig, codec: Any, examples: Any, device: torch.device, callbacks: Callbacks
) -> tuple[float, RunConfig, Any]:
    """What of the minutes is left for the denoiser, the config with the steps of the autoencoder, and a few examples to
    measure the denoiser's step on."""
    if settings.latent is None:
        return minutes, settings, examples
    module = untrained_autoencoder(settings, codec.channels)
    assert module is not None
    few = examples.in_latents(module.to(device).eval(), device, FEW)
    if isinstance(settings.latent, LatentSettings) and settings.latent.steps is None:
        assert isinstance(module, Autoencoder)
        pace = seconds_per_step(AutoencoderUpdate(module, examples, settings.latent, settings.seed, device))
        steps = max(1, processes.any_of(round(60 * minutes * SHARE / pace), device))
        callbacks.log(f"a third of the time is {steps:,} steps of {pace:.2g} s for the autoencoder.")
        return minutes * (1 - SHARE), _stepped(settings, steps), few
    return minutes, settings, few


def with_steps(settings: RunConfig, written: RunConfig | None = None) -> RunConfig:
    """The config with a number of steps for the autoencoder: as written, or half as many as the denoiser's."""
    latent = settings.latent
    if not isinstance(latent, LatentSettings) or latent.steps is not None:
        return settings
    if written is not None and isinstance(written.latent, LatentSettings):
        return _stepped(settings, written.latent.steps or 1, written.latent.plan)
    return _stepped(settings, max(1, settings.training.steps // 2))


def first_stage(
    run: Path,
    settings: RunConfig,
    codec: Any,
    examples: Any,
    device: torch.device,
    callbacks: Callbacks,
    minutes: float | None,
    began: float,
) -> tuple[Autoencoder | DiffusersAutoencoder | None, RunConfig]:
    """The autoencoder of the run: as it was written there, read from its folder, or trained now; None without latents.

    And the config with the steps that it was trained for, where a budget in minutes that began then was kept.
    """
    module = untrained_autoencoder(settings, codec.channels)
    if module is None:
        return None, settings
    file = run / AUTOENCODER
    if file.is_file():
        fit_in(module, file)
    elif isinstance(module, Autoencoder):
        assert isinstance(settings.latent, LatentSettings)
        callbacks.log(f"first the autoencoder: {settings.latent.steps} steps.")
        budget = Budget(settings.latent.entries, None if minutes is None else 60 * minutes * SHARE, began)
        update = AutoencoderUpdate(module, examples, settings.latent, settings.seed, device)
        errors = update.finish(fit(run / FOLDER, update, budget, Callbacks(callbacks.on_step, callbacks.log)))
        if processes.rank() == 0:
            with closing(Metrics(run / FOLDER, budget.steps)) as metrics:
                metrics.write(budget.steps, errors)
        if budget.entries != settings.latent.entries:
            settings = _stepped(settings, budget.steps, budget.entries)
            if processes.rank() == 0:
                describe(run, settings, codec)  # for a run that goes on from here
        error, psnr = errors["reconstruction_error"], errors["reconstruction_psnr"]
        callbacks.log(f"pictures it did not learn from come back {error:.1f} grey levels off ({psnr:.1f} dB).")
    else:
        assert isinstance(settings.latent, DiffusersAutoencoderConfig)
        diffusers.fill(module.inner, Path(settings.latent.folder))
    if processes.rank() == 0 and not file.is_file():
        write_weights(file, module)
    return module.to(device).eval(), settings


def _stepped(settings: RunConfig, steps: int, plan: Entries = ()) -> RunConfig:
    assert isinstance(settings.latent, LatentSettings)
    return settings.model_copy(update={"latent": settings.latent.model_copy(update={"steps": steps, "plan": plan})})
