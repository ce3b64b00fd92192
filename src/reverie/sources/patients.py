"""Patients as a source, of one table or of many: every one in one part, with all that is theirs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from reverie.config import RunConfig, Source
from reverie.errors import DataError, UsageError
from reverie.modality import IMAGES, LINKED, RECORDS
from reverie.sources.source import DataSource, Parts, Say
from reverie.training import Dataset, metrics

__all__ = ["PatientSource"]


@dataclass(frozen=True, eq=False)
class PatientSource(DataSource):
    """Patients.

    Attributes:
        table: they, in one table or in linked ones.
        holdout: the patients held out, where they lie elsewhere.
        stated: whether the schema was given rather than read off the patients.
        schemas, described: the class of its schemas, and the command that writes one.
    """

    table: Any
    holdout: Any = None
    stated: bool = False

    schemas: ClassVar[Any]
    described: ClassVar[str]

    @classmethod
    def read(cls, source: Any, schema: Any = None, holdout: Any = None, **options: Any) -> Self:
        """Reads patients; see records.read_table and records.linked.read_linked for options and for what is raised.

        Args:
            source: what was read already is taken as it is.
            schema: a schema or a YAML file.
            holdout: patients to hold out, read with the schema of the source.

        Raises DataError too if a patient is in both.
        """
        table = cls.opened(source, schema=cls.as_schema(schema), **options)
        other = None if holdout is None else cls.opened(holdout, schema=table.schema)
        if other is not None:
            check_disjoint(cls.names(table), cls.names(other), table.name, other.name)
        return cls(table, other, schema is not None)

    @staticmethod
    @abstractmethod
    def opened(source: Any, schema: Any, **options: Any) -> Any:
        """A table, or linked ones, by a schema if there is one."""

    @staticmethod
    @abstractmethod
    def names(table: Any) -> Set[str]:
        """The patients of what was read; nobody where they have no names."""

    @staticmethod
    @abstractmethod
    def told(table: Any) -> Source:
        """What was read as config.yaml has it."""

    @classmethod
    def as_schema(cls, schema: Any) -> Any:
        """A schema, also of a YAML file. Raises UsageError for a file that there is not, or that holds none."""
        if not isinstance(schema, str | Path):
            return schema
        path = Path(schema)
        if not path.is_file():
            raise UsageError(f"there is no file {path}: write a schema with {cls.described} --schema {path}.")
        try:
            return cls.schemas.from_yaml(path.read_text(encoding="utf-8"), path.name)
        except UnicodeDecodeError:
            raise UsageError(f"{path} is not a schema: it is no text in UTF-8.") from None

    @property
    def about(self) -> Source:
        return self.told(self.table)

    @property
    def about_holdout(self) -> Source | None:
        return self.told(self.holdout) if self.holdout else None

    @property
    def whole(self) -> Any:
        """All of them, to be split."""
        return self.table

    @property
    def apart(self) -> Any:
        """Those of a holdout of its own, as `whole` is; None where there is none."""
        return self.holdout

    def check(self, config: RunConfig) -> None:
        """Raises UsageError for a config that is not for this source."""
        if config.network.of != self.recipe:
            of = {"records": RECORDS, "linked": LINKED}.get(config.network.of, IMAGES).source
            raise UsageError(f"this recipe is for {of}, and the source is {self.modality.source}: leave `recipe` out.")
        if config.codec is not None and (sentence := config.network.demands(config.codec)):
            raise UsageError(sentence)
        if config.training.learned_variance:
            raise UsageError(f"learned_variance is for pictures: leave it out for {self.modality.source}.")

    @abstractmethod
    def coded(self, parts: Parts[Any], part: Any, codec: Any) -> Any:
        """The codes of a part."""

    @abstractmethod
    def asked(self, config: RunConfig, codec: Any, coded: Any) -> Dataset:
        """Codes as examples."""

    def examples(self, config: RunConfig, parts: Parts[Any], codec: Any) -> tuple[Any, Any]:
        train, validation = (
            self.asked(config, codec, self.coded(parts, part, codec)) if part else None
            for part in (parts.train, parts.validation)
        )
        return train, validation

    def finished(self, model: Any, parts: Parts[Any], say: Say) -> Any:
        if model.config.training.epsilon is not None:
            say("what the model draws is not put right by the patients: that would tell of them beyond epsilon.")
            return model
        say("putting right what the model draws, by a sample of it ...")
        return model.calibrated(self.coded(parts, parts.train, model.codec))

    def parted(self, part: Any, share: float, seed: int) -> tuple[Any, Any]:
        """A part in (the rest, those set aside), see records.table.parted."""
        return part.split(share, seed)

    def split(self, config: RunConfig) -> Parts[Any]:
        """Every patient in one part. What the columns are was read off all of them, and nothing else is learned of those
        held out."""
        train, validation, holdout = self.whole, None, self.apart
        if config.training.holdout:
            train, holdout = self.parted(train, config.training.holdout, config.seed)
        if config.training.aside:
            train, validation = self.parted(train, config.training.aside, config.seed)
        return Parts(train, validation, holdout)

    def summary(self, model: Any, parts: Parts[Any], out: Path) -> dict[str, Any]:
        training, lines = model.config.training, metrics.read(out)
        judged = [line for line in lines if "loss_aside" in line]
        best = min(judged, key=lambda line: line["loss_aside"]) if judged else None
        spent = [line["epsilon"] for line in lines if "epsilon" in line]
        return {
            **{
                name: len(part) if part else 0
                for name, part in zip(("patients", "set_aside", "held_out"), parts, strict=True)
            },
            **self.counts(model, parts.train),
            "steps": {"done": max((line["step"] for line in lines), default=training.steps), "of": training.steps},
            "best_step": best["step"] if best else None,
            "loss_aside": round(best["loss_aside"], 4) if best else None,
            **({"epsilon": round(spent[-1], 3), "delta": training.delta} if spent else {}),
        }

    def counts(self, model: Any, train: Any) -> dict[str, Any]:
        """What else is told of those that were trained on."""
        raise NotImplementedError


def check_disjoint(ours: Set[str], theirs: Set[str], name: str, other: str) -> None:
    """Raises DataError if a patient is in both."""
    if both := sorted(ours & theirs):
        raise DataError(f"patient {both[0]!r} is in {name} and in {other}: hold out patients that are not trained on.")
