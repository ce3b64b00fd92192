"""Schedulers of diffusers whose levels of noise are continuous.

    FlowMatch...      x_t = (1 - t) x_0 + t eps       U-Net(x_t, T t) = eps - x_0                     rectified flow
    EDM...            x_t = x_0 + sigma eps           U-Net(c_in x_t, c_noise) = F                    EDM, sigma_data theirs
    EulerDiscrete     of continuous steps, v          U-Net(c_in x_t, c_noise) = -F                   EDM of sigma_data 1

with c_noise = ln(sigma) / 4. "v_prediction" is -F in EDM's schedulers too. A static shift moves the noise over the signal of
every level, see samplers.time_grid; FlowMatch... shifts the least level twice, and so is it here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reverie.config import Sampling
from reverie.errors import DataError
from reverie.models.diffusers.meaning import Meaning, check_plain
from reverie.process import EDM, RectifiedFlow

__all__ = ["CONTINUOUS", "config_of_path", "of_svd"]

EDM_SAMPLERS = {"EDMEulerScheduler": "ddim", "EDMDPMSolverMultistepScheduler": "dpmpp"}
FLOW_SAMPLERS = {"FlowMatchEulerDiscreteScheduler": "ddim", "FlowMatchHeunDiscreteScheduler": "heun"}
SIGNS = {"epsilon": False, "v_prediction": True}
"""Of EDM's prediction types: whether the U-Net says -F."""


def flow(config: Mapping[str, Any], where: str) -> Meaning:
    """A straight path, on a grid of its static shift."""
    check_plain(
        config,
        where,
        use_dynamic_shifting=False,
        invert_sigmas=False,
        shift_terminal=None,
        use_karras_sigmas=False,
        use_exponential_sigmas=False,
        use_beta_sigmas=False,
        stochastic_sampling=False,
    )
    steps, shift = config["num_train_timesteps"], float(config["shift"])
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 2:
        raise DataError(f"{where} has num_train_timesteps = {steps!r:.40}; it must be a whole number above 1.")
    if not shift > 0:
        raise DataError(f"{where} has shift = {shift!r:.40}; it must be a number above 0.")
    grid = {} if shift == 1 and 1 / steps == RectifiedFlow.first else {"shift": shift, "sigma_min": shift / (steps - 1)}
    told = {"sampler": FLOW_SAMPLERS[config["_class_name"]], "steps": 20, "spacing": "linspace", "grid": grid}
    return Meaning(RectifiedFlow(), "flow", False, Sampling.model_validate(told), {"first": 0.0, "rate": float(steps)})


def edm(config: Mapping[str, Any], where: str) -> Meaning:
    """EDM's path, on the grid between its ends."""
    check_plain(config, where, algorithm_type="dpmsolver++")
    spacing = {"karras": "karras", "exponential": "log_snr"}.get(str(config["sigma_schedule"]))
    if spacing is None:
        raise DataError(f"{where} has sigma_schedule = {config['sigma_schedule']!r:.40}; it can be karras or exponential.")
    kind = config["prediction_type"]
    if kind not in SIGNS:
        raise DataError(f"{where} has prediction_type = {kind!r:.60}; supported are {', '.join(SIGNS)}.")
    path = EDM(*(float(config[key]) for key in ("sigma_min", "sigma_max", "sigma_data")))
    told = {
        "sampler": EDM_SAMPLERS[config["_class_name"]],
        "steps": 20,
        "spacing": spacing,
        "grid": {} if spacing == "log_snr" or config["rho"] == 7 else {"rho": float(config["rho"])},
        "threshold": config.get("dynamic_thresholding_ratio", 0.995) if config.get("thresholding") else None,
        "largest": config.get("sample_max_value", 1.0) if config.get("thresholding") else 1.0,
    }
    network = {"first": 0.0, "negative": SIGNS[kind]}
    return Meaning(path, "edm", False, Sampling.model_validate(told), network)


def of_svd(config: Mapping[str, Any], where: str) -> Meaning:
    """EulerDiscreteScheduler of continuous steps, as Stable Video Diffusion has it: EDM for data of deviation 1."""
    check_plain(config, where, prediction_type="v_prediction", use_karras_sigmas=True)
    least, most = (config.get(key) for key in ("sigma_min", "sigma_max"))
    if least is None or most is None:
        raise DataError(f"{where} has continuous steps and no sigma_min and sigma_max, between which they would lie.")
    told = Sampling.model_validate({"sampler": "ddim", "steps": 20, "spacing": "karras"})
    return Meaning(EDM(float(least), float(most), 1.0), "edm", False, told, {"first": 0.0, "negative": True})


CONTINUOUS: dict[str, Callable[[Mapping[str, Any], str], Meaning]] = {
    **dict.fromkeys(FLOW_SAMPLERS, flow),
    **dict.fromkeys(EDM_SAMPLERS, edm),
}


def config_of_path(path: RectifiedFlow | EDM, rate: float, negative: bool, sampling: Sampling) -> dict[str, Any]:
    """The inverse: the scheduler of a network that is told of the time as diffusers tells it."""
    if isinstance(path, RectifiedFlow):
        return {
            "_class_name": "FlowMatchEulerDiscreteScheduler",
            "num_train_timesteps": int(rate),
            "shift": sampling.grid.get("shift", 1.0),
        }
    ends = {"sigma_min": path.sigma_min, "sigma_max": path.sigma_max, "sigma_data": path.sigma_data}
    return {
        "_class_name": "EDMEulerScheduler",
        **ends,
        "prediction_type": next(theirs for theirs, sign in SIGNS.items() if sign == negative),
        "sigma_schedule": "exponential" if sampling.spacing == "log_snr" else "karras",
        "rho": sampling.grid.get("rho", 7.0),
    }
