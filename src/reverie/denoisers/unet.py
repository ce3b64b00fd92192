"""A U-Net over pictures of any size: what the process asks of a network, and no more.

fold                p x p pixels become channels, and channels pixels again at the end  (Shi et al. 2016)
e(t, class) -> FiLM each block is scaled and shifted by an embedding of both            (Perez et al. 2018)
down, up            residual blocks, halved in size by strided convolutions             (Ronneberger et al. 2015)
skips               added, one a level; the way up takes the size of its skip, so odd sizes are exact
attention           over positions at the coarsest level, where it is cheap             (Ho et al. 2020, appendix B)

Nearly all of its time goes into convolutions, so it is made for few: adding the skips halves the work of the way up for the
same width, and folding moves it to where a picture has a quarter of the positions. benchmarks/results/images_design.txt has
what was tried.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from reverie.denoisers.attributes import AttributeEmbedding, Attributes
from reverie.denoisers.bf16 import GroupNorm
from reverie.denoisers.conditions import Condition, LabelledVectors, Labels, Vectors, parts_of, unanswerable
from reverie.denoisers.declaration import PictureNetwork
from reverie.denoisers.unet_parts import Attention, Block, Double, Halve, Sinusoids, zeroed

__all__ = ["PRESETS", "UNet", "UNetConfig"]

LARGE: dict[str, Any] = {"optimizer": "muon", "learning_rate": 5e-3, "batch": 32}
"""How networks for larger pictures are trained; on 8 x 8 the plain optimiser is as good and cheaper."""

PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {"patch": 2, "width": 32, "multipliers": (1, 2)},
    "small": {"patch": 2, "width": 48, "multipliers": (1, 2)},
    "base": {"patch": 2, "width": 128, "multipliers": (1, 2, 2), "blocks": 2},
}
"""Sizes of UNetConfig by name: for minutes of a laptop's processor, for an hour of it, and for a GPU."""

MOST = 100_000


def _none(sizes: tuple[int, ...]) -> bool:
    """Whether there are no attributes: then a config does not speak of them, and is as it was before there were any."""
    return not sizes


class UNetConfig(PictureNetwork, frozen=True):
    """The size of a U-Net.

    Attributes:
        kind: "unet".
        patch: side of the squares of pixels that are folded into channels before the first level; 1 for none.
        width: channels at the first level; a multiple of `groups`.
        multipliers: width of each level over `width`; each further level halves the size.
        blocks: residual blocks per level on the way down, and as many on the way up.
        attention: self-attention at the coarsest level.
        groups: groups of the normalisation.
        dropout: share of activations dropped in training.
        vector: how many numbers go with each picture as its condition; 0 for none.
        attribute_levels, attribute_numbers: of attributes of pictures, how many levels each has that has levels, and how
            many numbers each other; written to a config only where there are some, by what a table tells.
    """

    recipes: ClassVar[Mapping[str, Any]] = {
        "pictures": {},
        "pictures-tiny": {"network": PRESETS["tiny"]},
        "pictures-small": {"network": PRESETS["small"], "training": LARGE},
        "pictures-base": {"network": PRESETS["base"], "training": LARGE},
        "ddpm": {
            "schedule": {"name": "linear", "steps": 1000, "beta_min": 1e-4, "beta_max": 0.02},
            "training": {"predict": "noise", "timesteps": "uniform", "optimizer": "adam"},
        },
    }
    """"pictures" (small ones) and "pictures-small" (16 pixels a side or more) are what works best, "pictures-tiny" and
    "pictures-base" other sizes; "ddpm" predicts noise on the linear schedule (Ho et al. 2020)."""

    kind: Literal["unet"] = "unet"
    patch: Literal[1, 2, 4] = 1
    width: int = Field(32, ge=4, le=1024)
    multipliers: tuple[int, ...] = Field((1, 2), min_length=1, max_length=6)
    blocks: int = Field(1, ge=1, le=8)
    attention: bool = True
    groups: int = Field(8, ge=1, le=64)
    dropout: float = Field(0.0, ge=0, lt=1)
    vector: int = Field(0, ge=0, le=100_000)
    attribute_levels: tuple[int, ...] = Field((), max_length=1000, exclude_if=_none)
    attribute_numbers: tuple[int, ...] = Field((), max_length=1000, exclude_if=_none)

    @model_validator(mode="after")
    def _divisible(self) -> Self:
        if self.width % self.groups:
            raise ValueError(f"width must be a multiple of groups, but {self.width} is not one of {self.groups}")
        if any(not 1 <= m <= 16 for m in self.multipliers):
            raise ValueError("each multiplier must be a whole number from 1 to 16")
        if any(not 1 <= n <= MOST for n in (*self.attribute_levels, *self.attribute_numbers)):
            raise ValueError(f"an attribute has 1 to {MOST:,} levels, or as many numbers")
        if self.has_attributes and (self.classes or self.vector):
            raise ValueError("a network is told attributes, or classes or a vector: of classes, make one of the attributes")
        return self

    @property
    def has_attributes(self) -> bool:
        return bool(self.attribute_levels or self.attribute_numbers)

    def fits(self, sizes: tuple[tuple[int, ...], tuple[int, ...]]) -> bool:
        return sizes == (self.attribute_levels, self.attribute_numbers)

    def with_attributes(self, levels: tuple[int, ...], numbers: tuple[int, ...]) -> Self:
        return self.model_copy(update={"attribute_levels": levels, "attribute_numbers": numbers})

    def build(self, channels: int, out_channels: int) -> UNet:
        return UNet(channels, out_channels, self)

    def numbers(self, batch: int, codec: Any) -> int:
        return batch * self.width * -(-codec.height // self.patch) * -(-codec.width // self.patch)

    def of_latents(self) -> Self:
        return self.model_copy(update={"patch": 1})  # latents are folded already

    def tensors(self, condition: Condition | None, count: int) -> dict[str, Tensor]:
        """What is untold is -1 among levels, and NaN among numbers and in a vector."""
        if self.has_attributes and isinstance(condition, Attributes | None):
            told = condition or Attributes.none(count, self.attribute_levels, self.attribute_numbers)
            parts = {"levels": told.levels, "numbers": told.numbers.float()}
            return {name: part for name, part in parts.items() if part.shape[1]}
        labels, vectors = parts_of(condition)
        if self.vector and isinstance(condition, LabelledVectors | Labels | Vectors | None):
            told = torch.full((count, self.vector), torch.nan) if vectors is None else vectors.values
            return {**super().tensors(labels, count), "vector": told.float()}
        return super().tensors(condition, count)

    def condition(self, tensors: Mapping[str, Tensor]) -> Condition | None:
        if self.has_attributes:
            first = next(iter(tensors.values()))
            levels, numbers = (tensors.get(name, first.new_empty(first.shape[0], 0)) for name in ("levels", "numbers"))
            return Attributes(levels.long(), numbers.float(), self.attribute_numbers)
        if not self.vector:
            return super().condition(tensors)
        vectors = Vectors(tensors["vector"])
        return LabelledVectors(Labels(tensors["labels"]), vectors) if self.classes else vectors


class UNet(nn.Module):
    """x [B, channels, H, W] and t [B] -> [B, out_channels, H, W]; H and W are free.

    With classes its condition is Labels, with a vector Vectors [B, vector], with both either or LabelledVectors, with
    attributes Attributes.
    `checkpointing` trades time for memory: activations inside a part are computed again in the backward pass.
    """

    checkpointing: bool = False

    def __init__(self, channels: int, out_channels: int, config: UNetConfig) -> None:
        super().__init__()
        self.state_shape = (channels, None, None)
        widths = [config.width * m for m in config.multipliers]
        embedding, self.patch, folded = 4 * config.width, config.patch, config.patch**2
        of_block = embedding, config.groups, config.dropout
        self.embed = nn.Sequential(
            Sinusoids(config.width), nn.Linear(config.width, embedding), nn.SiLU(), nn.Linear(embedding, embedding)
        )
        self.classes = nn.Embedding(config.classes + 1, embedding) if config.classes else None  # the last: no class
        self.vector = nn.Linear(config.vector, embedding) if config.vector else None
        sizes = config.attribute_levels, config.attribute_numbers
        self.attributes = AttributeEmbedding(*sizes, embedding) if config.has_attributes else None
        self.enter = nn.Conv2d(channels * folded, widths[0], 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for level, width in enumerate(widths):
            if level:
                self.down.append(Halve(widths[level - 1], width))
            self.down.extend(Block(width, *of_block) for _ in range(config.blocks))
        self.middle = nn.ModuleList([Block(widths[-1], *of_block)])
        if config.attention:
            self.middle.insert(0, Attention(widths[-1], config.groups))
        for level, width in reversed(list(enumerate(widths))):
            self.up.extend(Block(width, *of_block) for _ in range(config.blocks))
            if level:
                self.up.append(Double(width, widths[level - 1]))
        last = zeroed(nn.Conv2d(widths[0], out_channels * folded, 3, padding=1))
        self.leave = nn.Sequential(GroupNorm(config.groups, widths[0]), nn.SiLU(), last)
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]  (faster on CPUs and GPUs alike)

    def forward(self, x: Tensor, t: Tensor, condition: Condition | None = None) -> Tensor:
        e = F.silu(self._conditioned(self.embed(t), condition))
        height, width = x.shape[2:]
        x = self.enter(self._fold(x))
        skips: list[Tensor] = []
        for part in self.down:
            if isinstance(part, Halve):
                skips.append(x)
            x = self._run(part, x, e)
        for part in self.middle:
            x = self._run(part, x, e)
        for part in self.up:
            x = self._run(part, x, skips.pop() if isinstance(part, Double) else e)
        x = self._run(self.leave, x)
        return F.pixel_shuffle(x, self.patch)[:, :, :height, :width].contiguous()

    @property
    def stages(self) -> list[nn.Module]:
        """The parts whose answers say what it sees, from pixels to the coarsest and back."""
        return [part for part in (*self.down, *self.middle, *self.up) if isinstance(part, Block)]

    def check(self, condition: Condition | None, count: int) -> None:
        """Raises UsageError for a condition that it was not trained with."""
        labels, vectors = parts_of(condition)
        if isinstance(condition, Attributes) and self.attributes is not None:
            condition.check(count, self.attributes.sizes, self.attributes.lengths)
        elif condition is not None and not self._knows(labels, vectors):
            known = {"classes": self.classes, "attributes": self.attributes, "a vector": self.vector}
            raise unanswerable(next((name for name, part in known.items() if part is not None), None))
        elif labels is not None and self.classes is not None:
            labels.check(count, self.classes.num_embeddings - 1)

    def _knows(self, labels: Labels | None, vectors: Vectors | None) -> bool:
        """Whether it has an answer to what is told, if anything is."""
        told = [part for asked, part in ((labels, self.classes), (vectors, self.vector)) if asked is not None]
        return bool(told) and None not in told

    def _conditioned(self, e: Tensor, condition: Condition | None) -> Tensor:
        """The embedding of t, with that of the class, the vector and the attributes added."""
        labels, vectors = parts_of(condition)
        if self.classes is not None:
            none = self.classes.num_embeddings - 1
            e = e + self.classes(torch.full((len(e),), none, device=e.device) if labels is None else labels.values)
        if self.vector is not None and vectors is not None:
            vector = vectors.values.to(e)
            e = e + vector.isfinite().all(1, keepdim=True) * self.vector(vector.nan_to_num(0.0, 0.0, 0.0))
        if self.attributes is not None:
            e = e + self.attributes(condition if isinstance(condition, Attributes) else None, e.shape[0])
        return e

    def _fold(self, x: Tensor) -> Tensor:
        """Pixels into channels; sides that are not multiples of the patch grow by copies of the last row and column."""
        over = [-side % self.patch for side in x.shape[2:]]
        if any(over):
            x = F.pad(x, (0, over[1], 0, over[0]), mode="replicate")
        return F.pixel_unshuffle(x, self.patch).contiguous(memory_format=torch.channels_last)

    def _run(self, part: nn.Module, *inputs: Tensor) -> Tensor:
        inputs = inputs if isinstance(part, Block | Double) else inputs[:1]
        if not (self.checkpointing and torch.is_grad_enabled()):
            return part(*inputs)
        if isinstance(part, Block):  # in halves, for what is computed again is held too while it is used
            h = checkpoint(part.first, inputs[0], use_reentrant=False)
            return checkpoint(part.rest, *inputs, h, use_reentrant=False)
        return checkpoint(part, *inputs, use_reentrant=False)
