"""Settings to a whole config: a recipe's, or those of the run it begins from, with what was asked for on top."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from reverie.config.run import RunConfig, flat, sentence_of
from reverie.config.sections import Parent, Source
from reverie.denoisers.autoencoder import LatentSettings
from reverie.denoisers.registry import network_of, recipes
from reverie.errors import UsageError, unknown
from reverie.process.loss import unsuited
from reverie.process.registry import ALIASES, CONTINUOUS, PATHS, path_from_config
from reverie.records import CodecSettings

__all__ = ["resolve"]

DEPENDS = ("training.predict", "training.learned_variance")
"""What weights depend on, besides schedule, network, codec and latents."""

OPTIONS = {"schedule.name": "`schedule`", "network.lora_rank": "`lora`"}
"""Of these what else asks for them."""


def resolve(
    source: Source,
    seed: int,
    recipe: str,
    settings: Mapping[str, Any],
    holdout: Source | None = None,
    parent: Parent | None = None,
    base: RunConfig | None = None,
) -> RunConfig:
    """The config of a recipe with `settings` on top: {"training.batch": 64, "network.width": 32, "schedule.name": ...}.

    A key without a section is looked for in training, then in network, then in codec. {"latent": True}, or any setting of
    latent, asks for diffusion in the latents of an autoencoder. With a table of its own to hold out,
    no share of the source is held out. With a parent, the settings of its config `base` stand in the place of the recipe's,
    and what its weights depend on stays as it is. Raises UsageError, with the nearest name, for an unknown recipe or key,
    and for a value out of range.
    """
    settings = dict(settings)
    sections = _of_recipe(source, recipe, settings) if base is None else _of_run(base)
    if holdout:
        sections["training"]["holdout"] = 0.0
    if "schedule.name" in settings:
        _take_path(sections, settings.pop("schedule.name"))
    for key, value in settings.items():
        section, name = _address(key, sections)
        sections[section][name] = value
    if sections["training"]["epsilon"] is not None and not {"aside", "training.aside"} & settings.keys():
        sections["training"]["aside"] = 0.0  # no epsilon accounts for patients who decide when to stop
    path = path_from_config(sections["schedule"])
    sections["schedule"] = dict(path.config)
    try:
        told = {"source": source, "holdout": holdout, "parent": parent, "seed": seed, **sections}
        resolved = RunConfig.model_validate(told)
    except ValidationError as error:
        raise UsageError(sentence_of(error)) from error
    if holdout and resolved.training.holdout:
        raise UsageError(f"{holdout.name} is held out, so a share of {source.name} is not: give one of them.")
    if base is not None and parent is not None:
        _keep(base, resolved, parent.name)
    if sentence := unsuited(path, resolved.training.predict):
        raise UsageError(sentence)
    if resolved.training.learned_variance and not path.whole:
        raise UsageError(
            f"`learned_variance` is of a table of steps, and `schedule.name={path.config['name']}` has none: leave it out."
        )
    return resolved


def _take_path(sections: dict[str, Any], name: Any) -> None:
    """Puts another path in the place of the recipe's, whose settings go with it, but for the number of steps of a table; in
    continuous time a network predicts what goes with the path, and scores and latents have a deviation of 1."""
    name = ALIASES.get(name, name) if isinstance(name, str) else name
    before = sections["schedule"]
    if name == before["name"]:
        return
    sections["schedule"] = {"name": name}
    if name not in CONTINUOUS:
        sections["schedule"]["steps"] = before.get("steps", 1000)
        return
    sections["training"]["predict"] = PATHS[name].make.predicts
    if "codec" in sections or "latent" in sections:
        sections["schedule"] |= PATHS[name].make.unit


def _of_recipe(source: Source, recipe: str, settings: dict[str, Any]) -> dict[str, Any]:
    """The sections of a recipe for this source; {"latent": True} is taken out of the settings."""
    if recipe not in recipes():
        raise unknown("recipe", recipe, recipes())
    base, of_recipe = RunConfig(source=source), recipes()[recipe]
    told = source.conditions
    network = network_of(of_recipe["network"]).with_classes(source.classes)
    network = network.with_attributes(*((told.levels, told.numbers) if told else ((), ())))
    latent = settings.pop("latent", False) or any(key.startswith("latent.") for key in settings)
    if latent and "codec" in of_recipe:
        raise UsageError(f"latent is for pictures, and the recipe {recipe} for tables of visits: leave it out.")
    sections: dict[str, Any] = {
        "schedule": dict(of_recipe.get("schedule", base.schedule)),
        "network": (network.of_latents() if latent else network).model_dump(),
        "training": base.training.model_dump() | of_recipe.get("training", {}),
    }
    if "codec" in of_recipe:
        sections["codec"] = CodecSettings.model_validate(of_recipe["codec"]).model_dump()
    if latent:
        sections["latent"] = LatentSettings.model_validate({}).model_dump()
    return sections


def _of_run(base: RunConfig) -> dict[str, Any]:
    """The sections of a run that another begins from: its settings, but for what is found out on the machine and the way."""
    told = base.model_dump(exclude={"source", "holdout", "parent", "seed"})
    sections = {name: section for name, section in told.items() if section is not None}
    sections["training"] = base.training.model_dump() | {"plan": (), "delta": None, "precision": "auto"}
    return sections


def _keep(base: RunConfig, resolved: RunConfig, name: str) -> None:
    """Raises UsageError for the first setting that weights depend on, and that is not as in the run they are of."""
    before, now = (flat(config.model_dump(mode="json")) for config in (base, resolved))
    plain = before.get("network.lora_rank") == 0  # to whose weights adapters can come
    for key in dict.fromkeys([*before, *now]):
        depends = key.partition(".")[0] in ("schedule", "network", "codec", "latent") or key in DEPENDS
        if depends and not (plain and key.startswith("network.lora_")) and before.get(key) != now.get(key):
            option = OPTIONS.get(key, key)
            raise UsageError(
                f"{name} was trained with {key}={before.get(key)}, and its weights are for nothing else: leave {option} out."
            )


def _address(key: str, sections: Mapping[str, Mapping[str, Any]]) -> tuple[str, str]:
    section, dot, name = key.partition(".")
    open_to_all = [s for s in ("training", "network", "codec", "latent") if s in sections]
    if not dot:
        section, name = next((s for s in open_to_all if s != "latent" and key in sections[s]), ""), key
    known = {f"{s}.{n}" for s in open_to_all for n in sections[s]} - {"network.kind", "latent.kind"}
    schedule = {f"schedule.{n}" for entry in PATHS.values() for n in entry.settings}
    schedule |= {"schedule.name", "schedule.zero_terminal_snr"}
    if section != "schedule" and f"{section}.{name}" not in known:
        raise unknown("setting", key, known | schedule | ({n.partition(".")[2] for n in known} if not dot else set()))
    return section, name
