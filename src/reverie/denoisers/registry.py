"""The networks that there are, one line each: config, recipes, estimates and models ask these classes what they need."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, SerializeAsAny, ValidationError
from pydantic_core import PydanticCustomError

from reverie.denoisers.declaration import NetworkConfig
from reverie.denoisers.diffusers_unet import DiffusersUNetConfig
from reverie.denoisers.events import EventNetworkConfig
from reverie.denoisers.unet import UNetConfig
from reverie.denoisers.unet1d import SeriesUNetConfig
from reverie.denoisers.visits import VisitNetworkConfig

__all__ = ["NETWORKS", "AnyNetwork", "network_of", "recipes"]

NETWORKS: dict[str, type[NetworkConfig]] = {
    "unet": UNetConfig,
    "diffusers-unet": DiffusersUNetConfig,
    "visits": VisitNetworkConfig,
    "series-unet": SeriesUNetConfig,
    "events": EventNetworkConfig,
}


def network_of(settings: Any) -> NetworkConfig:
    """The network of settings that name its kind. Raises ValidationError for an unknown kind or setting."""
    if isinstance(settings, NetworkConfig):
        return settings
    kind = settings.get("kind") if isinstance(settings, dict) else settings
    if kind not in NETWORKS:
        wrong = PydanticCustomError("network_kind", "known are {names}", {"names": ", ".join(NETWORKS)})
        raise ValidationError.from_exception_data("network", [{"type": wrong, "loc": ("kind",), "input": kind}])
    return NETWORKS[kind].model_validate(settings)


AnyNetwork = Annotated[SerializeAsAny[NetworkConfig], BeforeValidator(network_of)]
"""A network of the list, as a field."""


def recipes() -> dict[str, dict[str, Any]]:
    """Settings by name, each with its network."""
    return {
        name: {**sections, "network": {"kind": kind, **sections.get("network", {})}}
        for kind, network in NETWORKS.items()
        for name, sections in network.recipes.items()
    }
