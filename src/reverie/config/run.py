"""The config of a run as it stands on the disk: written as it was resolved, read with care, compared key by key."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reverie.config.sections import Distilled, Parent, Sampling, Source
from reverie.denoisers.autoencoder import LatentSettings
from reverie.denoisers.diffusers_autoencoder import DiffusersAutoencoderConfig
from reverie.denoisers.registry import NETWORKS, AnyNetwork
from reverie.errors import DamagedError, UsageError
from reverie.files import likely
from reverie.records import CodecSettings
from reverie.training.settings import TrainingSettings

__all__ = ["NAME", "RunConfig", "differences", "flat", "read", "sentence_of"]

NAME = "config.yaml"
LONGEST, DEEPEST = 1_000_000, 20
"""Characters and levels of a config that is read; those written have some thousands, and a few."""
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The safe loader; in C, where there is one, it is ten times as fast, and a list of runs reads all their configs."""

Latent = Annotated[LatentSettings | DiffusersAutoencoderConfig, Field(discriminator="kind")]


class RunConfig(BaseModel):
    """All settings of a run."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

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


def read(run: Path) -> RunConfig:
    """The config of a run folder. Raises UsageError if it is none, DamagedError if its config.yaml makes no sense."""
    path = run / NAME
    if not path.is_file():
        raise UsageError(_no_run(run))
    try:
        text = path.read_text()
        if not text.strip():
            raise DamagedError(f"{path} is empty: copy the run from where it is whole, or train it again.")
        if len(text) > LONGEST or not _plain(text):
            raise yaml.YAMLError("it is not what Reverie writes")
        return RunConfig.model_validate(_loaded(text))._placed(lambda path: os.path.normpath(run.resolve() / path))
    except (yaml.YAMLError, ValidationError, UnicodeDecodeError, RecursionError) as error:
        detail = sentence_of(error) if isinstance(error, ValidationError) else "it is not YAML."
        raise DamagedError(f"{path} cannot be understood: {detail}") from error


def _no_run(run: Path) -> str:
    """What to do where no run is."""
    if run.is_file():
        inside = next((str(above) for above in run.parents if (above / NAME).is_file()), "")
        return f"{run} is a file, and a run is a folder: name {inside or 'one that reverie train made'}."
    inside = str(run.parent) if (run.parent / NAME).is_file() else ""
    if run.exists():
        hint = f"did you mean {inside}?" if inside else f"make one with reverie train SOURCE --out {run}."
        if below := sorted(str(config.parent) for config in run.glob(f"[!.]*/{NAME}")):
            hint = f"name one that is in it, such as {below[0]}."
        return f"{run} is not a run folder, for it has no {NAME}: {hint}"
    meant = likely(run)
    hint = f"did you mean {meant}?" if meant else f"make one with reverie train SOURCE --out {run}."
    return f"there is no run folder {run}: {hint}"


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
    a, b = flat(ours.model_dump(mode="json")), flat(theirs.model_dump(mode="json"))
    places = {f"{part}.{what}" for part in ("source", "holdout", "parent") for what in ("name", "path")}
    places |= {"source.conditions.name", "source.conditions.path"}
    keys = {*a, *b} - places - {"source.classes"}
    return [f"{key}: {a.get(key)} there, {b.get(key)} here" for key in sorted(keys) if a.get(key) != b.get(key)]


def flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A tree by the paths of its leaves: {"training.batch": 64, ...}."""
    leaves: dict[str, Any] = {}
    for key, value in tree.items():
        leaves |= flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return leaves


def sentence_of(error: ValidationError) -> str:
    """The first fault that was found in settings, as a sentence."""
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    return f"{place or 'the settings'} = {first['input']!r}: {first['msg'].removeprefix('Value error, ')}."
