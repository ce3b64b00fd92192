"""Norm and attention in bf16 are torch's, but for rounding, with their gradients; and nothing else in other precisions."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reverie.denoisers import bf16
from reverie.denoisers.bf16 import GroupNorm, QuickAttention, attention, norm
from reverie.denoisers.diffusers_unet import DiffusersUNetConfig
from reverie.denoisers.unet import UNetConfig

ROUNDING = 2e-2
"""Of the norm of a tensor: bf16 has eight bits."""


def near(found: Tensor, exact: Tensor) -> bool:
    return float((found.double() - exact).detach().norm()) <= ROUNDING * float(exact.detach().norm()) + 1e-6


def layer(channels: int) -> GroupNorm:
    torch.manual_seed(0)
    made = GroupNorm(4, channels)
    nn.init.normal_(made.weight)
    nn.init.normal_(made.bias)
    return made


def picture(*size: int) -> Tensor:
    x = 1.5 * torch.randn(*size, generator=torch.Generator().manual_seed(1)) + 2
    return x.bfloat16().to(memory_format=torch.channels_last).requires_grad_()


@pytest.mark.parametrize("size", [(5, 8, 7, 5), (3, 16, 1, 6), (1, 8, 16, 16)])
@pytest.mark.parametrize("told", [False, True])
def test_a_norm_and_its_gradients_are_those_in_float64(size, told):
    x, ours = picture(*size), layer(size[1])
    exact = nn.GroupNorm(4, size[1]).double()
    exact.load_state_dict(ours.state_dict())
    film = torch.randn(2, *size[:2], generator=torch.Generator().manual_seed(2)).unbind(0) if told else ()
    film = tuple(part.requires_grad_() for part in film)
    x_64, film_64 = x.detach().double().requires_grad_(), tuple(part.detach().double().requires_grad_() for part in film)
    y, y_64 = norm(ours, x, film or None), exact(x_64)
    if told:
        y_64 = y_64 * (1 + film_64[0][:, :, None, None]) + film_64[1][:, :, None, None]
    assert y.dtype is torch.bfloat16 and y.stride() == x.stride() and near(y, y_64)
    g = torch.randn(size, generator=torch.Generator().manual_seed(3)).bfloat16()
    found = torch.autograd.grad(y, (x, *ours.parameters(), *film), g)
    for a, b in zip(found, torch.autograd.grad(y_64, (x_64, *exact.parameters(), *film_64), g.double()), strict=True):
        assert near(a, b)


@pytest.mark.parametrize("keys", [9, 4])
def test_attention_and_its_gradients_are_those_in_float64(keys):
    g = torch.Generator().manual_seed(4)
    asked = [torch.randn(3, 2, n, 8, generator=g).bfloat16().requires_grad_() for n in (9, keys, keys)]
    exact = [x.detach().double().requires_grad_() for x in asked]
    y, y_64, up = attention(*asked), F.scaled_dot_product_attention(*exact), torch.randn(3, 2, 9, 8, generator=g).bfloat16()
    assert near(y, y_64)
    for a, b in zip(torch.autograd.grad(y, asked, up), torch.autograd.grad(y_64, exact, up.double()), strict=True):
        assert near(a, b)
    with QuickAttention():
        assert torch.equal(F.scaled_dot_product_attention(*asked), y)


def test_how_many_examples_are_computed_at_a_time_changes_nothing(monkeypatch):
    def computed() -> list[Tensor]:
        x, ours = picture(5, 8, 6, 6), layer(8)
        y = ours(x)
        q = x.flatten(2).transpose(1, 2)[:, None]
        return [y, *torch.autograd.grad(y.sum() + attention(q, q, q).square().sum(), x)]

    whole = computed()
    monkeypatch.setattr(bf16, "CHUNK", 1)
    assert all(torch.equal(a, b) for a, b in zip(computed(), whole, strict=True))


def test_other_precisions_layouts_widths_and_masks_are_left_to_torch():
    x, ours = picture(2, 8, 5, 5).detach(), layer(8)
    for other in (x.float(), x.double(), x.contiguous()):
        mine, theirs = (norm(kind.to(other.dtype), other) for kind in (ours, _same(ours)))
        assert torch.equal(mine, theirs)
        ours.float()
    wide = picture(2, 64, 5, 5).detach()
    assert torch.equal(norm(layer(64), wide), _same(layer(64))(wide))
    q, mask = x.flatten(2)[:, None], torch.ones(8, 8, dtype=torch.bool).tril()
    assert torch.equal(attention(q, q, q, attn_mask=mask), F.scaled_dot_product_attention(q, q, q, attn_mask=mask))
    assert torch.equal(attention(*[q.float()] * 3), F.scaled_dot_product_attention(*[q.float()] * 3))


def _same(ours: GroupNorm) -> nn.GroupNorm:
    theirs = nn.GroupNorm(ours.num_groups, ours.num_channels)
    theirs.load_state_dict(ours.state_dict())
    return theirs


@pytest.mark.parametrize("config", [UNetConfig(width=8, groups=4), DiffusersUNetConfig(width=8, groups=4)])
def test_gradients_of_a_network_in_bf16_are_those_in_fp32_also_when_computed_again(config):
    torch.manual_seed(0)
    network = config.build(3, 3)
    for weight in network.parameters():
        nn.init.normal_(weight, std=0.2)
    x, t = torch.randn(4, 3, 8, 8), torch.tensor([1, 200, 500, 1000])

    def gradient(low: bool) -> Tensor:
        network.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=low):
            y = network(x, t)
        y.float().square().mean().backward()
        return torch.cat([w.grad.flatten() for w in network.parameters() if w.grad is not None]).clone()

    exact, low = gradient(False), gradient(True)
    assert not torch.equal(low, exact) and float((low - exact).norm()) < 0.1 * float(exact.norm())
    network.train()
    network.checkpointing = True
    assert torch.equal(gradient(True), low)
