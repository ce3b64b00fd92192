"""The autoencoder starts as the principal components of patches, learns beyond them, and gives latents of unit scale."""

import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from reverie.denoisers.autoencoder import Autoencoder, LatentSettings, reconstruction


def made(**settings) -> tuple[Autoencoder, LatentSettings]:
    told = LatentSettings(**{"width": 8, "channels": 4, "halvings": 1} | settings)
    torch.manual_seed(0)
    return Autoencoder(3, told), told


def pictures(count: int = 64, side: int = 16) -> torch.Tensor:
    """Smooth colour fields, rough at a scale that a few numbers of a patch do not hold."""
    g = torch.Generator().manual_seed(1)
    rough = torch.randn(count, 3, side, side, generator=g)
    return F.avg_pool2d(F.pad(rough, (1, 1, 1, 1), mode="circular"), 3, 1).mul(1.5).clamp(-1, 1)


def test_it_starts_as_the_best_linear_autoencoder_of_patches():
    x, (module, told) = pictures(), made()
    module.begin(x)
    patches = F.pixel_unshuffle(x, 2).transpose(0, 1).flatten(1).double()
    values = torch.linalg.eigvalsh(patches.cov())
    lost = float(values[: -told.channels].sum() / values.numel())  # Eckart and Young: what the rest of the variance is
    error = float(((module.decode(module.encode(x)) - x) ** 2).mean().detach())
    assert error == pytest.approx(lost, rel=1e-3)


def test_distances_between_its_first_latents_are_those_of_pictures():
    x, (module, _) = pictures(8), made(channels=12)
    module.begin(x)
    z = module.encode(x)
    assert_close(module.decode(z), x, rtol=1e-4, atol=1e-4)  # as many numbers as a patch has: nothing is lost
    ratio = (z[0] - z[1]).norm() / (x[0] - x[1]).norm()
    assert_close((z[2] - z[5]).norm() / (x[2] - x[5]).norm(), ratio)


def test_it_learns_beyond_the_linear_one():
    x, (module, told) = pictures(), made(width=16)
    module.begin(x)
    before = reconstruction(module, x)
    optimizer = torch.optim.Adam(module.parameters(), 2e-3)
    g = torch.Generator().manual_seed(0)
    for _ in range(60):
        noise = torch.randn(64, told.channels, 8, 8, generator=g)
        optimizer.zero_grad()
        torch.stack(list(module.loss(x, noise, told).values())).sum().backward()
        optimizer.step()
    after = reconstruction(module, x)
    assert after["reconstruction_psnr"] > before["reconstruction_psnr"] + 0.3
    assert after["reconstruction_error"] < before["reconstruction_error"]


def test_its_latents_have_unit_scale_on_what_they_were_measured_on():
    x, (module, _) = pictures(), made()
    module.begin(x)
    with torch.no_grad():
        made_before = module.decode(module.encode(x))
        module.to_unit_scale(module.posterior(x)[0])
        z = module.encode(x)
    assert float(z.mean()) == pytest.approx(0, abs=1e-5) and float(z.std()) == pytest.approx(1, abs=1e-5)
    assert_close(module.decode(z), made_before, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("halvings", [1, 2, 3])
@pytest.mark.parametrize("size", [(8, 8), (28, 28), (9, 14)])
def test_pictures_of_any_size_have_latents(halvings, size):
    x, (module, told) = torch.zeros(2, 3, *size), made(halvings=halvings)
    z = module.encode(x)
    assert z.shape == (2, told.channels, *(-(-side // module.factor) for side in size))
    back = module.decode(z)
    assert back.shape[2] >= size[0] and back.shape[3] >= size[1]
    assert all(torch.isfinite(part) for part in module.loss(x, torch.zeros_like(z), told).values())


def test_the_divergence_is_that_of_the_normal_distributions():
    x, (module, _) = pictures(4), made()
    with torch.no_grad():
        mean, log_variance = module.posterior(x)
        found = module.loss(x, torch.zeros_like(mean), LatentSettings(width=8, channels=4, halvings=1, kl=1.0))["kl"]
    q = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    wanted = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).mean()
    assert_close(found, wanted)


def test_pictures_that_do_not_vary_are_no_obstacle():
    module, _ = made()
    module.begin(torch.full((4, 3, 8, 8), 0.25))
    module.to_unit_scale(module.posterior(torch.full((4, 3, 8, 8), 0.25))[0])
    assert_close(module.decode(module.encode(torch.full((1, 3, 8, 8), 0.25))), torch.full((1, 3, 8, 8), 0.25))
