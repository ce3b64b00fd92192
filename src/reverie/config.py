"""What a run was told: one immutable record, written to config.yaml as it was resolved.

source    where the data came from, and its fingerprint
holdout   the table of held-out patients, where it was given as one of its own (else training.holdout says how many)
seed      the root of all randomness
schedule  the name and the settings of a path of noise levels: a table of steps, or one in continuous time
parent    the run that it began from, if from one
codec     how a table of records is encoded (none for pictures)
network   the network's kind and size
training  everything about training
latent    the autoencoder, where diffusion runs in its latents
sampling  how a model that was made elsewhere, or distilled, wants to be sampled
distilled how a model of few calls was made of its parent
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reverie.denoisers.autoencoder import LatentSettings
from reverie.denoisers.diffusers_autoencoder import DiffusersAutoencoderConfig
from reverie.denoisers.registry import NETWORKS, AnyNetwork, network_of, recipes
from reverie.errors import DamagedError, UsageError, unknown
from reverie.process.loss import unsuited
from reverie.process.registry import ALIASES, CONTINUOUS, PATHS, path_from_config
from reverie.records import CodecSettings
from reverie.training.settings import TrainingSettings

__all__ = ["NAME", "Distilled", "Parent", "RunConfig", "Sampling", "Source", "differences", "read", "resolve"]

NAME = "config.yaml"
LONGEST, DEEPEST = 1_000_000, 20
"""Characters and levels of a config that is read; those written have some thousands, and a few."""
DEPENDS = ("training.predict", "training.learned_variance")
"""What weights depend on, besides schedule, network, codec and latents."""
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The safe loader; in C, where there is one, it is ten times as fast, and a list of runs reads all their configs."""

Latent = Annotated[LatentSettings | DiffusersAutoencoderConfig, Field(discriminator="kind")]


class Conditions(BaseModel):
    """The table that tells attributes of pictures: its name, where it is on this machine (see Source), its column that names
    them where that was said, the SHA-256 of what it tells, and how many levels each attribute has that has levels, and how
    many numbers each other."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    path: str | None = None
    column: str | None = None
    fingerprint: str
    levels: tuple[int, ...] = ()
    numbers: tuple[int, ...] = ()


class Source(BaseModel):
    """The data: its name as given, where it is on this machine, what it was brought to, and the SHA-256 of what was read.

    `path` is absolute here and relative to the run in config.yaml, so that both can be moved together. `query` is what a
    database was asked; `size` is the side of a square or (height, width), `fit` and `pad` how pictures are brought to it,
    see images.read_images; `classes` how many it has; `conditions` the table that tells its attributes; `stream` whether a
    table was read in parts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    path: str | None = None
    query: str | None = None
    size: int | tuple[int, int] | None = None
    fit: Literal["crop", "pad", "stretch"] = "crop"
    pad: str | None = None
    channels: int | None = None
    bits: Literal[8, 16] | None = None
    classes: int = 0
    conditions: Conditions | None = Field(default=None, exclude_if=lambda table: table is None)
    stream: bool = False
    fingerprint: str = ""


class Parent(BaseModel):
    """The run whose weights another began with: its name, where it is on this machine (see Source), the digest of all that
    it made anything of, and the steps that it was trained for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    path: str | None = None
    digest: str
    steps: int


class Sampling(BaseModel):
    """How pictures are sampled where nothing else is asked for.

    Attributes:
        sampler, steps, spacing: see PictureModel.sample.
        clip: x_0-hat is kept inside -clip..clip; none to leave it as it is.
        threshold, largest: dynamic thresholding at this quantile, see denoisers.Thresholded; none for without.
        grid: settings of the spacing, see samplers.time_grid: shift, origin, sigma_min, sigma_max and rho.
        boundary: of a consistency model, see denoisers.Boundary; none for all others.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sampler: str = "angular"
    steps: int = Field(12, ge=1)
    spacing: str = "angle"
    clip: float | None = Field(None, gt=0)
    threshold: float | None = Field(None, gt=0, le=1)
    largest: float = Field(1.0, ge=1)
    grid: dict[Literal["shift", "origin", "sigma_min", "sigma_max", "rho"], float] = Field(default_factory=dict)
    boundary: float | None = Field(None, gt=0)

    def grid_of(self, spacing: str | None) -> dict[str, Any]:
        """The settings of the grid where this spacing is asked for: none of another than the usual one."""
        if spacing not in (None, self.spacing):
            return {}
        return {name: int(value) if name == "origin" else value for name, value in self.grid.items()}


class Distilled(BaseModel):
    """How a run of few calls was made of its parent.

    Attributes:
        calls: of the network for a picture, at most; a divisor of it will do too.
        teacher_steps: that the parent took to each of the pictures it was taught with.
        guidance: that they were drawn with; none for as the parent learned.
        seed: of the distillation; that of the config is the parent's, by which pictures were held out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    calls: int = Field(ge=1, le=4)
    teacher_steps: int = Field(ge=1)
    guidance: float | None = None
    seed: int = 0

    @property
    def counts(self) -> list[int]:
        """How many calls may be asked for: their levels are among those it was taught at."""
        return [count for count in range(1, self.calls + 1) if self.calls % count == 0]


class RunConfig(BaseModel):
    """All settings of a run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Source
    holdout: Source | None = None
    parent: Parent | None = None
    seed: int = 0
    schedule: dict[str, Any] = Field(default_factory=lambda: {"name": "cosine", "steps": 1000})
    codec: CodecSettings | None = None
    network: AnyNetwork = Field(default_factory=lambda: next(iter(NETWORKS.values())).model_validate({}))
    training: TrainingSettings = Field(default_factory=lambda: TrainingSettings.model_validate({}))
    latent: Latent | None = None
    sampling: Sampling | None = None
    distilled: Distilled | None = None

    def told(self) -> dict[str, Any]:
        """The settings as they may be shown far away: sources by the names they were given, without their places here."""
        of_source = {"path": True, "query": True, "conditions": {"path"}}
        places = {"source": of_source, "holdout": {"path", "query"}, "parent": {"path"}}
        return self.model_dump(mode="json", exclude=places)  # pyright: ignore[reportArgumentType]

    def yaml(self, run: Path) -> str:
        """The text of config.yaml in this run folder."""
        return yaml.safe_dump(self._placed(partial(_from, run)).model_dump(mode="json"), sort_keys=False)

    def _placed(self, place: Callable[[str], str]) -> RunConfig:
        """With the places of the sources and of the parent told in another way."""
        told = {"source": self.source, "holdout": self.holdout, "parent": self.parent}
        moved = {part: of.model_copy(update={"path": place(of.path)}) for part, of in told.items() if of and of.path}
        source = moved.get("source", self.source)
        if isinstance(source, Source) and source.conditions and source.conditions.path:
            table = source.conditions.model_copy(update={"path": place(source.conditions.path)})
            moved["source"] = source.model_copy(update={"conditions": table})
        return self.model_copy(update=moved)


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
        raise UsageError(_sentence(error)) from error
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
    before, now = (_flat(config.model_dump(mode="json")) for config in (base, resolved))
    plain = before.get("network.lora_rank") == 0  # to whose weights adapters can come
    for key in dict.fromkeys([*before, *now]):
        depends = key.partition(".")[0] in ("schedule", "network", "codec", "latent") or key in DEPENDS
        if depends and not (plain and key.startswith("network.lora_")) and before.get(key) != now.get(key):
            raise UsageError(
                f"{name} was trained with {key}={before.get(key)}, and its weights are for nothing else: leave {key} out."
            )


def read(run: Path) -> RunConfig:
    """The config of a run folder. Raises UsageError if it is none, DamagedError if its config.yaml makes no sense."""
    path = run / NAME
    if not path.is_file():
        raise UsageError(f"{run} is not a run folder: it has no {NAME}. Make one with reverie train SOURCE --out {run}.")
    try:
        text = path.read_text()
        if len(text) > LONGEST or not _plain(text):
            raise yaml.YAMLError("it is not what Reverie writes")
        return RunConfig.model_validate(_loaded(text))._placed(lambda path: os.path.normpath(run.resolve() / path))
    except (yaml.YAMLError, ValidationError, UnicodeDecodeError, RecursionError) as error:
        detail = _sentence(error) if isinstance(error, ValidationError) else "it is not YAML."
        raise DamagedError(f"{path} cannot be understood: {detail}") from error


def _loaded(text: str) -> Any:
    loader = LOADER(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def _plain(text: str) -> bool:
    """Whether no parts of it stand for others, which may unfold to any size, and none lie too deep in others to be read."""
    depth = 0
    for event in yaml.parse(text, LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST or isinstance(event, yaml.AliasEvent):
            return False
    return True


def _from(run: Path, path: str) -> str:
    """A place as it is seen from a run folder; absolute where no way leads there."""
    try:
        return os.path.relpath(path, run.resolve())
    except ValueError:  # on another drive
        return path


def differences(ours: RunConfig, theirs: RunConfig) -> list[str]:
    """Each key that differs, as "training.batch: 64 there, 128 here"; data may move, its fingerprint tells it."""
    a, b = _flat(ours.model_dump(mode="json")), _flat(theirs.model_dump(mode="json"))
    places = {f"{part}.{what}" for part in ("source", "holdout", "parent") for what in ("name", "path")}
    places |= {"source.conditions.name", "source.conditions.path"}
    keys = {*a, *b} - places - {"source.classes"}
    return [f"{key}: {a.get(key)} there, {b.get(key)} here" for key in sorted(keys) if a.get(key) != b.get(key)]


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


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    return f"{place or 'the settings'} = {first['input']!r}: {first['msg'].removeprefix('Value error, ')}."
