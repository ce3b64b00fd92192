"""Parts of a run's config that no other room declares: where it came from, how it is sampled, how it was distilled."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Conditions", "Distilled", "Parent", "Sampling", "Source"]


class Conditions(BaseModel):
    """The table that tells attributes of pictures: its name, where it is on this machine (see Source), its column that names
    them where that was said, the SHA-256 of what it tells, and how many levels each attribute has that has levels, and how
    many numbers each other."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str
    path: str | None = None
    column: str | None = None
    fingerprint: str
    levels: tuple[int, ...] = ()
    numbers: tuple[int, ...] = ()


class Source(BaseModel):
    """The data: its name as given, where it is on this machine, what it was brought to, and the SHA-256 of what was read.

    `path` is absolute here and relative to the run in config.yaml, so that both can be moved together. `query` is what a
    database was asked; `size` is the side of a square or (height, width), `fit` and `pad` how pictures are brought to it,
    see images.read_images; `classes` how many it has; `conditions` the table that tells its attributes; `stream` whether a
    table was read in parts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str
    path: str | None = None
    query: str | None = None
    size: int | tuple[int, int] | None = None
    fit: Literal["crop", "pad", "stretch"] = "crop"
    pad: str | None = None
    channels: int | None = None
    bits: Literal[8, 16] | None = None
    classes: int = 0
    conditions: Conditions | None = Field(default=None, exclude_if=lambda table: table is None)
    stream: bool = False
    fingerprint: str = ""


class Parent(BaseModel):
    """The run whose weights another began with: its name, where it is on this machine (see Source), the digest of all that
    it made anything of, and the steps that it was trained for."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str
    path: str | None = None
    digest: str
    steps: int


class Sampling(BaseModel):
    """How pictures are sampled where nothing else is asked for.

    Attributes:
        sampler, steps, spacing: see PictureModel.sample.
        clip: x_0-hat is kept inside -clip..clip; none to leave it as it is.
        threshold, largest: dynamic thresholding at this quantile, see denoisers.Thresholded; none for without.
        grid: settings of the spacing, see samplers.time_grid: shift, origin, sigma_min, sigma_max and rho.
        boundary: of a consistency model, see denoisers.Boundary; none for all others.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    sampler: str = "angular"
    steps: int = Field(12, ge=1)
    spacing: str = "angle"
    clip: float | None = Field(None, gt=0)
    threshold: float | None = Field(None, gt=0, le=1)
    largest: float = Field(1.0, ge=1)
    grid: dict[Literal["shift", "origin", "sigma_min", "sigma_max", "rho"], float] = Field(default_factory=dict)
    boundary: float | None = Field(None, gt=0)

    def grid_of(self, spacing: str | None) -> dict[str, Any]:
        """The settings of the grid where this spacing is asked for: none of another than the usual one."""
        if spacing not in (None, self.spacing):
            return {}
        return {name: int(value) if name == "origin" else value for name, value in self.grid.items()}


class Distilled(BaseModel):
    """How a run of few calls was made of its parent.

    Attributes:
        calls: of the network for a picture, at most; a divisor of it will do too.
        teacher_steps: that the parent took to each of the pictures it was taught with.
        guidance: that they were drawn with; none for as the parent learned.
        seed: of the distillation; that of the config is the parent's, by which pictures were held out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    calls: int = Field(ge=1, le=4)
    teacher_steps: int = Field(ge=1)
    guidance: float | None = None
    seed: int = 0

    @property
    def counts(self) -> list[int]:
        """How many calls may be asked for: their levels are among those it was taught at."""
        return [count for count in range(1, self.calls + 1) if self.calls % count == 0]
