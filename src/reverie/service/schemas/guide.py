"""The guide's statistics of a schedule."""

from __future__ import annotations

from typing import Any

from reverie.operations.request import Reply, example

__all__ = ["StatisticsReply"]


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
            "timestamp": "2025-01-31T09:30:00.000+00:00",
        }
    )

    statistics: dict[str, Any]
    timestamp: str
