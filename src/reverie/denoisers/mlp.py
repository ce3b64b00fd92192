"""A network for points: a perceptron of a few layers that sees the point and how noisy it is, both as waves too.

    u    = log-SNR(t) / 10, held to [-1, 1]                  -1 almost pure noise, 1 almost clean
    h_0  = [x, sin(2^j x), cos(2^j x), u, sin(2^k pi u / 2), cos(2^k pi u / 2)],  j = 0..J-1, k = 0..3
    h_i  = silu(W_i h_{i-1} + b_i),  silu(z) = z / (1 + e^-z)
    f    = W h_L + b

The waves let a few thousand weights learn fine structure in seconds (Tancik et al. 2020, "Fourier features"). f begins at 0.
A page can compute the same from `state`: there is nothing else in it.
"""

from __future__ import annotations

import base64
import itertools
import math
from typing import Any

import torch
from torch import Tensor, nn

from reverie.denoisers.conditions import Condition, unanswerable
from reverie.process.schedule import NoiseSchedule

__all__ = ["MLP"]

REACH = 10.0
"""log-SNR of the usual schedules lies within +-10; what is beyond is as clean, or as noisy, as makes no difference."""
LEVEL_WAVES = 4


class MLP(nn.Module):
    """(x_t [B, D], t [B]) -> [B, D].

    Args:
        schedule: its log-SNR is what the network sees of t.
        dimensions: D.
        width, depth: numbers of each hidden layer, and how many there are.
        waves: J, how many octaves of waves a coordinate is seen as; 0 for none.

    Weights are drawn from torch's own generator.
    """

    def __init__(
        self, schedule: NoiseSchedule, dimensions: int = 2, width: int = 64, depth: int = 3, waves: int = 3
    ) -> None:
        super().__init__()
        self.waves, self.state_shape = waves, (dimensions,)
        level = (schedule.log_snr / REACH).clamp(-1, 1)[:, None]
        rate = math.pi / 2 * 2.0 ** torch.arange(LEVEL_WAVES, dtype=torch.float64)
        self.levels: Tensor
        self.register_buffer("levels", torch.cat([level, (level * rate).sin(), (level * rate).cos()], 1).float(), False)
        sizes = [dimensions * (1 + 2 * waves) + 1 + 2 * LEVEL_WAVES, *[width] * depth, dimensions]
        layers = [nn.Linear(i, o) for i, o in itertools.pairwise(sizes)]
        nn.init.zeros_(layers[-1].weight)
        nn.init.zeros_(layers[-1].bias)
        self.layers = nn.ModuleList(layers)

    def check(self, condition: Condition | None, count: int) -> None:
        """Raises UsageError: it was trained without conditions."""
        if condition is not None:
            raise unanswerable()

    def forward(self, x_t: Tensor, t: Tensor) -> Tensor:
        octaves = [x_t * 2.0**j for j in range(self.waves)]
        h = torch.cat([x_t, *(wave(x) for x in octaves for wave in (torch.sin, torch.cos)), self.levels[t]], 1)
        for layer in self.layers[:-1]:
            h = nn.functional.silu(layer(h))
        return self.layers[-1](h)

    def state(self) -> dict[str, Any]:
        """All of it: how many waves, the sizes of the layers, and the weights of each layer, row by row, then its biases, as
        little-endian float32 in base64."""
        layers = [layer for layer in self.layers if isinstance(layer, nn.Linear)]
        sizes = [layers[0].in_features, *(layer.out_features for layer in layers)]
        numbers = torch.cat([part.flatten() for layer in layers for part in (layer.weight, layer.bias)])
        weights = base64.b64encode(numbers.detach().numpy().astype("<f4").tobytes()).decode()
        return {"waves": self.waves, "level_waves": LEVEL_WAVES, "reach": REACH, "sizes": sizes, "weights": weights}
