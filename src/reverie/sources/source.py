"""What training asks of a source of data, pictures or patients.

opened -> split -> codec fitted to the training part -> examples -> a model trained, finished, shown, summed up
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from reverie.config import RunConfig
from reverie.denoisers.network import Network
from reverie.modality import Modality
from reverie.sources.estimate import Estimate
from reverie.training import Dataset

__all__ = ["DataSource", "Parts"]

Data = TypeVar("Data")
Say = Callable[[str], None]


class Parts(NamedTuple, Generic[Data]):
    """A source in parts: what is trained on, what decides when to stop, and what the report alone sees."""

    train: Data
    validation: Data | None
    holdout: Data | None


class DataSource(ABC):
    """A source that was read. Nothing of what is held out goes into a codec, an example or a model.

    Attributes:
        modality, model: its kind, and the class of its models.
        recipe: what is best for it.
        about, about_holdout: the source as config.yaml has it, and the holdout where that is a source of its own.
        notes: decisions of the reading that are worth telling.
        kept: whether rows and codes are kept on disk, where one process finds what another wrote.
    """

    modality: ClassVar[Modality]
    model: ClassVar[Callable[..., Any]]
    recipe: Any
    about: Any
    about_holdout: Any = None
    notes: Any
    kept: ClassVar[bool] = False

    def settled(self, config: RunConfig) -> RunConfig:
        """The config with what this source decides of it."""
        return config

    @abstractmethod
    def split(self, config: RunConfig) -> Parts:
        """A function of the source and the seed. Raises DataError where there is too little to be split."""

    @abstractmethod
    def fit_codec(self, config: RunConfig, parts: Parts, say: Say) -> Any:
        """Raises UsageError for a config that is not for this source."""

    @abstractmethod
    def adopt_codec(self, codec: Any, run: str, say: Say) -> Any:
        """The codec of a run that another begins from. Raises UsageError where these data are not what it codes."""

    @abstractmethod
    def examples(self, config: RunConfig, parts: Parts, codec: Any) -> tuple[Dataset, Dataset | None]:
        """What is trained on, and what validates it."""

    def estimate(self, config: RunConfig, parts: Parts, codec: Any, network: Network) -> Estimate | None:
        """What training will take, where that is known."""
        return None

    def after(self, parts: Parts) -> int:
        """How many steps of training `finished` takes as long as, where that is much: a budget of minutes holds both."""
        return 0

    def finished(self, model: Any, parts: Parts, say: Say) -> Any:
        """The trained model with what is learned after training."""
        return model

    @abstractmethod
    def show(self, model: Any, parts: Parts, out: Path) -> None:
        """Writes to the run folder what people look at."""

    @abstractmethod
    def summary(self, model: Any, parts: Parts, out: Path) -> dict[str, Any]:
        """What was trained, in short, and what to look at."""
