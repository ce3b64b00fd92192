"""Every setting of a training run, with its default and why one would change it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from reverie.training.budget import Entries

__all__ = ["TrainingSettings"]


class TrainingSettings(BaseModel):
    """How a denoiser is trained. Immutable; `config.yaml` of a run holds all of it.

    Attributes:
        steps: optimiser steps in all; the learning rate is a function of the step over this number.
        plan: how that number came about, where a budget in minutes changed it on the way: see training/budget.py.
        batch: examples per optimiser step, over all processes and accumulated parts.
        accumulate: parts that a batch is computed in; more parts, less memory, the same result.
        optimizer: "adamw", "adam" or "muon", which learns pictures and linked tables in fewer steps (training/muon.py).
        learning_rate: at its highest; reached after `warmup` steps.
        warmup: steps over which the learning rate rises from 0.
        decay: "cosine" lets it fall to 0 at the last step, "constant" keeps it.
        weight_decay: pull of the weights towards 0 (not with adam).
        clip_norm: largest norm of the gradient; longer ones are scaled down. 0 switches clipping off.
        ema: decay of the running average of the weights, which is what samples; it rises to this value from 0.1.
        predict: what the network predicts: "velocity", "noise", "clean", "flow" (dx_t/dt) or "edm" (EDM's F, whose unit
            weight is EDM's loss); where the schedule is changed alone, what goes with it.
        weighting: weight over t of the squared error (see process/loss.py).
        gamma: the constant of the weightings "min_snr" and "p2"; none for their usual one.
        timesteps: how t is drawn: "stratified" spreads each batch evenly over 1..T, or over what the path draws in
            continuous time, "uniform" draws each t alone.
        reconstruction: weight of the x_0 reconstruction term of the clinical recipe; 0 leaves it out.
        blend: mix the true noise into the reconstruction, as published; only possible in training, so off by default.
        learned_variance: predict the variance too, trained by the hybrid loss.
        variational: lambda of the hybrid loss.
        condition_dropout: share of the pictures whose class is left untold in training, so that the network answers without
            one too, which guidance needs (Ho and Salimans 2022).
        flip: mirror each picture left to right with probability 1/2; not for letters and digits.
        holdout: share of the examples (of a table, patients) that nothing is fitted, stopped or chosen on: the report
            needs them.
        aside: share of the others that is set aside, never trained on, for early stopping.
        judge_every: steps between judgements of the loss on what was set aside.
        patience: judgements without a lower loss after which training ends.
        epsilon: train with differential privacy, the patient as the unit, and spend at most this much; none for without.
        delta: of (epsilon, delta); none for 1 / (2 x patients trained on).
        precision: "fp32", "bf16", "fp16", or "auto": bf16 where the processor multiplies it faster and the network is
            not too small to gain by it, else fp32.
        gradient_checkpointing: compute activations twice instead of keeping them.
        device: "auto" (CUDA if there is one), "cpu", "cuda" or "cuda:N".
        checkpoint_every: steps between checkpoints; none for every 30 seconds or so, as measured at the start.
        log_every: steps between lines of metrics.jsonl.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    steps: int = Field(1000, ge=1)
    plan: Entries = ()
    batch: int = Field(64, ge=1)
    accumulate: int = Field(1, ge=1)
    optimizer: Literal["adamw", "adam", "muon"] = "adamw"
    learning_rate: float = Field(2e-3, gt=0, lt=1)
    warmup: int = Field(50, ge=0)
    decay: Literal["cosine", "constant"] = "cosine"
    weight_decay: float = Field(0.01, ge=0)
    clip_norm: float = Field(1.0, ge=0)
    ema: float = Field(0.995, ge=0, lt=1)
    predict: Literal["velocity", "noise", "clean", "flow", "edm"] = "velocity"
    weighting: Literal["uniform", "snr", "min_snr", "truncated_snr", "p2", "bound"] = "uniform"
    gamma: float | None = Field(None, gt=0)
    timesteps: Literal["stratified", "uniform"] = "stratified"
    reconstruction: float = Field(0.0, ge=0)
    blend: bool = False
    learned_variance: bool = False
    variational: float = Field(1e-3, ge=0)
    condition_dropout: float = Field(0.1, ge=0, le=1)
    flip: bool = False
    holdout: float = Field(0.0, ge=0, lt=1)
    aside: float = Field(0.0, ge=0, lt=1)
    judge_every: int = Field(50, ge=1)
    patience: int = Field(20, ge=1)
    epsilon: float | None = Field(None, gt=0)
    delta: float | None = Field(None, gt=0, lt=1)
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    gradient_checkpointing: bool = False
    device: str = Field("auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$")
    checkpoint_every: int | None = Field(None, ge=1)
    log_every: int = Field(20, ge=1)

    @property
    def entries(self) -> Entries:
        """The plan, of one entry where nothing was changed."""
        return self.plan or ((0, self.steps),)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        since = [first for first, _ in self.entries]
        if since[0] or since != sorted(set(since)) or any(first > steps for first, steps in self.entries):
            raise ValueError("plan is (step, steps in all from there on), ...: the first step is 0, and they rise")
        if self.entries[-1][1] != self.steps:
            raise ValueError(
                f"plan ends with {self.entries[-1][1]} steps in all, and steps is {self.steps}: make them equal"
            )
        if self.batch % self.accumulate:
            raise ValueError(f"batch must be a multiple of accumulate, but {self.batch} is not one of {self.accumulate}")
        if self.blend and not self.reconstruction:
            raise ValueError("blend mixes noise into the reconstruction term: set reconstruction above 0 (published: 20)")
        if self.delta is not None and self.epsilon is None:
            raise ValueError("delta goes with an epsilon: give both, or neither")
        if self.epsilon is not None:
            self._private()
        return self

    def _private(self) -> None:
        """Raises ValueError for what no epsilon can account for."""
        if not self.clip_norm:
            raise ValueError("epsilon needs a bound on each patient's gradient: set clip_norm above 0")
        if self.aside:
            raise ValueError("epsilon does not account for patients whose loss decides when to stop: set aside=0")
        if self.reconstruction or self.learned_variance:
            raise ValueError("epsilon is for the plain loss: set reconstruction=0 and learned_variance=false")
        if self.precision == "fp16":
            raise ValueError("epsilon clips what fp16 would scale: set precision to bf16 or fp32")
