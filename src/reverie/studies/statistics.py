"""A schedule in numbers, over its steps t = 1..T (t = 0, the clean data, has infinite SNR and is left out)."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from reverie.process import NoiseSchedule

__all__ = ["statistics"]


def statistics(schedule: NoiseSchedule | None = None) -> dict[str, Any]:
    """config, beta_statistics, alpha_statistics, signal_to_noise_statistics (dB) and noise_schedule_keys.

    The SNR is alpha_bar / (1 - alpha_bar), that of data of unit power. A step with no signal left (zero terminal SNR) has
    no finite SNR in dB: `steps_without_signal` counts such steps and the other numbers are of the rest.
    """
    schedule = NoiseSchedule.linear() if schedule is None else schedule
    snr = schedule.snr_db[1:]
    finite = snr[snr.isfinite()]
    return {
        "config": {"num_timesteps": schedule.steps, **schedule.config},
        "beta_statistics": _summary(schedule.beta[1:]),
        "alpha_statistics": {
            **_summary(schedule.alpha[1:]),
            "alpha_cumprod": _summary(schedule.alpha_bar[1:]),
            "terminal_alpha_cumprod": float(schedule.alpha_bar[-1]),
            "warning": schedule.warning,
        },
        "signal_to_noise_statistics": {
            "unit": "dB",
            **_summary(finite),
            "terminal": float(snr[-1]) if snr[-1].isfinite() else None,
            "last_step_above_0_db": int((snr > 0).nonzero().max()) + 1 if (snr > 0).any() else 0,
            "steps_without_signal": len(snr) - len(finite),
        },
        "noise_schedule_keys": list(schedule.coefficients()),
    }


def _summary(values: Tensor) -> dict[str, float | None]:
    if len(values) == 0:
        return dict.fromkeys(("min", "max", "mean", "std", "first", "last"))
    return {
        "min": float(values.min()),
        "max": float(values.max()),
        "mean": float(values.mean()),
        "std": float(values.std(correction=0)),
        "first": float(values[0]),
        "last": float(values[-1]),
    }
