"""An autoencoder whose latents diffusion can work on: fewer numbers than pixels, smooth, and of unit scale.

    q(z|x) = N(E(x), exp(L(x)) I)                                             (Kingma and Welling 2014)
    loss   = mean |x - D(z)| + edges mean |dx - dD(z)| + kl mean KL(q(z|x) || N(0, I))
    latent = scale (E(x) - shift),  scale = 1 / std and shift = mean of E(x) over training pictures  (Rombach et al. 2022)

E and D start as the principal components of the pictures' patches, the best linear autoencoder there is, which a network
alone takes minutes to come near; what the networks learn is added to it. d is the difference to the next pixel across and
down: what an absolute error alone blurs. No network that was trained on other data takes part. The first halving folds 2 x 2
pixels into channels, so no convolution runs at full size.
"""

from __future__ import annotations

from typing import Literal, Protocol, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["Autoencoder", "Coder", "LatentSettings", "reconstruction", "rows_at_a_time"]


class Coder(Protocol):
    """Goes between pictures and latents, as KL autoencoders of any make do."""

    channels: int
    factor: int

    def encode(self, x: Tensor) -> Tensor:
        """x [B, C, H, W] in [-1, 1] -> z [B, channels, ceil(H / factor), ceil(W / factor)] of unit scale."""
        ...

    def decode(self, z: Tensor) -> Tensor:
        """z -> x [B, C, factor h, factor w]."""
        ...


class LatentSettings(BaseModel):
    """The size of an autoencoder, and how it is trained.

    Attributes:
        kind: "autoencoder".
        folder: of diffusers, with an AutoencoderKL, AutoencoderTiny or VQModel to take as it is; then nothing else counts.
        channels: of a latent.
        halvings: how often height and width are halved: latents have 1 / 2^halvings of them.
        width: channels after the first halving; doubled at the second. A multiple of 8.
        blocks: residual blocks at each size.
        steps: optimiser steps; none for half as many as the denoiser's, so a third of all.
        plan: how that number came about, as `training.plan`.
        batch, learning_rate: of these steps; the rate rises over the first and falls to 0 at the last.
        kl: weight of the divergence from N(0, I).
        edges: weight of the difference of neighbours.
        aside: share of the training pictures that it does not learn from, so that the error reported is of pictures unseen.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["autoencoder"] = "autoencoder"
    folder: str | None = None
    channels: int = Field(8, ge=1, le=64)
    halvings: int = Field(2, ge=1, le=5)
    width: int = Field(24, ge=8, le=512)
    blocks: int = Field(1, ge=1, le=8)
    steps: int | None = Field(None, ge=1)
    plan: tuple[tuple[int, int], ...] = ()
    batch: int = Field(32, ge=1)
    learning_rate: float = Field(2e-3, gt=0, lt=1)
    kl: float = Field(1e-3, ge=0)
    edges: float = Field(0.5, ge=0)
    aside: float = Field(0.05, gt=0, lt=1)

    @property
    def entries(self) -> tuple[tuple[int, int], ...]:
        """The plan, of one entry where nothing was changed."""
        return self.plan or ((0, self.steps or 1),)

    @model_validator(mode="after")
    def _divisible(self) -> Self:
        if self.width % GROUP:
            raise ValueError(f"latent.width must be a multiple of {GROUP}, and {self.width} is not")
        return self

    def build(self, colours: int) -> Autoencoder:
        """The module for pictures of so many channels; its weights are drawn from torch's own generator."""
        return Autoencoder(colours, self)


GROUP = 8
"""Channels of a group of the normalisation."""

LOG_VARIANCE = -6.0
"""Of the posterior at the start: little noise beside latents of unit scale."""


class Autoencoder(nn.Module):
    """A Coder for pictures of `colours` channels; heights and widths that are no multiple of the factor are filled up.

    What it decodes is `factor` times as large as the latents; who asks cuts off what was filled up.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, colours: int, settings: LatentSettings) -> None:
        super().__init__()
        self.channels, self.factor = settings.channels, 2**settings.halvings
        widths = [settings.width * min(2**i, 2) for i in range(settings.halvings)]
        down: list[nn.Module] = [nn.PixelUnshuffle(2), nn.Conv2d(4 * colours, widths[0], 3, padding=1)]
        up: list[nn.Module] = [nn.Conv2d(self.channels, widths[-1], 3, padding=1), Residual(widths[-1])]
        for i, width in enumerate(widths):
            if i:
                down.append(nn.Conv2d(widths[i - 1], width, 3, stride=2, padding=1))
            down += [Residual(width) for _ in range(settings.blocks)]
        for i, width in reversed(list(enumerate(widths))):
            up += [Residual(width) for _ in range(settings.blocks)]
            if i:
                up += [nn.Conv2d(width, 4 * widths[i - 1], 3, padding=1), nn.PixelShuffle(2)]
        down += [Residual(widths[-1]), *_out(widths[-1], 2 * self.channels)]
        up += [*_out(widths[0], 4 * colours), nn.PixelShuffle(2)]
        self.down, self.up = nn.Sequential(*down), nn.Sequential(*up)
        patch = colours * self.factor**2
        self.project, self.expand = nn.Conv2d(patch, self.channels, 1), nn.Conv2d(self.channels, patch, 1)
        for last in (down[-1], up[-2]):
            nn.init.zeros_(last.weight), nn.init.zeros_(last.bias)  # pyright: ignore
        nn.init.constant_(down[-1].bias[self.channels :], LOG_VARIANCE)  # pyright: ignore
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("shift", torch.zeros(()))
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of q(z|x), on the scale that training knows."""
        more = (-x.shape[-1] % self.factor, -x.shape[-2] % self.factor)
        x = F.pad(x, (0, more[0], 0, more[1]), mode="replicate") if any(more) else x
        mean, log_variance = self.down(x).chunk(2, 1)
        return mean + self.project(F.pixel_unshuffle(x, self.factor)), log_variance.clamp(-20, 10)

    def encode(self, x: Tensor) -> Tensor:
        return (self.posterior(x)[0] - self.shift) * self.scale

    def decode(self, z: Tensor) -> Tensor:
        return self._picture(z / self.scale + self.shift).contiguous()

    def loss(self, x: Tensor, noise: Tensor, settings: LatentSettings) -> dict[str, Tensor]:
        """The parts of the loss of pictures x; `noise` is standard normal, of the shape of the latents."""
        mean, log_variance = self.posterior(x)
        made = self._picture(mean + (0.5 * log_variance).exp() * noise)[..., : x.shape[-2], : x.shape[-1]]
        error = made - x
        edges = error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
        kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean()
        return {"absolute": error.abs().mean(), "edges": settings.edges * edges, "kl": settings.kl * kl}

    def _picture(self, z: Tensor) -> Tensor:
        return self.up(z) + F.pixel_shuffle(self.expand(z), self.factor)

    @torch.no_grad()
    def begin(self, x: Tensor) -> None:
        """Starts from the principal components of the patches of pictures x [N, C, H, W].

        Their coordinates are divided by one number, not each by its own, so distances between latents are those of pictures.
        """
        more = (0, -x.shape[-1] % self.factor, 0, -x.shape[-2] % self.factor)
        patches = F.pixel_unshuffle(F.pad(x, more, mode="replicate"), self.factor).transpose(0, 1).flatten(1).double()
        centre = patches.mean(1)
        values, vectors = torch.linalg.eigh(patches.cov())
        first = vectors.flip(1)[:, : self.channels].T
        size = float((values.clamp(min=0).sum() / self.channels).sqrt().clamp(min=1e-6))
        rows = len(first)  # fewer than the channels if a patch has fewer numbers
        for parameter in (self.project.weight, self.project.bias, self.expand.weight):
            parameter.zero_()  # pyright: ignore[reportOptionalMemberAccess]
        self.project.weight[:rows, :, 0, 0] = first / size
        self.project.bias[:rows] = -first @ centre / size  # pyright: ignore[reportOptionalSubscript]
        self.expand.weight[:, :rows, 0, 0] = first.T * size
        self.expand.bias.copy_(centre)  # pyright: ignore[reportOptionalMemberAccess]

    @torch.no_grad()
    def to_unit_scale(self, means: Tensor) -> None:
        """Sets scale and shift so that these posterior means would have mean 0 and standard deviation 1."""
        self.shift.copy_(means.double().mean())
        self.scale.copy_(1 / means.double().std().clamp(min=1e-6))


class Residual(nn.Module):
    """x + conv(SiLU(norm(conv(SiLU(norm(x)))))), starting as the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(*_out(width, width), *_out(width, width))
        last = self.layers[-1]
        nn.init.zeros_(last.weight), nn.init.zeros_(last.bias)  # pyright: ignore

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


def _out(width: int, channels: int) -> tuple[nn.Module, ...]:
    return nn.GroupNorm(width // GROUP, width), nn.SiLU(), nn.Conv2d(width, channels, 3, padding=1)


def rows_at_a_time(change: object, x: Tensor, rows: int = 64) -> Tensor:
    """A function of a batch, computed in parts of it without gradients."""
    with torch.no_grad():
        return torch.cat([change(part) for part in x.split(rows)])  # pyright: ignore[reportCallIssue]


def reconstruction(coder: Coder, x: Tensor) -> dict[str, float]:
    """How well pictures x in [-1, 1] come back: mean absolute error in grey levels of 255, and PSNR in dB."""
    made = rows_at_a_time(lambda part: coder.decode(coder.encode(part)), x)[..., : x.shape[-2], : x.shape[-1]]
    error = made.float().clamp(-1, 1) - x
    square = float((error**2).mean())
    return {
        "reconstruction_error": 127.5 * float(error.abs().mean()),
        "reconstruction_psnr": -10 * float(torch.tensor(max(square, 1e-12) / 4).log10()),
    }
