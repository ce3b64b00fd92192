"""Patients as a source, of one table or of many: every one in one part, with all that is theirs."""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path
from typing import Any

from reverie.config import RunConfig
from reverie.errors import DataError, UsageError
from reverie.sources.source import DataSource, Parts
from reverie.training import metrics

__all__ = ["PatientSource", "check_disjoint", "schema_of"]


class PatientSource(DataSource):
    """Patients."""

    @property
    def whole(self) -> Any:
        """All of them, to be split."""
        raise NotImplementedError

    @property
    def apart(self) -> Any:
        """Those of a holdout of its own, as `whole` is; None where there is none."""
        raise NotImplementedError

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


def schema_of(schema: Any, kind: Any, command: str) -> Any:
    """A schema of some kind, also of a YAML file. Raises UsageError for a file that there is not, or that holds none."""
    if not isinstance(schema, str | Path):
        return schema
    path = Path(schema)
    if not path.is_file():
        raise UsageError(f"there is no file {path}: write a schema with {command} --schema {path}.")
    try:
        return kind.from_yaml(path.read_text(encoding="utf-8"), path.name)
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not a schema: it is no text in UTF-8.") from None
