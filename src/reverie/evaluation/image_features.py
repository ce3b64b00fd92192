"""What is compared of pictures: features of a small classifier, or principal components of the pixels.

digits       8 x 8 grey pictures: the last hidden layer (64 numbers) of a network trained to tell the ten digits apart, on
             the digits that ship with scikit-learn. It sees what tells digits apart; of other pictures of that size only
             coarse strokes.
clothes      28 x 28 grey pictures: the same of a network trained to tell the ten classes of Fashion-MNIST apart. It sees
             outline, tone and coarse texture.
components   all other pictures: the components that hold the most variance of the real ones. They see layout, brightness and
             colour; fine texture and meaning they do not see.

benchmarks/picture_features.py trains both classifiers; nothing is downloaded. None of these is Inception, so no distance in
them is an FID, and distances in different features cannot be compared.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import relu

__all__ = [
    "CLOTHES",
    "DIGITS",
    "ClothesNetwork",
    "DigitNetwork",
    "Features",
    "features_for",
    "of_clothes",
    "of_components",
    "of_digits",
]

DIGITS = Path(__file__).parent / "data" / "digit_features.safetensors"
CLOTHES = Path(__file__).parent / "data" / "clothes_features.safetensors"
COMPONENTS = 64
PICTURES_EACH = 10
"""At least so many pictures for each component, else moments are noise."""


@dataclass(frozen=True, eq=False)
class Features:
    """A way of seeing: `of` takes uint8 [N, H, W, C] to float64 [N, D]; `name` and `about` say what it sees."""

    name: str
    about: str
    of: Callable[[np.ndarray], np.ndarray]


class DigitNetwork(nn.Module):
    """[N, 1, 8, 8] in [-1, 1] -> logits of ten digits; two convolutions, one hidden layer of 64."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 24, 3, padding=1)
        self.second = nn.Conv2d(24, 48, 3, padding=1, stride=2)
        self.hidden = nn.Linear(48 * 16, 64)
        self.out = nn.Linear(64, 10)

    def features(self, x: Tensor) -> Tensor:
        """The hidden layer, before it is cut off at 0: [N, 64]."""
        return self.hidden(relu(self.second(relu(self.first(x)))).flatten(1))

    def forward(self, x: Tensor) -> Tensor:
        return self.out(relu(self.features(x)))


class ClothesNetwork(nn.Module):
    """[N, 1, 28, 28] in [-1, 1] -> logits of ten kinds of clothes; three convolutions, one hidden layer of 64."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 24, 3, padding=1, stride=2)
        self.second = nn.Conv2d(24, 40, 3, padding=1, stride=2)
        self.third = nn.Conv2d(40, 64, 3, padding=1, stride=2)
        self.hidden = nn.Linear(64 * 16, 64)
        self.out = nn.Linear(64, 10)

    def features(self, x: Tensor) -> Tensor:
        """The hidden layer, before it is cut off at 0: [N, 64]."""
        return self.hidden(relu(self.third(relu(self.second(relu(self.first(x)))))).flatten(1))

    def forward(self, x: Tensor) -> Tensor:
        return self.out(relu(self.features(x)))


def features_for(real: np.ndarray) -> Features:
    """The features for pictures like these, uint8 [N, H, W, C]."""
    match real.shape[1:]:
        case (8, 8, 1):
            return of_digits()
        case (28, 28, 1):
            return of_clothes()
    return of_components(real)


def of_digits() -> Features:
    """Features of the small digit classifier that ships with the package, for pictures [N, 8, 8, 1]."""
    about = (
        "The features are those of a small digit classifier (64 numbers), trained on the digits that ship with "
        "scikit-learn: they see what tells digits apart, and of other pictures little."
    )
    return Features("features of a small digit classifier", about, _hidden(DigitNetwork(), DIGITS))


def of_clothes() -> Features:
    """Features of the small classifier of clothes that ships with the package, for pictures [N, 28, 28, 1]."""
    about = (
        "The features are those of a small classifier of clothes (64 numbers), trained on Fashion-MNIST, 28 x 28: they see "
        "outline, tone and coarse texture, and of pictures of other things little else."
    )
    return Features("features of a small classifier of clothes", about, _hidden(ClothesNetwork(), CLOTHES))


def _hidden(network: DigitNetwork | ClothesNetwork, weights: Path) -> Callable[[np.ndarray], np.ndarray]:
    network.load_state_dict(load_file(weights))
    network.eval().requires_grad_(False)

    def of(pixels: np.ndarray) -> np.ndarray:
        x = torch.from_numpy(pixels.astype(np.float32)).permute(0, 3, 1, 2) / 127.5 - 1
        return torch.cat([network.features(part) for part in x.split(2048)]).double().numpy()

    return of


def of_components(real: np.ndarray) -> Features:
    """Principal components of the pixels of these pictures."""
    flat = real.reshape(len(real), -1).astype(np.float64) / 127.5 - 1
    mean = flat.mean(0)
    count = max(1, min(COMPONENTS, len(real) // PICTURES_EACH, flat.shape[1]))
    _, _, rows = np.linalg.svd(flat - mean, full_matrices=False)
    axes = rows[:count].T

    def of(pixels: np.ndarray) -> np.ndarray:
        return (pixels.reshape(len(pixels), -1).astype(np.float64) / 127.5 - 1 - mean) @ axes

    about = (
        f"The features are the {count} principal components of the training pictures' pixels: they see layout, brightness "
        "and colour, not fine texture or meaning."
    )
    return Features("principal components of the pixels", about, of)
