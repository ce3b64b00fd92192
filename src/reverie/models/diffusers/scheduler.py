"""What a scheduler_config.json means: a Gaussian process, what its network predicts, and how it wants to be sampled.

    trained with index i = 0..T-1 there = t - 1 here,   prediction_type "epsilon" | "sample" | "v_prediction"

Every scheduler of diffusers that keeps betas describes the same process, whatever it does with it; it is sampled here by our
samplers. That of consistency models (LCM) says besides in how few steps, and how x_0-hat is bound, see Boundary. Those
without betas, of flows and of EDM, are in continuous.py; others (score SDEs, say) are refused by name.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from reverie.config import RunConfig, Sampling
from reverie.denoisers.diffusers_unet import DiffusersUNetConfig, diffusers, known
from reverie.errors import DataError, UsageError
from reverie.models.diffusers.continuous import CONTINUOUS, config_of_path, of_svd
from reverie.models.diffusers.meaning import Meaning, check_plain
from reverie.process import EDM, NoiseSchedule, RectifiedFlow
from reverie.process.prediction import Kind
from reverie.process.registry import PATHS, path_from_config
from reverie.samplers import SPACINGS

__all__ = ["config_of", "meaning"]

KINDS: dict[str, Kind] = {"epsilon": "noise", "sample": "clean", "v_prediction": "velocity"}
SCHEDULERS = (
    "DDPMScheduler",
    "DDPMParallelScheduler",
    "DDIMScheduler",
    "DDIMParallelScheduler",
    "PNDMScheduler",
    "DPMSolverMultistepScheduler",
    "DPMSolverSinglestepScheduler",
    "DPMSolverSDEScheduler",
    "DEISMultistepScheduler",
    "UniPCMultistepScheduler",
    "EulerDiscreteScheduler",
    "EulerAncestralDiscreteScheduler",
    "HeunDiscreteScheduler",
    "KDPM2DiscreteScheduler",
    "KDPM2AncestralDiscreteScheduler",
    "LMSDiscreteScheduler",
    "LCMScheduler",
)

OTHERS = {
    "FlowMatchLCM": "a consistency model of a flow",
    "TCD": "a consistency model, whose network says where the path ends",
    "CMStochastic": "a consistency model of another preconditioning",
    "ScoreSde": "a score SDE, whose noise explodes",
}
"""What others of diffusers describe, by how their names begin."""


def meaning(told: Mapping[str, Any], where: str) -> Meaning:
    """The meaning of a scheduler's config; `where` names its file. Raises DataError for one that is none of ours."""
    name = told.get("_class_name")
    if not isinstance(name, str) or name not in (*SCHEDULERS, *CONTINUOUS):
        what = next((f" ({what})" for start, what in OTHERS.items() if str(name).startswith(start)), "")
        raise DataError(
            f"{where} is of a {name!r:.60}{what}, and only those are read that describe a Gaussian process: "
            f"{', '.join((*SCHEDULERS, *CONTINUOUS))}."
        )
    config = {**known(name), **told}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # as the model was trained, so it is
            if config.get("timestep_type") == "continuous":
                return of_svd(config, where)
            return CONTINUOUS.get(name, _of_betas)(config, where)
    except DataError:
        raise
    except (TypeError, ValueError, OverflowError) as error:  # UsageError too, which does not name the file
        raise DataError(f"{where} cannot be used: {' '.join(str(error).split())[:200].rstrip('.')}.") from error


def _of_betas(config: Mapping[str, Any], where: str) -> Meaning:
    """A table."""
    check_plain(config, where, use_flow_sigmas=False, predict_epsilon=True, timestep_type="discrete")
    predict = KINDS.get(str(config["prediction_type"]))
    if predict is None:
        raise DataError(
            f"{where} has prediction_type = {config['prediction_type']!r:.60}; supported are {', '.join(KINDS)}."
        )
    variance = config.get("variance_type") or "fixed_small"
    if variance == "learned":
        raise DataError(f"{where} has variance_type = 'learned'; of learned variances 'learned_range' is supported.")
    schedule = _schedule(config, where)
    return Meaning(schedule, predict, variance == "learned_range", _sampling(config, schedule.steps))


def _schedule(config: Mapping[str, Any], where: str) -> NoiseSchedule:
    rescaled = bool(config.get("rescale_betas_zero_snr"))
    if config.get("trained_betas") is not None:
        return NoiseSchedule.named("from_betas", betas=list(config["trained_betas"]), zero_terminal_snr=rescaled)
    name, steps = config["beta_schedule"], config["num_train_timesteps"]
    ends = {"beta_min": config["beta_start"], "beta_max": config["beta_end"]}
    if name not in ("linear", "scaled_linear", "squaredcos_cap_v2", "sigmoid"):
        raise DataError(
            f"{where} has beta_schedule = {name!r:.60}; supported are linear, scaled_linear, squaredcos_cap_v2, sigmoid and "
            "trained_betas."
        )
    ends = {} if name == "squaredcos_cap_v2" else ends
    return NoiseSchedule.named(name, steps=steps, zero_terminal_snr=rescaled, **ends)


def _sampling(config: Mapping[str, Any], steps: int) -> Sampling:
    """Its grid, where it names one, and its bounds; the sampler is ours, which is better, but for consistency models."""
    thresholds = bool(config.get("thresholding"))
    spacing = config.get("timestep_spacing", "angle")
    spacing = "karras" if config.get("use_karras_sigmas") else "log_snr" if config.get("use_lu_lambdas") else spacing
    told = {
        "spacing": spacing if spacing in SPACINGS else "angle",
        "steps": 20,
        "clip": config.get("clip_sample_range", 1.0) if config.get("clip_sample") and not thresholds else None,
        "threshold": config.get("dynamic_thresholding_ratio", 0.995) if thresholds else None,
        "largest": config.get("sample_max_value", 1.0) if thresholds else 1.0,
    }
    if config["_class_name"] == "LCMScheduler":
        origin = config["original_inference_steps"]
        if isinstance(origin, bool) or not isinstance(origin, int) or not 1 <= origin <= steps:
            raise ValueError(f"original_inference_steps is a whole number in 1..{steps}, not {origin!r:.40}")
        told |= {"sampler": "consistency", "steps": min(4, origin), "spacing": "trailing", "grid": {"origin": origin}}
        told |= {"boundary": config["timestep_scaling"]}
    return Sampling.model_validate(told)


def config_of(settings: RunConfig) -> dict[str, Any]:
    """The scheduler's config of a run: DDIM, or DDPM where the variance is learned, on a trailing grid, or LCM of a
    consistency model; in continuous time that of a network that came from there. Raises UsageError for another, which is
    told of the time in our way."""
    if not PATHS[settings.schedule["name"]].whole:
        return _of_path(settings)
    schedule = NoiseSchedule.from_config(settings.schedule)
    plain = dict(schedule.config)
    name, rescaled = plain.pop("name"), plain.pop("zero_terminal_snr", False)
    betas: dict[str, Any]
    if name in ("linear", "scaled_linear"):
        betas = {"beta_schedule": name, "beta_start": plain["beta_min"], "beta_end": plain["beta_max"]}
    elif name == "cosine" and (plain["offset"], plain["max_beta"]) == (0.008, 0.999):
        betas = {"beta_schedule": "squaredcos_cap_v2"}
    else:
        betas, rescaled = {"trained_betas": schedule.beta[1:].tolist()}, False
    learned, sampling = settings.training.learned_variance, settings.sampling or Sampling.model_validate({})
    own: dict[str, Any] = {"_class_name": "DDIMScheduler", "set_alpha_to_one": True}
    if learned:
        own = {"_class_name": "DDPMScheduler", "variance_type": "learned_range"}
    if sampling.boundary is not None:
        steps, scaling = int(sampling.grid["origin"]), sampling.boundary
        own |= {"_class_name": "LCMScheduler", "original_inference_steps": steps, "timestep_scaling": scaling}
    return {
        "_diffusers_version": diffusers().__version__,
        "num_train_timesteps": schedule.steps,
        **betas,
        "rescale_betas_zero_snr": bool(rescaled),
        "prediction_type": next(theirs for theirs, ours in KINDS.items() if ours == settings.training.predict),
        "clip_sample": sampling.clip is not None,
        "clip_sample_range": sampling.clip or 1.0,
        "thresholding": sampling.threshold is not None,
        "dynamic_thresholding_ratio": sampling.threshold or 0.995,
        "sample_max_value": sampling.largest,
        "timestep_spacing": "trailing",
        "steps_offset": 0,
        **own,
    }


def _of_path(settings: RunConfig) -> dict[str, Any]:
    path, network = path_from_config(settings.schedule), settings.network
    theirs = isinstance(network, DiffusersUNetConfig) and network.given and network.first == 0
    if not (isinstance(network, DiffusersUNetConfig) and theirs and isinstance(path, RectifiedFlow | EDM)):
        raise UsageError(
            f"diffusers has no scheduler for a network that was trained here on the path {settings.schedule['name']!r}, so "
            "it cannot run it: train on a table, `schedule.name=cosine`, or begin from a folder of diffusers."
        )
    sampling = settings.sampling or Sampling.model_validate({})
    return {
        "_diffusers_version": diffusers().__version__,
        **config_of_path(path, network.rate, network.negative, sampling),
    }
