"""Group norm and attention in bf16 on a processor, whose kernels in torch take many times as long as they must.

    norm        y = a x + b,  a = w / sigma, b = v - a mu;  mu and sigma of a group of channels of an example
    attention   y = softmax(q k^T / sqrt(D)) v

Both are computed some examples at a time, so that what lies between input and answer (of the norm in fp32) stays in the
cache. It is not kept for the gradient but computed again from the input, so they take less memory than torch's too. In
other precisions, on other devices and in other layouts torch's own are run. benchmarks/results/images_speed.txt has what
each gave.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

__all__ = ["GroupNorm", "QuickAttention", "attention", "norm"]

VECTOR = 16
"""Torch's norm is quick where a group has a multiple of so many channels."""
CHUNK = 2**18
"""Numbers that are computed at a time: 1 MiB in fp32."""


class GroupNorm(nn.GroupNorm):
    """torch.nn.GroupNorm, by `norm`."""

    def forward(self, input: Tensor) -> Tensor:
        return norm(self, input)


def norm(layer: nn.GroupNorm, x: Tensor, film: tuple[Tensor, Tensor] | None = None) -> Tensor:
    """x [B, C, H, W] normalised by a layer; then scaled by 1 + scale and shifted, if `film` has (scale, shift), [B, C]."""
    w, v = layer.weight, layer.bias
    odd = layer.num_channels // layer.num_groups % VECTOR
    if odd and _slow(x) and layer.affine and x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last):
        w, v = w.float()[None], v.float()[None]
        if film is not None:
            scale, shift = (part.float() for part in film)
            w, v = w * (1 + scale), torch.addcmul(shift, v, 1 + scale)
        return _Norm.apply(x, w, v, layer.num_groups, layer.eps)  # pyright: ignore[reportReturnType]
    y = F.group_norm(x, layer.num_groups, w, v, layer.eps)
    if film is None:
        return y
    scale, shift = (part[:, :, None, None] for part in film)
    return torch.addcmul(shift, y, 1 + scale)


def attention(q: Tensor, k: Tensor, v: Tensor, **more: Any) -> Tensor:
    """[B, heads, L, D] each -> [B, heads, L, D], as torch's scaled_dot_product_attention, whose options are `more`."""
    if (
        _slow(q)
        and k.dtype is v.dtype is q.dtype
        and q.ndim == 4
        and not any(isinstance(x, Tensor) or x for x in more.values())
    ):
        return _Attention.apply(q.flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1)).view_as(q)  # pyright: ignore
    return F.scaled_dot_product_attention(q, k, v, **more)


class QuickAttention(TorchFunctionMode):
    """Within it torch's scaled_dot_product_attention is `attention`: for the code of others."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return (attention if func is F.scaled_dot_product_attention else func)(*args, **(kwargs or {}))


def _slow(x: Tensor) -> bool:
    return x.dtype is torch.bfloat16 and x.device.type == "cpu" and x.numel() > 0


class _Norm(torch.autograd.Function):
    """x [B, C, H, W] channels last in bf16, w and v [B or 1, C] in fp32 -> [B, C, H, W], laid out like x."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, v: Tensor, groups: int, eps: float) -> Tensor:
        y, size = torch.empty_like(x), x[0].numel() // groups
        mu = x.new_empty(x.shape[0], groups, 1, dtype=torch.float32)
        rate = torch.empty_like(mu)  # 1 / sigma
        for part in _parts(len(x), x[0].numel()):
            rows = _rows(x[part]).float()
            m, square = (_grouped(s, groups).sum(2, keepdim=True) / size for s in (rows.sum(1), rows.square().sum(1)))
            mu[part], rate[part] = m, (square - m * m).clamp_(min=0).add_(eps).rsqrt_()
            b, a = _coefficients(part, w, v, mu, rate)
            _rows(y[part]).copy_(torch.addcmul(b, rows, a))
        ctx.save_for_backward(x, w, v, mu, rate)
        return y

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        x, w, v, mu, rate = ctx.saved_tensors
        groups, size = mu.shape[1], x[0].numel() // mu.shape[1]
        g = g.contiguous(memory_format=torch.channels_last)
        of_x, (of_w, of_v) = torch.empty_like(x), w.new_empty(2, *x.shape[:2])
        for part in _parts(len(x), x[0].numel()):
            rows, up = _rows(x[part]).float(), _rows(g[part]).float()
            a = _coefficients(part, w, v, mu, rate)[1]
            m, r = mu[part], rate[part]
            # With n = (x - mu) / sigma and e = w g: dx = (e - mean(e) - n mean(n e)) / sigma, the means over a group.
            of_v[part] = up.sum(1)
            s = _grouped(of_v[part], groups)
            p = (_grouped((up * rows).sum(1), groups) - m * s) * r
            of_w[part] = p.flatten(1)
            w_of = _grouped(_some(w, part), groups)
            e, ne = ((z * w_of).sum(2, keepdim=True) / size for z in (s, p))
            constant, slope = (ne * m * r - e) * r, -ne * r * r
            each = torch.addcmul(constant.expand_as(s).flatten(1)[:, None], up, a)
            _rows(of_x[part]).copy_(each.addcmul_(rows, slope.expand_as(s).flatten(1)[:, None]))
        if len(w) == 1:
            of_w, of_v = of_w.sum(0, keepdim=True), of_v.sum(0, keepdim=True)
        return of_x, of_w, of_v, None, None


def _parts(count: int, size: int) -> list[slice]:
    """Neighbouring examples of so many numbers each that are computed at a time."""
    step = max(1, CHUNK // size)
    return [slice(start, min(start + step, count)) for start in range(0, count, step)]


def _rows(x: Tensor) -> Tensor:
    """[B, C, H, W], channels last -> [B, H W, C], the same memory."""
    return x.permute(0, 2, 3, 1).view(x.shape[0], -1, x.shape[1])


def _grouped(of_channels: Tensor, groups: int) -> Tensor:
    """[n, C] -> [n, groups, C / groups]."""
    return of_channels.view(of_channels.shape[0], groups, -1)


def _some(x: Tensor, part: slice) -> Tensor:
    return x[part] if len(x) > 1 else x


def _coefficients(part: slice, w: Tensor, v: Tensor, mu: Tensor, rate: Tensor) -> tuple[Tensor, Tensor]:
    """b and a [n, 1, C] of some examples."""
    a = _grouped(_some(w, part), mu.shape[1]) * rate[part]
    b = _some(v, part) - (a * mu[part]).flatten(1)
    return b[:, None], a.flatten(1)[:, None]


class _Attention(torch.autograd.Function):
    """q [B, L, D], k and v [B, S, D] in bf16 -> [B, L, D]."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        y = q.new_empty(q.shape)
        for part in _parts(len(q), q.shape[1] * k.shape[1]):
            torch.bmm(_weights(q[part], k[part]), v[part], out=y[part])
        ctx.save_for_backward(q, k, v)
        return y

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        q, k, v = ctx.saved_tensors
        of_q, of_k, of_v = (x.new_empty(x.shape) for x in (q, k, v))
        for part in _parts(len(q), q.shape[1] * k.shape[1]):
            p, up = _weights(q[part], k[part]), g[part]
            torch.bmm(p.mT, up, out=of_v[part])
            of_p = torch.bmm(up, v[part].mT)
            s = torch.ops.aten._softmax_backward_data(of_p, p, 2, p.dtype).mul_(q.shape[2] ** -0.5)
            torch.bmm(s, k[part], out=of_q[part])
            torch.bmm(s.mT, q[part], out=of_k[part])
        return of_q, of_k, of_v


def _weights(q: Tensor, k: Tensor) -> Tensor:
    """[n, L, S], each row of sum 1."""
    return torch.bmm(q * q.shape[2] ** -0.5, k.mT).softmax(2)
