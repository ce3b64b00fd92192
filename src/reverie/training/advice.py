"""What a run says of itself in words: the signs of trouble, and the setting to change.

Each sentence names what was seen, with its number, and one or two remedies. A sentence is said once a run.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from statistics import median

from reverie import memory
from reverie.errors import ReverieError
from reverie.process.path import NoisePath
from reverie.training.budget import Budget
from reverie.training.dataset import Batch
from reverie.training.optimizer import learning_rate
from reverie.training.settings import TrainingSettings
from reverie.training.update import StepReport

__all__ = ["NotANumber", "Watch", "about_data", "about_more", "broke_down", "out_of_memory"]


class NotANumber(ReverieError):
    """The loss or the gradient stopped being a number; nothing was saved after that."""


class Watch:
    """Looks at each step's loss and gradient norm, remembering the last few only."""

    def __init__(self, settings: TrainingSettings) -> None:
        self.settings = settings
        self.norms: deque[float] = deque(maxlen=100)
        self.losses: deque[float] = deque(maxlen=100)
        self.first: float | None = None
        self.seen = 0
        self.exploding = 0
        self.said: set[str] = set()

    def __call__(self, step: int, report: StepReport) -> Iterator[str]:
        """Sentences to say after step `step`, if any. Raises NotANumber if it is beyond use."""
        broke_down(self.settings, step, report)
        norm = report.norm
        self.seen += 1
        if len(self.norms) >= 20 and norm > 10 * median(self.norms):
            self.exploding += 1
        self.norms.append(norm)
        self.losses.append(report.loss)
        if self.first is None and self.seen == 20:
            self.first = sum(self.losses) / len(self.losses)
        for topic, sentence in (("gradient", self._gradient(step, norm)), ("loss", self._loss(step))):
            if sentence and topic not in self.said:
                self.said.add(topic)
                yield sentence

    def _gradient(self, step: int, norm: float) -> str | None:
        if self.exploding < 3:
            return None
        remedy = "clip_norm=1" if not self.settings.clip_norm else f"learning_rate={self.settings.learning_rate / 3:.1g}"
        return (
            f"the gradient keeps exploding (norm {norm:.3g} at step {step}, usually {median(self.norms):.3g}): "
            f"set {remedy}, or a longer warmup."
        )

    def _loss(self, step: int) -> str | None:
        if self.first is None or self.seen < 300 or step < self.settings.warmup + 200:
            return None
        now = sum(self.losses) / len(self.losses)
        if now < 0.97 * self.first:
            return None
        return (
            f"the loss is not falling ({self.first:.3g} at the start, {now:.3g} now): check that the data is scaled to "
            f"[-1, 1], change learning_rate (now {self.settings.learning_rate:.1g}), or use a wider network (network.width)."
        )


def broke_down(settings: TrainingSettings, step: int, report: StepReport) -> tuple[()]:
    """Raises NotANumber, before a checkpoint is written, if the step is beyond use; else says nothing."""
    if math.isfinite(report.loss) and not math.isnan(report.norm):
        return ()
    raise NotANumber(
        f"the loss is not a number at step {step}: lower learning_rate (now {settings.learning_rate:.1g}), set "
        f"clip_norm (now {settings.clip_norm:g}), or use precision=fp32 (now {settings.precision}). "
        "The checkpoints written before are untouched; start again with the new setting in a new folder."
    )


FARTHEST = 9
"""Pictures end at 1; latents, and the scores of a table, are normal and end near 8."""


def about_data(batch: Batch, schedule: NoisePath) -> Iterator[str]:
    """What can be said before the first step: of the data's range, and of the schedule's end."""
    x = batch.x_0 if batch.mask is None else batch.x_0[batch.mask.expand_as(batch.x_0).bool()]
    low, high, std = float(x.min()), float(x.max()), float(x.std()) if x.numel() > 1 else 1.0  # of one number nothing
    if max(-low, high) > FARTHEST or std > 2:
        yield (
            f"the data is out of range ({low:.3g} to {high:.3g}, deviation {std:.3g}): the process expects deviations near "
            "0.5 to 1. Scale the data to [-1, 1]."
        )
    elif std < 0.05:
        yield f"the data hardly varies (deviation {std:.2g}): noise will drown it at once. Scale it to fill [-1, 1]."
    if schedule.warning:
        yield schedule.warning


def about_more(settings: TrainingSettings, step: int, budget: Budget, planned: int) -> str:
    """In what a run of `planned` steps that goes on will differ from one that was asked for all from the start."""
    goes_on = f"from step {step:,} of {planned:,} it goes on to {budget.steps:,}"
    if settings.decay == "constant":
        return f"{goes_on}, to the same weights as if so many had been asked for from the start."
    rate = learning_rate(settings, step, budget)
    course = (
        f"at a learning rate of {rate:.2g}, as a run of {budget.steps:,} has there, after one that had fallen to its end"
        if step >= planned
        else f"with what is left of the fall of the learning rate, {rate:.2g} here, spread over the steps left"
    )
    return (
        f"{goes_on}, {course}: so the weights are not those of a run asked for as many from the start (decay=constant is)."
    )


def out_of_memory(error: BaseException, settings: TrainingSettings) -> ReverieError | None:
    """The sentence for running out of memory, if that is what the error says."""
    if not memory.ran_out(error):
        return None
    return ReverieError(
        f"out of memory at batch {settings.batch}: set accumulate={2 * settings.accumulate} (same result, less memory), "
        "gradient_checkpointing=true, a smaller batch, or precision=bf16. Then run again with `resume` or in a new folder."
    )
