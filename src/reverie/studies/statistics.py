"""A schedule in numbers, over its steps t = 1..T (t = 0, the clean data, has infinite SNR and is left out)."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from reverie.errors import UsageError
from reverie.process import NoiseSchedule

__all__ = ["statistics", "tables"]


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


def tables(schedule: NoiseSchedule, t: int | None = None, only: str | None = None) -> dict[str, Any]:
    """The tables of a schedule over t = 0..T, or at one t, as lists, with its settings and its warning.

    `only` names the one table that is wanted. Raises UsageError for a t that is not in 0..T.
    """
    if t is not None and not 0 <= t <= schedule.steps:
        raise UsageError(f"t is one of 0..{schedule.steps}, not {t}.")
    steps = range(schedule.steps + 1) if t is None else range(t, t + 1)
    found = {
        "beta": schedule.beta,
        "alpha_bar": schedule.alpha_bar,
        "log_snr": schedule.log_snr,
        "snr_db": schedule.snr_db,
        "posterior_variance": schedule.posterior_variance,
        "signal": schedule.signal,
        "noise": schedule.sigma,
    }
    about = {"config": dict(schedule.config), "warning": schedule.warning, "t": list(steps)}
    wanted = found if only is None else {only: found[only]}
    return {**about, **{name: table[steps.start : steps.stop].tolist() for name, table in wanted.items()}}


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
