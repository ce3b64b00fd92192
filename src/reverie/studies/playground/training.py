"""A small network trained on a drawing in seconds.

    loss = mean |f(x_t, t) - y|^2,  x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) eps,  x_0 ~ p, t evenly over 1..T,
    y = eps, x_0 or v; Adam, its rate half a cosine down to 0

The examples of a stretch of steps are drawn at once, a function of (seed, stretch). It lives too short for checkpoints.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from reverie.denoisers.mlp import MLP
from reverie.denoisers.network import Network
from reverie.process import GaussianProcess, NoiseSchedule, draw, generator, sub_seed
from reverie.process.loss import target
from reverie.process.prediction import Kind
from reverie.studies.mistakes.forms import FORMS, Form
from reverie.studies.playground.drawing import Drawing
from reverie.training.eager import Adam
from reverie.training.objective import timesteps

__all__ = ["Trained", "Training", "train"]

BATCH = 256
RATE = 4e-3
STRETCH = 20
"""Steps whose examples are drawn together, and whose mean loss is a point of the curve."""
RIGHT = Form("")


@dataclass(frozen=True)
class Training:
    """All that the weights are a function of.

    Attributes:
        predict: "noise", "clean" or "velocity".
        steps: of training.
        mistake: one of FORMS; only what it does to the training counts here.
    """

    drawing: Drawing
    schedule: NoiseSchedule
    predict: Kind
    steps: int
    seed: int
    mistake: str | None = None


@dataclass(frozen=True, eq=False)
class Trained:
    """A network, and the course of its training: the last step of each stretch, and the mean loss in it."""

    network: Network
    module: MLP
    curve: tuple[tuple[int, float], ...]


_kept: dict[Training, Trained] = {}
KEPT = 8
"""So many trainings stay in memory: another sampler asks for the same network again."""


def train(what: Training, on_step: Callable[[int, int], None] | None = None) -> Trained:
    """The network of this training; deterministic. on_step is called with (steps done, steps in all)."""
    if what not in _kept:
        trained = _train(what, on_step)
        while len(_kept) >= KEPT:
            _kept.pop(next(iter(_kept)))
        _kept[what] = trained
    return _kept[what]


def _train(what: Training, on_step: Callable[[int, int], None] | None) -> Trained:
    process, form = GaussianProcess(what.schedule), FORMS[what.mistake] if what.mistake else RIGHT
    with torch.random.fork_rng(devices=[]):  # layers draw their weights from torch's own generator
        torch.manual_seed(sub_seed(what.seed, "playground", "weights"))
        module = MLP(what.schedule)
    network = Network(process, module, what.predict)
    optimizer = Adam(module.parameters(), lr=RATE, betas=(0.9, 0.99), fused=True)
    curve = []
    for first in range(0, what.steps, STRETCH):
        count = min(STRETCH, what.steps - first)
        stream = generator(what.seed, "playground", "stretch", first)
        batches = zip(*(part.split(BATCH) for part in _examples(what, form, process, count * BATCH, stream)), strict=True)
        total = torch.zeros(())
        for k, (x_t, t, truth) in enumerate(batches, start=first):
            loss = ((module(x_t, t) - truth) ** 2).mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.param_groups[0]["lr"] = RATE * 0.5 * (1 + math.cos(math.pi * k / what.steps))
            optimizer.step()
            total += loss.detach()
        curve.append((first + count, float(total) / count))
        if on_step:
            on_step(first + count, what.steps)
    module.requires_grad_(False)
    return Trained(network, module, tuple(curve))


def _examples(
    what: Training, form: Form, process: GaussianProcess[NoiseSchedule], count: int, stream: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """x_t [count, 2], t [count] and what the network is to say of them [count, 2]."""
    x_0 = what.drawing.sample(count, stream).float()
    t = timesteps(count, what.schedule, "stratified", stream)
    noise = draw(x_0, stream)
    x_t = (form.state or GaussianProcess.corrupt)(process, x_0, t, noise)
    return x_t, t, target(process, x_0, form.noise(noise, stream) if form.noise else noise, t, what.predict)
