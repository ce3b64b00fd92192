"""What a scheduler_config.json means: a Gaussian process, what its network predicts, and how it wants to be sampled.

    trained with index i = 0..T-1 there = t - 1 here,   prediction_type "epsilon" | "sample" | "v_prediction"

Every scheduler of diffusers that keeps betas describes the same process, whatever it does with it; it is sampled here by our
samplers. Those without betas (flow matching, score SDEs, consistency models) describe another process and are refused.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reverie.config import RunConfig, Sampling
from reverie.denoisers.diffusers_unet import diffusers, known
from reverie.errors import DataError
from reverie.process import NoiseSchedule
from reverie.process.prediction import Kind
from reverie.samplers import SPACINGS

__all__ = ["Meaning", "config_of", "meaning"]

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
)

OTHERS = {
    "FlowMatch": "flow matching, whose time is continuous and whose network says a flow's velocity",
    "EDM": "EDM, whose levels of noise are continuous and whose network is preconditioned",
    "LCM": "a consistency model, whose network says where the path ends",
    "TCD": "a consistency model, whose network says where the path ends",
    "CMStochastic": "a consistency model, whose network says where the path ends",
    "ScoreSde": "a score SDE, whose noise explodes",
}
"""What others of diffusers describe, by how their names begin."""


@dataclass(frozen=True, eq=False)
class Meaning:
    """What a scheduler says of its model.

    Attributes:
        schedule: of the process.
        predict: what the network predicts.
        learned_variance: it predicts the variance too.
        sampling: how it wants to be sampled.
    """

    schedule: NoiseSchedule
    predict: Kind
    learned_variance: bool
    sampling: Sampling


def meaning(told: Mapping[str, Any], where: str) -> Meaning:
    """The meaning of a scheduler's config; `where` names its file. Raises DataError for one that is none of ours."""
    name = told.get("_class_name")
    if name not in SCHEDULERS:
        what = next((f" ({what})" for start, what in OTHERS.items() if str(name).startswith(start)), "")
        raise DataError(
            f"{where} is of a {name!r:.60}{what}, and only those are read that describe a Gaussian process of betas: "
            f"{', '.join(SCHEDULERS)}."
        )
    config = {**known(name), **told}
    for key, only in (("use_flow_sigmas", False), ("predict_epsilon", True), ("timestep_type", "discrete")):
        if config.get(key, only) not in (only, None):
            raise DataError(f"{where} has {key} = {config[key]!r:.60}; only {only!r} is supported.")
    predict = KINDS.get(str(config["prediction_type"]))
    if predict is None:
        raise DataError(
            f"{where} has prediction_type = {config['prediction_type']!r:.60}; supported are {', '.join(KINDS)}."
        )
    variance = config.get("variance_type") or "fixed_small"
    if variance == "learned":
        raise DataError(f"{where} has variance_type = 'learned'; of learned variances 'learned_range' is supported.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # as the model was trained, so it is
            schedule = _schedule(config, where)
        return Meaning(schedule, predict, variance == "learned_range", _sampling(config))
    except DataError:
        raise
    except (TypeError, ValueError, OverflowError) as error:  # UsageError too, which does not name the file
        raise DataError(f"{where} cannot be used: {' '.join(str(error).split())[:200].rstrip('.')}.") from error


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


def _sampling(config: Mapping[str, Any]) -> Sampling:
    """Its grid, where it names one, and its bounds; the sampler is ours, which is better."""
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
    return Sampling.model_validate(told)


def config_of(settings: RunConfig) -> dict[str, Any]:
    """The scheduler's config of a run: DDIM, or DDPM where the variance is learned, on a trailing grid."""
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
    own = {"variance_type": "learned_range"} if learned else {"set_alpha_to_one": True}
    return {
        "_class_name": "DDPMScheduler" if learned else "DDIMScheduler",
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
