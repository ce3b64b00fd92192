"""Trains the small digit classifier whose features the report on pictures compares: python benchmarks/digit_features.py

    --out FILE    where to write it; left out, where the package ships it

On the digits that ship with scikit-learn: four fifths train, a fifth says how well it reads digits it has not seen. Then the
same again on all of them, which is what is written. Half a minute; pictures are shifted by up to a pixel, so that features
do not hang on where a stroke begins.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy, pad

from reverie.evaluation.image_features import WEIGHTS, DigitNetwork
from reverie.images import read_images

STEPS, BATCH = 1500, 128


def trained(x: torch.Tensor, y: torch.Tensor, seed: int) -> DigitNetwork:
    """The network after STEPS steps on pictures x [N, 1, 8, 8] with labels y [N]."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    network = DigitNetwork()
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for _ in range(STEPS):
        rows = torch.randint(len(x), (BATCH,), generator=generator)
        dy, dx = (int(n) for n in torch.randint(3, (2,), generator=generator))
        shifted = pad(x[rows], (1, 1, 1, 1), value=-1.0)[:, :, dy : dy + 8, dx : dx + 8]
        loss = cross_entropy(network(shifted), y[rows], label_smoothing=0.05)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    out = parser.parse_args().out
    digits = read_images("digits")
    assert digits.labels is not None
    x = torch.from_numpy(digits.pixels.astype(np.float32)).permute(0, 3, 1, 2) / 127.5 - 1
    y = torch.from_numpy(digits.labels)
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(x)))
    test, train = order[: len(x) // 5], order[len(x) // 5 :]
    right = (trained(x[train], y[train], 0)(x[test]).argmax(1) == y[test]).float().mean()
    print(f"read right of {len(test)} digits that it had not seen: {100 * right:.1f} %")
    out.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in trained(x, y, 0).state_dict().items()}, out)
    print(f"wrote {out}, {out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
