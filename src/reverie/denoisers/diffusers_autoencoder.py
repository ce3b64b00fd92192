"""The autoencoders of diffusers as ours: latents of unit scale on our side, whatever they are on theirs.

z = scale (E(x) - shift),   x = D(z / scale + shift)       E the mean of its posterior, x in [-1, 1]
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from reverie.denoisers.diffusers_unet import built, known

__all__ = ["DiffusersAutoencoder", "DiffusersAutoencoderConfig"]


class DiffusersAutoencoderConfig(BaseModel):
    """An autoencoder of diffusers: its class, the whole of its config.json, and the folder to take its weights from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["diffusers-autoencoder"] = "diffusers-autoencoder"
    model: Literal["AutoencoderKL", "AutoencoderTiny", "VQModel"] = "AutoencoderKL"
    given: dict[str, Any] = Field(default_factory=dict)
    folder: str = ""

    @property
    def channels(self) -> int:
        """Of a latent."""
        told = {**known(self.model), **self.given}
        return told.get("vq_embed_dim") or told["latent_channels"]

    def build(self, colours: int) -> DiffusersAutoencoder:
        """The module, of whatever pictures it is; see models.diffusers.fill for its weights."""
        return DiffusersAutoencoder(self)


class DiffusersAutoencoder(nn.Module):
    """x [B, C, H, W] in [-1, 1] <-> z [B, channels, H / factor, W / factor]."""

    scale: Tensor
    shift: Tensor

    def __init__(self, config: DiffusersAutoencoderConfig) -> None:
        super().__init__()
        self.inner: Any = built(config.model, config.given)
        theirs = self.inner.config
        widths = theirs.get("block_out_channels") or theirs.encoder_block_out_channels
        self.channels: int = config.channels
        self.factor: int = 2 ** (len(widths) - 1)
        mean, std = theirs.get("latents_mean"), theirs.get("latents_std")
        shift = (theirs.get("shift_factor") or 0.0) if mean is None else mean
        scale = torch.tensor(theirs.scaling_factor, device="cpu") / torch.tensor(1.0 if std is None else std, device="cpu")
        for name, value in (("scale", scale), ("shift", torch.tensor(shift, device="cpu"))):
            self.register_buffer(name, value.float().reshape(1, -1, 1, 1), persistent=False)

    def encode(self, x: Tensor) -> Tensor:
        """The latents of pictures."""
        found = self.inner.encode(x)
        z = found.latent_dist.mode() if hasattr(found, "latent_dist") else found.latents
        return self.scale * (z - self.shift)

    def decode(self, z: Tensor) -> Tensor:
        """The pictures of latents."""
        return self.inner.decode(z / self.scale + self.shift).sample
