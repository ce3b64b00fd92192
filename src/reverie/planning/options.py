"""What can be asked of a training; it says at once what does not go together, before torch is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reverie.errors import UsageError
from reverie.modality import ROWS, asked
from reverie.process.randomness import check_seed

if TYPE_CHECKING:
    from reverie.images import Fit, Pad, Size

__all__ = ["Options"]


@dataclass(frozen=True)
class Options:
    """All options of a training, those of reading its source among them; what is left out is the recipe's.

    Attributes:
        out: the run folder; a temporary one if left out.
        steps, minutes: the budget. Minutes become a number of steps after a short measurement, which follows the pace from
            then on: what was run is written to the config. Reading is part of them, but half are for training at least;
            closing samples come after.
        seed: the root of all randomness.
        recipe, settings: see config.resolve; without a recipe, what is best for the source.
        holdout: what the report is to be made with, and training never sees: a share (of a table, of its patients; 0 for
            none; the recipe's if left out), or a table of other patients (a file or a frame).
        resume: go on with the run in `out`, to the same weights as if it had never stopped; with `steps` above those it was
            planned for, to so many.
        parent: a trained run, its folder or a model, whose weights, codec and settings a new one begins with, see origin.py.
        force: put the new run in the place of the one in `out`, once source and settings are known to be good.
        size, fit, pad, channels, bits, classes: bring pictures to this size, channels and depth, name their classes; see
            images.read_images.
        conditions, file_column: of pictures, a table that tells their attributes, and its column that names them; see
            images.read_images.
        cache: keep decoded pictures, or the rows of a table that is read in parts, in this folder.
        latent: of pictures: train an autoencoder first, with a third of the budget, and diffuse its latents.
        lora: of a run that begins from a U-Net of diffusers: train adapters of this rank alone, see denoisers/lora.py.
        query: of a database (a DuckDB or SQLite file, or an address postgresql://...), what gives the rows.
        stream: read a table in parts, from disk, whatever its size; one that is too large for memory is anyway.
        schema: of a table, a Schema or a YAML file; inferred if left out.
        identifier, time, long, duplicates, null_values, kinds, date_formats: of a table, see records.read_table.
        epsilon: of a table: train with differential privacy, and spend at most this much.

    Raises UsageError for options that do not go together.
    """

    out: str | Path | None = None
    steps: int | None = None
    minutes: float | None = None
    seed: int = 0
    recipe: str | None = None
    settings: Mapping[str, Any] | None = None
    holdout: Any = None
    resume: bool = False
    parent: Any = None
    force: bool = False
    size: Size | None = None
    fit: Fit | None = None
    pad: Pad | None = None
    channels: int | None = None
    bits: int | None = None
    classes: Sequence[str] | None = None
    conditions: Any = None
    file_column: str | None = None
    cache: str | Path | None = None
    latent: bool = False
    lora: int | None = None
    query: str | None = None
    stream: bool = False
    schema: Any = None
    identifier: str | Sequence[str] | None = None
    time: str | None = None
    long: tuple[str, str] | None = None
    duplicates: str | None = None
    null_values: tuple[str, ...] | None = None
    kinds: Mapping[str, str] | None = None
    date_formats: Mapping[str, str] | None = None
    epsilon: float | None = None

    def __post_init__(self) -> None:
        check_seed(self.seed)
        if self.steps is not None and self.minutes is not None:
            raise UsageError("give the budget in steps or in minutes, not both.")
        if self.minutes is not None and not 0 < self.minutes <= 1e5:
            raise UsageError(f"minutes must be a number above 0, not {self.minutes}.")
        if self.resume and self.force:
            raise UsageError("--resume goes on with what --force would throw away: give one of them.")
        if self.lora is not None and (isinstance(self.lora, bool) or not isinstance(self.lora, int) or self.lora < 1):
            raise UsageError(f"`lora` is the rank of adapters, a whole number above 0, not {self.lora!r}.")
        if self.parent is not None:
            self._of_parent()
        elif self.lora is not None and not self.resume:
            raise UsageError("`lora` adapts a trained model: say which by `parent`, for instance a folder of diffusers.")

    def _of_parent(self) -> None:
        """Raises UsageError for what a run that begins from another cannot be asked for."""
        for option in ("recipe", "schema", "identifier", "time", "long", "kinds", "date_formats"):
            if getattr(self, option):
                raise UsageError(f"{asked(option)} is that of `parent`, which the run begins from: leave it out.")
        if self.latent:
            raise UsageError("a run that begins from `parent` diffuses what that one does: leave `latent` out.")
        if self.epsilon is not None:
            raise UsageError("`epsilon` does not account for what `parent` has learned: give one of them.")

    def check_out(self) -> None:
        """Raises UsageError if something is in the run folder that is neither to be resumed nor to be replaced."""
        out = None if self.out is None or self.resume or self.force else Path(self.out)
        if out and out.exists() and (not out.is_dir() or any(path.name != ROWS for path in out.iterdir())):
            raise UsageError(f"{out} exists already: resume it, start again with --force, or choose another name.")

    @property
    def reading(self) -> dict[str, Any]:
        """The options by name, without a holdout that is a share: no reading depends on it."""
        holdout = None if isinstance(self.holdout, int | float) else self.holdout
        return {**vars(self), "holdout": holdout, "stream": self.stream or None}

    @property
    def overrides(self) -> dict[str, Any]:
        """The settings, with those that have an option of their own."""
        own = {
            "training.steps": self.steps,
            "training.holdout": self.holdout if isinstance(self.holdout, int | float) else None,
            "training.epsilon": self.epsilon,
            "latent": self.latent or None,
            "network.lora_rank": self.lora,
        }
        return {**(self.settings or {}), **{key: value for key, value in own.items() if value is not None}}
