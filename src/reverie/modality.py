"""Pictures or tables of visits: the two kinds of data, and which options are for only one of them.

A source is asked once which of the two it is, where it is opened, and a model knows which it makes. What an option is for is
declared here, once for all doors, and so is the sentence that refuses it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reverie.errors import UsageError

__all__ = ["IMAGES", "RECORDS", "Modality", "Spelling"]

Spelling = Callable[[str], str]
"""How the door that was used writes the name of an option: "size" is --size on the command line."""


@dataclass(frozen=True)
class Modality:
    """One of the two kinds of data.

    Attributes:
        name: as codec.json has it.
        source, model: what a source is, and what a model makes, in words.
        reading: the options of opening a source that only this kind has.
        others: those of training and of sampling.
        sampled: how many a first sample may be of, and the file for it.
    """

    name: str
    source: str
    model: str
    reading: tuple[str, ...]
    others: tuple[str, ...]
    sampled: tuple[int, str]

    @property
    def foreign(self) -> Modality:
        """The other kind."""
        return RECORDS if self is IMAGES else IMAGES

    def check_source(self, name: str, options: Mapping[str, Any], spelled: Spelling = str) -> None:
        """Raises UsageError for the first of the given options that is not for a source of this kind."""
        self._check(options, spelled, self.foreign.source, f"{name} is {self.source}")

    def check_model(self, name: str, options: Mapping[str, Any], spelled: Spelling = str) -> None:
        """Raises UsageError for the first of the given options that is not for a model of this kind."""
        self._check(options, spelled, self.foreign.model, f"{name} is a model of {self.model}")

    def _check(self, options: Mapping[str, Any], spelled: Spelling, owner: str, actual: str) -> None:
        foreign = {*self.foreign.reading, *self.foreign.others}
        for option, value in options.items():
            if option in foreign and _is_given(value):
                raise UsageError(f"{spelled(option)} is for {owner}, and {actual}: leave it out.")


def _is_given(value: Any) -> bool:
    """Whether an option says anything: None, a flag that is off and an empty list do not."""
    return value is not None and value is not False and not (isinstance(value, list | tuple | dict) and not value)


IMAGES = Modality(
    "images",
    "pictures",
    "pictures",
    ("size", "channels", "fit", "classes"),
    ("latent", "clip", "rescale", "interval", "animate"),
    (64, "samples.png"),
)
RECORDS = Modality(
    "records",
    "a table of visits",
    "patient records",
    ("schema", "identifier", "time", "long", "duplicates", "null_values", "kinds", "date_formats"),
    ("epsilon", "given", "workers", "reject"),
    (1000, "new.csv"),
)
