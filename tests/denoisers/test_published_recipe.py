"""The benchmark's plain network and ours are one function, and its published sampling does what it says."""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from reverie.denoisers.unet1d import SeriesUNet, SeriesUNetConfig

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def recipe() -> ModuleType:
    spec = importlib.util.spec_from_file_location("published_recipe", FOLDER / "published_recipe.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(FOLDER))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(FOLDER))
    return module


def test_with_the_same_weights_the_plain_network_gives_the_same_answer(recipe: ModuleType) -> None:
    torch.manual_seed(0)
    plain, ours = recipe.PublishedUNet().double(), SeriesUNet(22, 22, SeriesUNetConfig()).double()
    half = recipe.EMBEDDING // 2  # the plain table is float32 however it is cast: compute it in float64 as ours is here
    frequency = torch.exp(-math.log(1e4) * torch.arange(half) / half).double()
    angle = torch.arange(recipe.STEPS + 1)[:, None] * frequency
    plain.table = torch.cat([angle.sin(), angle.cos()], 1)
    names = {"norm_1": "norms.0", "norm_2": "norms.1", "conv_1": "taps.0", "conv_2": "taps.1"}
    mine = ours.state_dict()
    for name, value in plain.state_dict().items():
        if name == "table":
            continue
        if name.startswith(("enter", "leave", "film")):
            name = name.replace(".0.", ".first.").replace(".2.", ".second.") if not name.startswith("film") else film(name)
        for theirs, own in names.items():
            name = name.replace(theirs, own)
        mine[name] = value.permute(2, 1, 0) if value.ndim == 3 else value
    ours.load_state_dict(mine)
    x, t = torch.randn(2, 16, 22, dtype=torch.float64), torch.tensor([1, 500])
    expected = plain(x.transpose(1, 2).unsqueeze(1), t)[:, 0].transpose(1, 2)
    torch.testing.assert_close(ours(x, t), expected, rtol=1e-9, atol=1e-9)


def film(name: str) -> str:
    head, level, layer, kind = name.split(".")
    return ".".join([head, level, {"0": "first", "2": "second"}[layer], kind])


def test_the_published_sampling_keeps_only_series_inside_the_box_and_stops_at_its_cap(
    recipe: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def still(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        calls.append(int(t[0]))
        return x

    monkeypatch.setattr(recipe, "STEPS", 20)
    monkeypatch.setattr(recipe, "MONTHS", 1)
    monkeypatch.setattr(recipe, "CHANNELS", 2)
    kept = recipe.published_batch(still, steps=20)
    assert calls == list(range(20, 0, -1)) and 0 < len(kept) < recipe.AT_ONCE and kept.abs().max() <= 1
    monkeypatch.setattr(recipe, "MONTHS", 60)
    monkeypatch.setattr(recipe, "published_batch", lambda network: kept[:0])
    calls.clear()
    assert len(recipe.published_patients(still, 5)) == 0


def test_both_sides_take_training_steps(recipe: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipe, "BATCH", 2)
    series = torch.rand(4, 60, 22) * 2 - 1
    theirs, ours = recipe.published_steps(series), recipe.our_steps(series)
    assert next(theirs) > 0 and next(ours).loss > 0
    assert recipe.our_patients(recipe.our_network(), 1, steps=2).shape == (1, 60, 22)
