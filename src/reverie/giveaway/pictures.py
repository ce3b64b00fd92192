"""A trained run as a page that draws: its network in JavaScript, its weights in fp32, its schedule, its samplers.

The page makes the pictures that PictureModel.sample makes of the same seed in the precision of the weights (exact=True),
within one grey level.
"""

from __future__ import annotations

import base64
import html
from string import Template
from typing import TYPE_CHECKING, Any

from safetensors.torch import save

from reverie.denoisers.unet import UNetConfig
from reverie.errors import UsageError
from reverie.giveaway.document import LIMIT, data, document, script_text, too_large
from reverie.giveaway.texts import script, texts
from reverie.models.few_calls import CONSISTENCY, ends_the_path
from reverie.models.pictures import SHARD
from reverie.process.schedule import table_of
from reverie.samplers import SAMPLERS, time_grid

if TYPE_CHECKING:
    from reverie.models import PictureModel

__all__ = ["pictures_page"]

STEPS = (5, 10, 20, 30, 50, 100, 250)
"""Numbers of steps that the page offers, besides the usual one and all of the schedule."""


def pictures_page(model: PictureModel, name: str) -> str:
    """The page of a model of pictures; `name` is its title.

    Raises UsageError for a model whose network has no JavaScript, or more weights than the page has room for.
    """
    _check(model, name)
    about = _about(model)
    count = sum(each.numel() for each in model.denoiser.module.parameters())
    weights = save({key: value.detach().cpu().contiguous() for key, value in model.denoiser.module.state_dict().items()})
    parts = texts()
    height, width = model.codec.height, model.codec.width
    colours = "grey" if model.codec.channels == 1 else "colour"
    sentence = (
        f"Pictures of {height} x {width} pixels in {colours}, drawn from noise by a diffusion model of {count:,} weights "
        f"that was trained in {model.config.training.steps:,} steps."
    )
    page = document(
        name,
        parts["page.css"],
        Template(parts["pictures.html"]).substitute(title=html.escape(name), about=html.escape(sentence), most=SHARD),
        script("pictures.js"),
        {
            "about": data(about),
            "worker": ("text/plain", script_text(script("worker.js"))),
            "weights": ("text/plain", base64.b64encode(weights).decode()),
        },
    )
    too_large(page, f"it has {count:,} weights, and about {_room():,} fit, so train a network of a smaller width")
    return page


def _check(model: PictureModel, name: str) -> None:
    network = model.config.network
    if model.autoencoder is not None:
        raise UsageError(f"{name} diffuses latents, and a page knows pixels alone: give away a run trained without latent.")
    if not isinstance(network, UNetConfig):
        raise UsageError(f"{name} has a network of the kind {network.kind}, and a page knows unet alone: train with that.")
    if model.codec.channels not in (1, 3) or model.codec.bits != 8:
        raise UsageError(
            f"{name} makes pictures of {model.codec.channels} channels of {model.codec.bits} bits, and a page draws grey or "
            "colour of 8: train with other `channels` or `bits`, or share the run itself."
        )
    if model.codec.attributes:
        raise UsageError(f"{name} is told attributes, which a page does not know: share the run itself.")
    table_of(model.process.schedule, f"a page that draws, of {name},")
    if model.usual.threshold is not None:
        raise UsageError(f"{name} is sampled with a threshold, which a page does not know: leave it out of its config.yaml.")


def _about(model: PictureModel) -> dict[str, Any]:
    """What the script knows of the run."""
    schedule, usual = table_of(model.process.schedule, "a page that draws"), model.usual
    few, taught = min(usual.steps, schedule.steps), model.config.distilled
    steps = sorted({step for step in (*STEPS, few, schedule.steps) if step <= schedule.steps})
    steps = steps if taught is None else taught.counts
    offered = [usual.sampler] if ends_the_path(model.config) else [name for name in SAMPLERS if name != CONSISTENCY]
    grids = {step: time_grid(schedule, step, usual.spacing) for step in steps}
    return {
        "shape": model.codec.shape,
        "classes": model.codec.classes,
        "network": model.config.network.model_dump(mode="json"),
        "predicts": model.denoiser.kind,
        "alpha_bar": schedule.alpha_bar.tolist(),
        "grids": grids,
        "steps": few,
        "sampler": usual.sampler,
        "samplers": [{"name": name, "about": entry.about} for name, entry in SAMPLERS.items() if name in offered],
        "clip": usual.clip,
    }


def _room() -> int:
    """How many weights fit, in hundred thousands: four bytes each, as base64."""
    rest = sum(len(text) for text in texts().values()) + 200_000
    return (LIMIT - rest) * 3 // 16 // 100_000 * 100_000
