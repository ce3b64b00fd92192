"""Training with differential privacy: what one patient can change of the weights is bounded, and drowned in noise.

g = (sum_i min(1, C / |g_i|) g_i + sigma C xi) / (q n),   xi ~ N(0, I),  i drawn with probability q   (Abadi et al. 2016)

g_i is the gradient of patient i's own loss, all visits together, so the unit of privacy is the patient: with or without any
one of them, the weights are alike up to (epsilon, delta). sigma is the least for which the accountant of Opacus (Renyi
divergences of the subsampled Gaussian mechanism, Mironov et al. 2019) allows that many steps.

For the proof to hold, what one patient contributes must not depend on who else is in the batch. So the batch is cut from a
larger draw of questions, noise levels and noise of a fixed size and length, and every loss is a mean over the patient's own
cells.

Not covered: the codec (ranks and levels of the training table), the schema, the number of patients, and the choice of the
settings. The noise follows from the seed: whoever knows it can take the noise away again.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, Self

import torch
from torch import Tensor, nn

from reverie.denoisers.given import Given
from reverie.denoisers.network import Network
from reverie.denoisers.visits import Attention, Packing, VisitNetwork
from reverie.errors import UsageError
from reverie.process.loss import element_loss, loss_weight, target
from reverie.process.randomness import draw, generator
from reverie.training import processes
from reverie.training.checkpoint import TrainingState
from reverie.training.examples import Examples
from reverie.training.loop import Report, dropout_of, learning_rate
from reverie.training.objective import Batch, timesteps
from reverie.training.settings import TrainingSettings

__all__ = ["Budget", "PerPatient", "PrivateReport", "patient_losses", "private_stepper"]

SLACK = 7.0
"""A batch is at most this many deviations larger than expected: more would be drawn once in 10^12 steps, and is cut."""


@dataclass(frozen=True)
class Budget:
    """What may be spent, and the noise that keeps to it.

    Attributes:
        epsilon, delta: at the last step.
        rate: q, the probability with which each patient is in a batch.
        steps: of the whole run.
        patients: n.
    """

    epsilon: float
    delta: float
    rate: float
    steps: int
    patients: int

    @classmethod
    def of(cls, settings: TrainingSettings, patients: int) -> Budget:
        """The budget of a run on so many patients; delta is 1 / (2 n) if the settings leave it out."""
        assert settings.epsilon is not None
        delta = settings.delta if settings.delta is not None else 1 / (2 * patients)
        return cls(settings.epsilon, delta, min(1.0, settings.batch / patients), settings.steps, patients)

    @property
    def noise(self) -> float:
        """sigma. Raises UsageError if no noise is enough, or Opacus is not installed."""
        _check_opacus()
        try:
            return _noise(self.epsilon, self.delta, self.rate, self.steps)
        except ValueError as error:
            raise UsageError(
                f"no noise keeps {self.steps} steps of {self.patients} patients within an epsilon of {self.epsilon:g}: "
                "allow a larger epsilon, or take fewer steps."
            ) from error

    def spent(self, steps: int) -> float:
        """The epsilon of the first `steps` steps."""
        if steps < 1:
            return 0.0
        orders, of_one = _divergences(self.noise, self.rate)
        from opacus.accountants.analysis import rdp

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the best order is the first or last it tried
            return float(rdp.get_privacy_spent(orders=orders, rdp=of_one * steps, delta=self.delta)[0])


@dataclass(frozen=True, eq=False)
class PrivateReport(Report):
    """The numbers of one private step: of what was computed from the patients, only what has had its noise is told."""

    budget: Budget
    step: int

    def numbers(self) -> dict[str, Any]:
        return {
            "gradient_norm": self.norm,
            "learning_rate": self.learning_rate,
            "noise_multiplier": self.budget.noise,
            "epsilon": self.budget.spent(self.step),
        }


class PerPatient:
    """Clips and sums the gradients of single patients, from one backward pass over all of them.

    A linear layer's gradient for patient i is sum_r g_r a_r^T over the patient's rows r, with a_r what came in and g_r the
    gradient of what went out; its norm follows from the products of rows with rows (Goodfellow 2015; of sequences: Li et al.
    2022, section 4), and the clipped sum is one product more. So no patient's gradient is ever written out.

    Used as a context: it listens to the module while it is open. Raises UsageError for a network with weights elsewhere.
    """

    def __init__(self, module: nn.Module) -> None:
        self.layers = [part for part in module.modules() if isinstance(part, nn.Linear)]
        # The bias of distances belongs to no linear layer, so it cannot be clipped so: it stays at 0.
        still = [part.bias for part in module.modules() if isinstance(part, Attention)]
        told = {id(p) for layer in self.layers for p in layer.parameters()} | {id(p) for p in still}
        if not isinstance(module, VisitNetwork) or any(id(p) not in told for p in module.parameters()):
            raise UsageError(
                "training with epsilon clips the gradient of every patient alone, which is made for tables of visits, the "
                "recipe records and network.mixing=attention: leave epsilon out, or train that."
            )
        for parameter in still:
            parameter.requires_grad_(False)
        self.passed: list[tuple[nn.Linear, Tensor, Tensor]] = []
        self.sums: dict[Tensor, Tensor] = {}

    def __enter__(self) -> Self:
        self.hooks = [layer.register_forward_hook(self._keep) for layer in self.layers]
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self.hooks:
            hook.remove()

    def _keep(self, layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if output.requires_grad:
            self.passed.append((layer, inputs[0].detach(), output))  # pyright: ignore[reportArgumentType]

    def take(self, losses: Tensor, present: Tensor, limit: float) -> Tensor:
        """Adds the clipped gradients of some patients' losses to `sums`.

        Args:
            losses: [B], each of one patient alone, from one pass of the module.
            present: bool [B, N], the tokens of that pass.
            limit: C, the largest norm of a patient's gradient over all weights together.

        Returns:
            The norms before clipping, [B]; a gradient that is not finite counts as 0.
        """
        packing = Packing.of(present)
        outputs = [output for _, _, output in self.passed]
        gradients = torch.autograd.grad(losses.sum(), outputs, allow_unused=True)
        rows = [
            (layer, a.float(), g.float()) for (layer, a, _), g in zip(self.passed, gradients, strict=True) if g is not None
        ]
        self.passed = []
        squares = torch.stack([_squared_norms(layer, a, g, packing) for layer, a, g in rows]).sum(0)
        norms = squares.sqrt()
        factors = torch.where(norms.isfinite(), (limit / norms.clamp(min=1e-12)).clamp(max=1.0), 0.0)
        for layer, a, g in rows:
            factor = (factors if len(a) == len(losses) else factors[packing.owner])[:, None]
            a, g = (torch.where(factor > 0, x, 0.0) for x in (a, g))
            g = g * factor
            self._add(layer.weight, g.T @ a)
            if layer.bias is not None:
                self._add(layer.bias, g.sum(0))
        return norms

    def _add(self, weight: Tensor, gradient: Tensor) -> None:
        self.sums[weight] = self.sums[weight] + gradient if weight in self.sums else gradient


def _squared_norms(layer: nn.Linear, a: Tensor, g: Tensor, packing: Packing) -> Tensor:
    """Squared norm of each patient's gradient of a layer [B]: rows are of patients [B, F], or of their tokens."""
    if len(a) == packing.shape[0]:
        a, g = a[:, None], g[:, None]
    else:
        a, g = packing.pad(a), packing.pad(g)
    N = a.shape[1]
    if (
        N * (a.shape[2] + g.shape[2]) > a.shape[2] * g.shape[2]
    ):  # many rows: the gradient itself is smaller than their products
        squares = torch.bmm(g.transpose(1, 2), a).square().sum((1, 2))
    else:
        squares = (torch.bmm(a, a.transpose(1, 2)) * torch.bmm(g, g.transpose(1, 2))).sum((1, 2)).clamp(min=0)
    return squares + g.sum(1).square().sum(1) if layer.bias is not None else squares


def patient_losses(network: Network, batch: Batch, t: Tensor, noise: Tensor, settings: TrainingSettings) -> Tensor:
    """The loss of each patient alone, the mean over the cells that are asked: [B]; 0 where nothing is."""
    process = network.process
    prediction = network(process.corrupt(batch.x_0, t, noise), t, batch.given)
    error = element_loss(prediction, target(process, batch.x_0, noise, t, settings.predict), settings.predict)
    if settings.weighting != "uniform":
        weight = loss_weight(process.schedule, t, settings.predict, settings.weighting, settings.gamma)
        error = error * weight.to(error).reshape(-1, *[1] * (error.ndim - 1))
    asked = torch.ones_like(error) if batch.mask is None else batch.mask.expand_as(error)
    own = torch.where(asked.bool(), error, 0.0) * asked
    return own.flatten(1).sum(1) / asked.flatten(1).sum(1).clamp(min=1)


def private_stepper(
    network: Network, state: TrainingState, examples: Examples, settings: TrainingSettings, seed: int, device: torch.device
) -> Iterator[PrivateReport]:
    """As loop.stepper, with the gradient of every patient clipped and noise on their sum."""
    if processes.world() > 1:
        raise UsageError("training with epsilon runs in one process: start it without torchrun.")
    budget = Budget.of(settings, len(examples))
    trained = replace(network, module=state.module)
    gradients = PerPatient(state.module)
    n, T = len(examples), network.process.schedule.steps
    expected = budget.rate * n
    most = min(n, math.ceil(expected + SLACK * math.sqrt(expected)))
    longest = _longest(examples)
    weights = [p for p in state.module.parameters() if p.requires_grad]
    size = math.ceil(most / settings.accumulate)
    with gradients:
        while True:
            step = state.step
            chosen = (torch.rand(n, generator=generator(seed, "members", step)) < budget.rate).nonzero()[:most, 0]
            B = len(chosen)
            # Draws are made for `most` patients and the longest, whoever is chosen: see the module.
            drawn = torch.cat([chosen, torch.full((most + 1 - B,), longest)])
            whole = examples.batch(drawn, generator(seed, "examples", step))
            noise = draw(whole.x_0, generator(seed, "noise", step))
            t = timesteps(len(drawn), T, settings.timesteps, generator(seed, "t", step))
            rate = learning_rate(settings, step, state.plan)
            for group in state.optimizer.param_groups:
                group["lr"] = rate
            gradients.sums = {}
            total = 0.0
            with dropout_of(seed, step, device):
                for first in range(0, B, size):
                    rows = slice(first, min(first + size, B))
                    part = whole[rows].to(device)
                    losses = patient_losses(trained, part, t[rows], noise[rows].to(device), settings)
                    gradients.take(losses, _present(part), settings.clip_norm)
                    total += float(losses.detach().sum())
            secret = generator(seed, "private noise", step)
            for weight in weights:
                xi = torch.randn(weight.shape, generator=secret).to(weight)
                clipped = gradients.sums.get(weight, torch.zeros_like(weight))
                weight.grad = ((clipped + budget.noise * settings.clip_norm * xi) / expected).to(weight)
            norm = float(torch.stack([w.grad.norm() for w in weights if w.grad is not None]).norm())
            if math.isfinite(norm):
                state.optimizer.step()
                state.average.update(state.module, step + 1)
            state.step = step + 1
            yield PrivateReport({"loss": total / max(B, 1)}, norm, rate, dict, budget, step + 1)


def _longest(examples: Examples) -> int:
    """The index of a longest record, which sets the length to which all are padded."""
    lengths = getattr(getattr(examples, "encoded", None), "lengths", None)
    if lengths is None:
        raise UsageError("training with epsilon is for tables of visits, with the patient as the unit: leave epsilon out.")
    return int(lengths.argmax())


def _present(batch: Batch) -> Tensor:
    assert isinstance(batch.given, Given)
    return batch.given.present


@lru_cache(maxsize=64)
def _noise(epsilon: float, delta: float, rate: float, steps: int) -> float:
    """The least sigma that keeps to a budget, which takes seconds to find. Raises ValueError if there is none."""
    from opacus.accountants.utils import get_noise_multiplier

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(get_noise_multiplier(target_epsilon=epsilon, target_delta=delta, sample_rate=rate, steps=steps))


@lru_cache(maxsize=64)
def _divergences(noise: float, rate: float) -> tuple[list[float], Any]:
    """Orders, and the Renyi divergence of one step at each; those of many steps add up."""
    from opacus.accountants import RDPAccountant
    from opacus.accountants.analysis import rdp

    orders = list(RDPAccountant.DEFAULT_ALPHAS)
    return orders, rdp.compute_rdp(q=rate, noise_multiplier=noise, steps=1, orders=orders)


def _check_opacus() -> None:
    """Raises UsageError if Opacus is not installed."""
    if find_spec("opacus") is None:
        raise UsageError("training with epsilon needs Opacus: pip install 'reverie[private]'.")
