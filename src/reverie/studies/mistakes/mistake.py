"""A mistake, shown: its wrong form is run beside the right one, and what it costs is measured.

shown = the wrong form measurably fails, and the right form passes the same test
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from reverie.denoisers import GaussianMixture
from reverie.process import GaussianProcess, NoiseSchedule
from reverie.studies.proofs.check import quiet

__all__ = ["Collection", "Entry", "Mistake", "gaussian", "linear", "process"]


@dataclass(frozen=True)
class Mistake:
    """One row.

    Attributes:
        number: of the list in docs/mistakes.md; letters where one source or idea bundles several.
        where: the text it stands in: the course (on the reverse process), the guide (to forward and reverse diffusion),
            the notebook (on the reverse transition), the clinical recipe, the derivation of the mean, or wide use.
        wrong, right: the two forms.
        damage: what was measured, in words, with the numbers.
        numbers: the same numbers by name, unrounded.
        shown: whether the wrong form failed and the right one passed, just now.
    """

    number: str
    where: str
    wrong: str
    right: str
    damage: str
    numbers: Mapping[str, float]
    shown: bool


Measured = tuple[str, Mapping[str, float | Tensor], bool | Tensor]
"""damage, numbers, shown."""


@dataclass(frozen=True)
class Entry:
    """A mistake that can be run: called, it is measured."""

    number: str
    where: str
    wrong: str
    right: str
    measure: Callable[[], Measured]

    def __call__(self) -> Mistake:
        damage, numbers, shown = self.measure()
        plain = {name: float(value) for name, value in numbers.items()}
        return Mistake(self.number, self.where, self.wrong, self.right, damage, plain, bool(shown))


@dataclass(frozen=True)
class Collection:
    """The mistakes of one source, filled by its decorator."""

    where: str
    entries: list[Entry] = field(default_factory=list)

    def mistake(self, number: str, wrong: str, right: str) -> Callable[[Callable[[], Measured]], None]:
        """Adds a mistake; the function runs both forms and says what it measured."""

        def add(measure: Callable[[], Measured]) -> None:
            self.entries.append(Entry(number, self.where, wrong, right, measure))

        return add


def linear(steps: int = 1000, beta_max: float = 0.02) -> NoiseSchedule:
    """The linear schedule from 1e-4, without the warning that it may deserve."""
    with quiet():
        return NoiseSchedule.linear(steps, beta_max=beta_max)


def process(steps: int = 1000, beta_max: float = 0.02) -> GaussianProcess[NoiseSchedule]:
    return GaussianProcess(linear(steps, beta_max))


def gaussian(process: GaussianProcess[NoiseSchedule], std: float = 0.5, mean: float = 0.0) -> GaussianMixture:
    """The exact denoiser of data N(mean, std^2), one dimension."""
    return GaussianMixture(process, torch.tensor([[mean]]).double(), torch.tensor([std]).double())
