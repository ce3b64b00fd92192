"""What the loop (training/loop.py) leaves open: one update of the weights. Each way of training is a class of its own in
training/updates/, which says how the state begins and what one step does to it; all else is the loop's.

Everything random at step k is a function of (seed, k): which examples, which t, which noise. So the state of a run is
step + weights + EMA + optimiser + budget and no more.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import torch
from torch import nn
from torch.optim import Optimizer

from reverie.errors import ReverieError
from reverie.training.budget import Budget
from reverie.training.ema import EMA
from reverie.training.validation import EarlyStopping

__all__ = ["StepReport", "TrainingState", "Update"]


@dataclass(eq=False)
class TrainingState:
    """What changes while training."""

    module: nn.Module
    ema: EMA
    optimizer: Optimizer
    budget: Budget
    scaler: torch.amp.GradScaler = field(default_factory=lambda: torch.amp.GradScaler("cpu", enabled=False))
    step: int = 0
    lowest: EarlyStopping = field(default_factory=EarlyStopping)

    def begin_step(self, learning_rate: float) -> None:
        """Sets the learning rate, and forgets the gradients of the step before."""
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.optimizer.zero_grad(set_to_none=True)

    def take_step(self) -> None:
        """Changes the weights by their gradients, and the EMA by the weights; a step that overflowed is left out where the
        gradients are scaled."""
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.ema.update(self.module, self.step + 1)


@dataclass(frozen=True, eq=False)
class StepReport:
    """What one step came to.

    Attributes:
        loss, norm: of the gradient; trouble is seen by them.
        numbers: what is written of the step, computed only where it is.
        examples: how many were trained on, for the rate that is written; 0 where none is.
    """

    loss: float
    norm: float
    numbers: Callable[[], dict[str, float]]
    examples: int = 0


class Update(ABC):
    """One way of training.

    Attributes:
        device: where the module is trained.
        subject: what is trained, after "step 3 of 9 ".
        fast: TF32 products and tuned convolutions on CUDA.
        log_every: steps between lines of metrics.jsonl.
        checkpoint_every: steps between checkpoints; none for a span of time.
    """

    device: torch.device
    subject: str = ""
    fast: bool = True

    @property
    def log_every(self) -> int:
        return 20

    @property
    def checkpoint_every(self) -> int | None:
        return None

    @abstractmethod
    def begin(self, budget: Budget) -> TrainingState:
        """The state before the first step; the module is moved to the device in place."""

    @abstractmethod
    def step(self, state: TrainingState) -> StepReport:
        """Does step `state.step`, from 0, which the loop counts. All that is random about it is a function of a seed and
        that number."""

    def prepare(self, state: TrainingState) -> Iterable[str]:
        """What is done before the very first step, but not where a run goes on; and what is said then."""
        return ()

    def going_on(self, state: TrainingState, planned: int) -> Iterable[str]:
        """What is said where a run that was planned for so many steps goes on to more."""
        return ()

    def watch(self) -> Callable[[int, StepReport], Iterable[str]]:
        """Looks at the report of each step, numbered from 1, and says what is wrong, or raises NotANumber."""
        return lambda step, report: ()

    def out_of_memory(self, error: BaseException) -> ReverieError | None:
        """The sentence for running out of memory, if that is what the error says."""
        return None
