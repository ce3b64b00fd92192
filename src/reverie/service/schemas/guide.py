"""The guide's calls: analyse, forward, reverse, statistics."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from reverie.service.schemas.parts import (
    NewFigure,
    Overwrite,
    PictureName,
    Reply,
    Request,
    RunName,
    Sampler,
    Schedule,
    Seed,
    example,
)

__all__ = ["Analyse", "AnalyseReply", "Forward", "ForwardReply", "Reverse", "ReverseReply", "StatisticsReply"]

TIMESTEPS = [0, 50, 100, 200, 300, 500, 700, 900, 999]
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAAAAABX3VL4AAAADklEQVR42mNsYGBiYAAAApIAhOoU7S4AAAAASUVORK5CYII="
)


class _OnePicture(Request):
    image_path: PictureName | None = None
    image_base64: str | None = Field(
        None,
        min_length=4,
        description="A PNG, JPEG or WebP as a data URL or bare base64; this or image_path.",
        examples=[PIXEL],
    )
    max_side: int = Field(256, ge=8, le=512, description="A larger picture is reduced to this many pixels a side.")
    schedule: Schedule | None = Field(None, description="Linear with T = 1000 if left out.")
    seed: Seed = 0
    overwrite: Overwrite = False

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.image_path is None) == (self.image_base64 is None):
            raise ValueError("give one picture: image_path (a file of the workspace, or digits:3) or image_base64")
        return self


class Analyse(_OnePicture):
    """A picture at evenly chosen steps from clean to noise."""

    model_config = example(
        {
            "image_path": "digits:3",
            "num_steps": 20,
            "save_visualization": True,
            "output_path": "figures/analysis.png",
        }
    )

    num_steps: int = Field(20, ge=5, le=100, description="How many states, both ends included.")
    save_visualization: bool | None = Field(
        None, description="Draw the states as one figure; without output_path it stays among the job's files."
    )
    output_path: NewFigure | None = None

    @model_validator(mode="after")
    def _meant(self) -> Self:
        if self.save_visualization is False and self.output_path is not None:
            raise ValueError("output_path says where to save the figure, and save_visualization that none is wanted")
        return self


class Forward(_OnePicture):
    """A picture at the steps asked for."""

    model_config = example({"image_base64": PIXEL, "timesteps": TIMESTEPS, "save_path": "figures/demonstration.png"})

    timesteps: list[Annotated[int, Field(ge=0, le=2000)]] = Field(
        default=TIMESTEPS, min_length=1, max_length=200, description="Steps of 0 (clean) .. T, each once."
    )
    save_path: NewFigure | None = None


class Reverse(Request):
    """From pure noise to a picture."""

    model_config = example({"width": 256, "height": 256, "num_steps": 10, "eta": 0.0, "save_path": "figures/denoising.png"})

    width: int = Field(512, ge=256, le=1024, description="Pixels; a model sets its own.")
    height: int = Field(512, ge=256, le=1024, description="Pixels; a model sets its own.")
    num_steps: int = Field(50, ge=10, le=200)
    eta: float = Field(0.0, ge=0, le=1, description="0 is deterministic, 1 is ancestral sampling.")
    model: RunName | None = Field(None, description="A trained run; without it the exact denoiser of two photographs.")
    sampler: Sampler = Field("ddim", description="eta is a setting of ddim alone.")
    schedule: Schedule | None = Field(None, description="Of the exact denoiser; a model has its own.")
    seed: Seed = 0
    save_path: NewFigure | None = None
    overwrite: Overwrite = False

    @model_validator(mode="after")
    def _fits(self) -> Self:
        told = {"width", "height", "schedule"} & self.model_fields_set
        if self.model is not None and told:
            raise ValueError(f"a model brings its own size and schedule: leave out {min(told)}")
        return self


class AnalyseReply(Reply):
    """The states in numbers and pictures."""

    model_config = example(
        {
            "analysis": {
                "alpha_cumprod": [1.0, 0.9956, 0.00004],
                "signal_to_noise_ratio": [None, 20.9, -46.6],
                "timesteps": [0, 53, 1000],
                "visualization_images": ["data:image/png;base64,..."],
                "metadata": {"picture": "digits:3", "image_shape": [8, 8, 1], "num_steps": 20, "files": []},
            },
            "timestamp": "2025-01-31T09:30:00+00:00",
        }
    )

    analysis: dict[str, Any] = Field(
        description="Lists over the states; signal_to_noise_ratio is in dB of the picture's own power, null at t = 0."
    )
    timestamp: str


class ForwardReply(Reply):
    """Numbers and a picture for each step."""

    model_config = example(
        {
            "results": {
                "t_500": {
                    "alpha_cumprod": 0.078,
                    "signal_power": 0.041,
                    "noise_power": 0.922,
                    "signal_to_noise_ratio": -13.5,
                    "image_shape": [256, 256, 3],
                }
            },
            "images": {"t_500": "data:image/png;base64,..."},
            "metadata": {"picture": "image_base64", "seed": 0, "files": []},
            "timestamp": "2025-01-31T09:30:00+00:00",
        }
    )

    results: dict[str, dict[str, Any]] = Field(description="By t_<t>.")
    images: dict[str, str] = Field(description="PNG data URLs by t_<t>.")
    metadata: dict[str, Any]
    timestamp: str


class ReverseReply(Reply):
    """Numbers of each step, pictures of some, and the last."""

    model_config = example(
        {
            "results": {
                "step_0": {
                    "timestep": 1000,
                    "next_timestep": 900,
                    "alpha_cumprod": 0.00004,
                    "variance": 0.0,
                    "eta": 0.0,
                }
            },
            "images": {
                "step_0": {
                    "evidence": "exact",
                    "timestep": 1000,
                    "state": "data:image/png;base64,...",
                    "predicted_clean": "data:image/png;base64,...",
                }
            },
            "final_image": "data:image/png;base64,...",
            "metadata": {"evidence": "exact", "denoiser": "exact denoiser of six cut-outs of two photographs"},
            "timestamp": "2025-01-31T09:30:00+00:00",
        }
    )

    results: dict[str, dict[str, Any]] = Field(description="By step_<i>.")
    images: dict[str, dict[str, Any]] = Field(
        description="State and prediction at up to nine steps, up to 256 pixels a side."
    )
    final_image: str = Field(description="At its full size.")
    metadata: dict[str, Any] = Field(description="evidence says how the denoiser knows: exact, oracle or learned.")
    timestamp: str


class StatisticsReply(Reply):
    """A schedule in numbers."""

    model_config = example(
        {
            "statistics": {
                "config": {"num_timesteps": 1000, "name": "linear"},
                "beta_statistics": {"min": 0.0001, "max": 0.02},
                "alpha_statistics": {"terminal_alpha_cumprod": 0.00004},
                "signal_to_noise_statistics": {"unit": "dB", "terminal": -43.9},
                "noise_schedule_keys": ["betas", "alphas"],
            },
            "timestamp": "2025-01-31T09:30:00+00:00",
        }
    )

    statistics: dict[str, Any]
    timestamp: str
