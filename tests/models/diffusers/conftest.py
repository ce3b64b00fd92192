"""Small models of diffusers, made here, saved by diffusers itself."""

import pytest
import torch
from diffusers import DDIMPipeline, DDIMScheduler, UNet2DModel
from diffusers.utils import logging

logging.set_verbosity_error()
logging.disable_progress_bar()

SMALL = {
    "sample_size": 8,
    "in_channels": 1,
    "out_channels": 1,
    "block_out_channels": (8, 16),
    "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
    "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
    "norm_num_groups": 4,
    "layers_per_block": 1,
}


def small_unet(**settings) -> UNet2DModel:
    torch.manual_seed(0)
    return UNet2DModel(**{**SMALL, **settings}).eval()


def small_pipeline(module=None, **scheduler) -> DDIMPipeline:
    settings = {"clip_sample": False, "timestep_spacing": "trailing"} | scheduler
    made = DDIMPipeline(module or small_unet(), DDIMScheduler(**settings))
    made.set_progress_bar_config(disable=True)
    return made


@pytest.fixture
def unet():
    """Makes the same small U-Net each time, but for the settings given."""
    return small_unet


@pytest.fixture(scope="session")
def pipelines():
    """The same as `pipeline`, for what is made once."""
    return small_pipeline


@pytest.fixture
def pipeline():
    """Makes a pipeline of a small U-Net and a DDIM scheduler without clipping, on a trailing grid."""
    return small_pipeline


@pytest.fixture
def saved(tmp_path):
    """A pipeline saved by diffusers."""
    small_pipeline().save_pretrained(tmp_path / "theirs")
    return tmp_path / "theirs"


@pytest.fixture
def noise():
    """Standard normal numbers, the same each time."""

    def made(*shape: int, seed: int = 1) -> torch.Tensor:
        return torch.randn(shape, generator=torch.Generator().manual_seed(seed))

    return made


@pytest.fixture
def theirs():
    """The last state of diffusers' own loop."""

    def loop(scheduler, module, x, steps, **told):
        scheduler.set_timesteps(steps)
        with torch.no_grad():
            for t in scheduler.timesteps:
                x = scheduler.step(module(x, t).sample, t, x, **told).prev_sample
        return x

    return loop
