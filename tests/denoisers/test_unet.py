"""The U-Net over pictures: any size, exact conditions, memory for time."""

import pytest
import torch
from pydantic import ValidationError

from reverie.denoisers.conditions import Labels, Vectors
from reverie.denoisers.network import Network
from reverie.denoisers.unet import PRESETS, UNet, UNetConfig
from reverie.denoisers.unet_parts import Halve
from reverie.errors import UsageError
from reverie.process import GaussianProcess, NoiseSchedule


def awake(channels: int, **config) -> UNet:
    """A small network whose last layers do not start at zero, so that everything matters."""
    torch.manual_seed(0)
    network = UNet(channels, channels, UNetConfig(**{"width": 8, "groups": 4, **config}))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return network.double()


def question(channels: int, *size: int, batch: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(1)
    return torch.randn(batch, channels, *size, generator=g, dtype=torch.float64), torch.tensor([1, 500, 1000][:batch])


@pytest.mark.parametrize("patch", [1, 2, 4])
@pytest.mark.parametrize("size", [(8, 8), (7, 5), (28, 28), (1, 1), (3, 16)])
def test_the_answer_has_the_size_of_the_question_whatever_it_is(patch, size):
    network = awake(3, patch=patch, multipliers=(1, 2, 2))
    answer = network(*question(3, *size))
    assert answer.shape == (3, 3, *size) and bool(answer.isfinite().all())


@pytest.mark.parametrize("size", [(1, 1), (5, 1), (1, 5), (2, 2)])
def test_gradients_in_bf16_are_those_in_fp32_whatever_the_size(size):
    halve, g = Halve(8, 16).to(memory_format=torch.channels_last), torch.Generator().manual_seed(2)
    x = torch.randn(4, 8, *size, generator=g)
    exact = torch.autograd.grad(halve(x).square().sum(), list(halve.parameters()))
    for _ in range(5):
        _ = torch.full((100_000,), torch.nan)  # what memory may hold that is taken next
        with torch.autocast("cpu", torch.bfloat16):
            rounded = halve(x)
        for a, b in zip(torch.autograd.grad(rounded.float().square().sum(), list(halve.parameters())), exact, strict=True):
            torch.testing.assert_close(a, b, rtol=0.1, atol=0.1 * float(b.abs().max()))


@pytest.mark.parametrize("size", [(8, 8), (7, 5)])
def test_every_pixel_of_a_folded_picture_reaches_the_answer(size):
    network, (x, t) = awake(1, patch=2), question(1, *size, batch=1)
    x.requires_grad_()
    (reached,) = torch.autograd.grad(network(x, t).square().sum(), x)
    assert bool((reached != 0).all())


def test_pictures_of_a_batch_do_not_see_each_other():
    network, (x, t) = awake(1, patch=2), question(1, 8, 8)
    together = network(x, t)
    alone = torch.cat([network(x[i : i + 1], t[i : i + 1]) for i in range(3)])
    assert torch.allclose(together, alone, atol=1e-10)


def test_a_network_starts_by_predicting_nothing():
    network = UNet(1, 2, UNetConfig(width=8, groups=4))
    assert bool((network(torch.randn(2, 1, 8, 8), torch.tensor([3, 4])) == 0).all())


def test_no_labels_are_those_of_the_last_class_and_each_class_is_its_own():
    network, (x, t) = awake(1, classes=3), question(1, 8, 8)
    answers = [network(x, t, Labels(torch.full((3,), k))) for k in range(4)]
    assert torch.equal(network(x, t), answers[3])
    assert all(not torch.allclose(a, b) for i, a in enumerate(answers) for b in answers[:i])


def test_a_row_of_the_vector_that_is_not_finite_is_no_vector():
    network, (x, t) = awake(1, vector=2), question(1, 8, 8)
    vector = torch.tensor([[0.5, -1.0], [float("nan"), 0.0], [0.0, 0.0]], dtype=torch.float64)
    answer, without = network(x, t, Vectors(vector)), network(x, t)
    assert torch.allclose(answer[1], without[1], atol=1e-12)
    assert not torch.allclose(answer[0], without[0]) and not torch.allclose(answer[2], without[2])


def test_a_network_with_a_vector_is_told_it_as_the_condition():
    module, (x, t) = awake(1, vector=2), question(1, 8, 8)
    network = Network(GaussianProcess(NoiseSchedule.cosine(1000)), module)
    vector = torch.tensor([[0.5, -1.0]] * 3, dtype=torch.float64)
    assert torch.equal(network(x, t, Vectors(vector)).velocity, module(x, t, Vectors(vector)))
    with pytest.raises(UsageError):
        network(x, t, Labels(torch.ones(3, dtype=torch.int64)))


@pytest.mark.parametrize("patch", [1, 2])
def test_checkpointing_changes_no_gradient_and_keeps_half_or_less(patch):
    x, t = question(1, 16, 16)
    found, kept = [], []
    for checkpointing in (False, True):
        network, sizes = awake(1, patch=patch), {}
        network.checkpointing = checkpointing
        weights = {p.untyped_storage().data_ptr() for p in network.parameters()}

        def pack(tensor, sizes=sizes, weights=weights):
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in weights:
                sizes[storage.data_ptr()] = storage.nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            loss = network(x, t).square().mean()
        kept.append(sum(sizes.values()))
        loss.backward()
        found.append([p.grad for p in network.parameters()])
    assert all(torch.allclose(a, b, atol=1e-12) for a, b in zip(*found, strict=True) if a is not None)
    assert kept[1] <= kept[0] / 2


def test_presets_grow_and_are_configs():
    networks = [UNet(3, 3, UNetConfig(**PRESETS[name])) for name in ("tiny", "small", "base")]
    sizes = [sum(p.numel() for p in network.parameters()) for network in networks]
    assert sizes == sorted(sizes) and sizes[0] < 1e6 < sizes[2]


@pytest.mark.parametrize(
    ("config", "words"), [({"width": 12}, "multiple of groups"), ({"multipliers": (1, 17)}, "1 to 16"), ({"patch": 3}, "2")]
)
def test_a_config_that_makes_no_network_is_refused(config, words):
    with pytest.raises(ValidationError, match=words):
        UNetConfig.model_validate(config)
