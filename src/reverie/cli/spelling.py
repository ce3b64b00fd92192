"""Sentences as they are read on the command line.

Below the doors a sentence writes what was asked for, or could be, as requests call it, in backquotes: a field, or a field
with a value for it. Each door writes it in its own way; this one:

    `time`                    ->  --time
    `null_values=age=-9`      ->  --null age=-9

A service leaves it as it is, and its page shows the label of the control.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from functools import cache

from reverie import operations

__all__ = ["spelled"]

FIELD = re.compile(r"`([a-z]\w*)(?:=([^`]*))?`")


def spelled(text: str, names: Mapping[str, str] | None = None) -> str:
    """The text with options in place of the fields in backquotes; `names`: options by field, or those of all commands."""

    def option(field: re.Match[str]) -> str:
        name, value = field.groups()
        known = (_names() if names is None else names).get(name, name)
        if value is None:
            return known
        return f"{known} {value if name in _PAIRS else shlex.quote(value)}"

    return FIELD.sub(option, text)


_PAIRS = ("long",)
"""Fields whose value is typed as two words, each quoted where it needs that."""


@cache
def _names() -> dict[str, str]:
    """The options of all commands by field; where one differs among them, that of the first."""
    from reverie.operations.flags import options

    every = [option for name in operations.TITLES for option in options(operations.find(name))]
    return {option.field: option.name for option in reversed(every) if option.name and option.name.startswith("-")}
