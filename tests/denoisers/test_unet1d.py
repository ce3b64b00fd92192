"""The series U-Net: padding cannot be seen, any length goes, and the fast convolutions are the plain ones."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from reverie.denoisers.condition_mask import ConditionMask
from reverie.denoisers.taps import Length, Taps, plain
from reverie.denoisers.unet1d import SeriesUNet, SeriesUNetConfig
from reverie.denoisers.winograd import convolve, halve, transforms, unhalve

SMALL = SeriesUNetConfig(width=16, embedding=8, levels=3, groups=4)
RULES = {"same": convolve, "half": halve, "double": unhalve}


def network(channels: int = 3, out: int = 2, config: SeriesUNetConfig = SMALL, seed: int = 0) -> SeriesUNet:
    """In float64, with every weight drawn, so that nothing is hidden behind a zero."""
    torch.manual_seed(seed)
    module = SeriesUNet(channels, out, config).double()
    with torch.no_grad():
        for weight in module.parameters():
            weight.add_(0.3 * torch.randn_like(weight) / max(weight.shape) ** 0.5)
    return module


def series(batch: int, length: int, channels: int = 3, seed: int = 1) -> torch.Tensor:
    return torch.randn(batch, length, channels, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def prefix(lengths: list[int], total: int) -> torch.Tensor:
    return torch.arange(total) < torch.tensor(lengths)[:, None]


@settings(max_examples=25)
@given(st.lists(st.integers(1, 19), min_size=1, max_size=4), st.integers(0, 13))
def test_a_record_s_answer_does_not_depend_on_its_padding_or_its_batch(lengths: list[int], further: int) -> None:
    net, total = network(), max(lengths) + further
    x, t = series(len(lengths), total), torch.arange(1, len(lengths) + 1)
    x[~prefix(lengths, total)] = torch.nan  # what lies in the padding is never read
    together = net.series(x, t, prefix(lengths, total))
    for i, length in enumerate(lengths):
        alone = net(x[i : i + 1, :length], t[i : i + 1])
        torch.testing.assert_close(together[i : i + 1, :length], alone, rtol=1e-10, atol=1e-10)
        assert not together[i, length:].any()


def test_gradients_do_not_depend_on_padding() -> None:
    lengths, t = [5, 9], torch.tensor([3, 4])
    x, grads = series(2, 16), []
    for total in (9, 16):
        net = network()
        net.series(x[:, :total], t, prefix(lengths, total)).square().sum().backward()
        grads.append([p.grad for p in net.parameters()])
    for a, b in zip(*grads, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


def test_visits_missing_in_the_middle_are_not_read_and_are_answered_with_zero() -> None:
    net, t, there = network(), torch.tensor([7]), torch.ones(1, 11, dtype=torch.bool)
    there[0, [2, 6, 7]] = False
    x, y = series(1, 11), series(1, 11)
    y[there] = x[there]
    assert torch.equal(net.series(x, t, there), net.series(y, t, there))
    assert not net.series(x, t, there)[~there].any()
    assert not torch.allclose(net.series(x, t, there)[there], net(x, t)[there])


@settings(max_examples=15)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=3), st.integers(0, 4))
def test_of_a_record_only_the_visits_are_read_and_only_what_is_asked_is_answered(visits: list[int], further: int) -> None:
    net, N = network(out=3), 1 + max(visits) + further
    x, t = series(len(visits), N), torch.arange(1, len(visits) + 1)
    present = prefix([1 + n for n in visits], N)
    asked = present[..., None].expand(-1, -1, 3).clone()
    asked[:, 0] = asked[:, 1, 2] = False  # the statics, and a cell that is held at 0
    told = ConditionMask(torch.zeros_like(x), torch.zeros_like(asked), asked, present)
    answer = net(torch.where(asked, x, torch.nan), t, told)
    assert not answer[~asked].any()
    for i, n in enumerate(visits):
        alone = net(torch.where(asked, x, 0.0)[i : i + 1, 1 : 1 + n], t[i : i + 1])
        torch.testing.assert_close(answer[i, 1 : 1 + n][asked[i, 1 : 1 + n]], alone[0][asked[i, 1 : 1 + n]])


def test_a_full_mask_is_no_mask() -> None:
    net, x, t = network(), series(2, 13), torch.tensor([1, 9])
    assert torch.equal(net.series(x, t, torch.ones(2, 13, dtype=torch.bool)), net(x, t))


@pytest.mark.parametrize("length", [1, 2, 3, 5, 7, 25, 60, 61])
def test_any_length_is_answered_and_every_weight_gets_a_gradient(length: int) -> None:
    net = network()
    y = net(series(2, length), torch.tensor([1, 300]))
    assert y.shape == (2, length, 2)
    y.square().sum().backward()
    for name, weight in net.named_parameters():
        assert weight.grad is not None and weight.grad.isfinite().all() and weight.grad.any(), name


def test_every_visit_is_read_and_reaches_the_whole_series() -> None:
    net, x = network(), series(1, 16).requires_grad_()
    net(x, torch.tensor([5]))[0, 15].sum().backward()
    assert x.grad is not None and (x.grad.abs().sum(2) > 0).all()


def test_at_the_published_constants_it_has_the_published_number_of_weights() -> None:
    module = SeriesUNet(22, 22, SeriesUNetConfig())
    assert sum(p.numel() for p in module.parameters()) == 7_373_334  # published: 7.4 M


def test_film_is_the_identity_at_first() -> None:
    torch.manual_seed(0)
    net, x = SeriesUNet(3, 2, SMALL).double(), series(2, 9)
    assert torch.equal(net(x, torch.tensor([1, 2])), net(x, torch.tensor([400, 90])))
    torch.nn.init.normal_(net.film[0].second.weight)
    assert not torch.allclose(net(x, torch.tensor([1, 2])), net(x, torch.tensor([400, 90])))


@pytest.mark.parametrize("bad", [{"width": 12}, {"embedding": 7}, {"levels": 0}, {"kind": "unet"}, {"depth": 3}])
def test_settings_that_cannot_be_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SeriesUNetConfig.model_validate(bad)


@settings(max_examples=40)
@given(st.sampled_from(list(RULES)), st.integers(1, 23), st.integers(1, 3), st.integers(1, 5), st.integers(1, 5))
def test_fewer_products_give_the_same_convolution_and_gradients(rule: Length, length: int, b: int, c: int, d: int) -> None:
    torch.manual_seed(length)
    taps = Taps(rule, c, d).double()
    x = torch.randn(length, b, c, dtype=torch.float64, requires_grad=True)
    fast, slow = RULES[rule](x, taps.weight), plain(rule, x, taps.weight)
    torch.testing.assert_close(fast, slow, rtol=1e-12, atol=1e-12)
    grad = torch.randn_like(slow)
    pairs = zip(*(torch.autograd.grad(y, (x, taps.weight), grad) for y in (fast, slow)), strict=True)
    for a, e in pairs:
        torch.testing.assert_close(a, e, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("rule", RULES)
def test_gradients_of_the_convolutions_are_their_differences(rule: Length) -> None:
    torch.manual_seed(0)
    x = torch.randn(5, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(RULES[rule], (x, Taps(rule, 3, 2).double().weight))


@pytest.mark.parametrize("taps", [2, 3])
def test_the_transforms_make_a_convolution_of_any_taps(taps: int) -> None:
    a, g, b = transforms(taps, torch.float64, torch.device("cpu"))
    x, w = torch.randn(len(b), dtype=torch.float64), torch.randn(taps, dtype=torch.float64)
    slow = torch.stack([x[i : i + taps] @ w for i in range(4)])
    torch.testing.assert_close(a.T @ ((g @ w) * (b @ x)), slow, rtol=1e-13, atol=1e-13)
    assert torch.equal(b, b.round())


def test_in_float32_the_answer_is_that_of_float64_to_five_digits() -> None:
    config = SMALL.model_copy(update={"width": 64})
    net, x, t = network(config=config), series(4, 37), torch.arange(1, 5)
    exact = net(x, t)
    rounded = net.float()(x.float(), t).double()
    assert (rounded - exact).abs().max() < 1e-5 * exact.abs().max()


def test_under_autocast_the_answer_is_that_of_full_precision_to_two_digits() -> None:
    net, x, t = network().float(), series(2, 13).float(), torch.tensor([1, 9])
    exact = net.series(x, t, prefix([13, 6], 13))
    with torch.autocast("cpu", torch.bfloat16):
        rounded = net.series(x, t, prefix([13, 6], 13))
    assert rounded.dtype == torch.float32 and (rounded - exact).abs().max() < 0.05 * exact.abs().max()
    assert not torch.equal(rounded, exact)
