"""What models of patients share, of one table or of many: each stage is drawn by one sampler, as the network declares."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from reverie.denoisers.network import Network
from reverie.models.model import Codec, Model
from reverie.samplers import Sampler, named, time_grid

__all__ = ["StagedModel"]


class StagedModel(Model[Codec]):
    """A model whose patients are made in stages."""

    @cached_property
    def sampling_denoiser(self) -> Network:
        network = super().sampling_denoiser
        return network.rounded() if network.autocast else network

    @property
    def usual(self) -> dict[str, Any]:
        """The sampler and its steps where none are named: the network says."""
        return dict(self.config.network.usual)

    def _method(self, told: dict[str, Any]) -> tuple[Sampler, Sequence[float]]:
        """The sampler and its grid; what is None or left out is as the network declares."""
        told, path = dict(told), self.process.schedule
        sampler, steps = (told.pop(name, None) or self.usual[name] for name in ("sampler", "steps"))
        ends = {name: told.pop(name, None) for name in ("sigma_min", "sigma_max")}
        grid = time_grid(path, steps, told.pop("spacing", None) or path.spacing, **ends)
        return named(sampler, **told), grid
