"""Trains the small classifiers whose features the report compares pictures in.

    python benchmarks/picture_features.py digits      the digits that ship with scikit-learn, 8 x 8; half a minute
    python benchmarks/picture_features.py clothes     Fashion-MNIST, 28 x 28 (fashion.py says where it is from); ten minutes

Prints the accuracy on pictures that it had not seen and how far training and test pictures are apart in the features, and
writes the weights that are shipped. In training, pictures are shifted by up to a twelfth of their side, so that features do
not hang on where a stroke begins.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad

import fashion
from reverie.evaluation.image_distances import frechet
from reverie.evaluation.image_features import CLOTHES, DIGITS, ClothesNetwork, DigitNetwork
from reverie.images import read_images

BATCH = 128


def trained(network: nn.Module, x: Tensor, y: Tensor, steps: int, seed: int = 0) -> nn.Module:
    """The network after some steps on pictures x [N, 1, H, W] in [-1, 1] with labels y [N]."""
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    side, shift = x.shape[-1], max(1, x.shape[-1] // 12)
    for _ in range(steps):
        rows = torch.randint(len(x), (BATCH,), generator=generator)
        dy, dx = (int(n) for n in torch.randint(2 * shift + 1, (2,), generator=generator))
        shifted = pad(x[rows], (shift,) * 4, value=-1.0)[:, :, dy : dy + side, dx : dx + side]
        loss = cross_entropy(network(shifted), y[rows], label_smoothing=0.05)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network.eval()


def report(network: DigitNetwork | ClothesNetwork, train: Tensor, test: Tensor, y: Tensor) -> None:
    with torch.no_grad():
        right = (network(test).argmax(1) == y).float().mean()
        seen, unseen = (network.features(x[: len(test)]).double().numpy() for x in (train, test))
        noise = network.features(2 * torch.rand_like(test) - 1).double().numpy()
    print(f"told right of {len(test)} pictures that it had not seen: {100 * right:.1f} %")
    print(
        f"Frechet distance to them: of training pictures {frechet(seen, unseen):.2f}, of noise {frechet(noise, unseen):.0f}"
    )


def tensors(pixels: np.ndarray, labels: np.ndarray) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(pixels.astype(np.float32)).permute(0, 3, 1, 2) / 127.5 - 1, torch.from_numpy(labels)


def digits() -> nn.Module:
    """Judged by a fifth of the pictures, then trained on all of them."""
    found = read_images("digits")
    assert found.labels is not None
    x, y = tensors(found.pixels, found.labels)
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(x)))
    test, train = order[: len(x) // 5], order[len(x) // 5 :]
    torch.manual_seed(0)
    judged = DigitNetwork()
    report(trained(judged, x[train], y[train], 1500), x[train], x[test], y[test])  # pyright: ignore[reportArgumentType]
    torch.manual_seed(0)
    return trained(DigitNetwork(), x, y, 1500)


def clothes() -> nn.Module:
    x, y = tensors(*fashion.train())
    torch.manual_seed(0)
    network = trained(ClothesNetwork(), x, y, 6000)
    report(network, x, *tensors(*fashion.test()))  # pyright: ignore[reportArgumentType]
    return network


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", choices=["digits", "clothes"])
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    make, usual = {"digits": (digits, DIGITS), "clothes": (clothes, CLOTHES)}[arguments.pictures]
    out = arguments.out or usual
    out.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in make().state_dict().items()}, out)
    print(f"wrote {out}, {out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
