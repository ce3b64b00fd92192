"""What is made in shards, and how it is told to another process or machine: as plain JSON.

    work -> order (text) -> the same work, there

The config says what is made, and nothing of where: the same work has the same config on every machine. Where it reads from
(the folder of a model, a table) is told beside it, as places.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

__all__ = ["KINDS", "Work", "digest", "order", "rebuilt"]


class Work(Protocol):
    """Something that is made in shards, each of which is a function of the work and its number alone."""

    @property
    def kind(self) -> str:
        """A key of KINDS."""
        ...

    @property
    def config(self) -> dict[str, Any]:
        """All that decides the bytes of the shards, as strict JSON: the digest of a model, a seed, how many, settings."""
        ...

    @property
    def places(self) -> dict[str, str]:
        """The absolute paths that it reads from, by their roles, as {"model": "/data/runs/pbc"}."""
        ...

    @property
    def count(self) -> int:
        """How many shards."""
        ...

    def name(self, number: int) -> str:
        """The name of the file of shard `number`, 0 the first: part-00000.parquet."""
        ...

    def make(self, number: int, path: Path) -> dict[str, Any]:
        """Writes shard `number` to `path`, and returns what is known of it as strict JSON: rows, patients, ...

        `path` is a temporary name with the suffix of `name`: the folder sees to it that the file is whole and takes its own.
        Numbers, and mappings of numbers, are added up over all shards in the manifest.
        """
        ...

    @classmethod
    def of(cls, config: Mapping[str, Any], places: Mapping[str, str]) -> Work:
        """The work of a config. Raises DataError, naming the path, where what it needs is not on this machine."""
        ...


KINDS: dict[str, str] = {
    "areas": "reverie.reports.shards:Areas",
    "blocks": "reverie.models.blocks:Blocks",
    "patients": "reverie.models.bulk:Patients",
    "pictures": "reverie.models.bulk:Pictures",
}
"""The class of each kind of work, as module:Class, so that a process knows it from its name alone."""


def order(work: Work) -> str:
    """The work as a line of text that `rebuilt` understands, in any process and on any machine that sees its places."""
    return json.dumps({"kind": work.kind, "config": work.config, "places": work.places}, sort_keys=True)


@lru_cache(maxsize=2)  # a process makes many shards of one work
def rebuilt(text: str) -> Work:
    """The work of an order. Raises DataError where it cannot be done here, see Work.of."""
    told = json.loads(text)
    module, _, name = KINDS[told["kind"]].partition(":")
    return getattr(import_module(module), name).of(told["config"], told["places"])


def digest(work: Work) -> str:
    """SHA-256 of what the work makes: of its kind and config."""
    return hashlib.sha256(json.dumps([work.kind, work.config], sort_keys=True).encode()).hexdigest()
