"""The text of a schema file: a YAML or JSON object, read into what it describes, or refused in one sentence that says where.

    text -> tree_of -> plain values -> stated -> a Schema, or a LinkedSchema

A fault names its column, and is told without the words of pydantic.
"""

from __future__ import annotations

import json
import re
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from reverie.errors import UsageError

__all__ = ["stated", "tree_of"]

Stated = TypeVar("Stated", bound=BaseModel)


def stated(kind: type[Stated], text: str, name: str, part: str) -> Stated:
    """What the text of a schema file, an object that has `part`, says of some kind; `name` is how errors call it. Raises
    UsageError in one sentence."""
    tree = tree_of(text, name, part)
    try:
        return kind.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        place, said = _place(first["loc"], tree), _said(first["msg"])
        place = "" if said.startswith(place.removeprefix("table ").removesuffix(": ")) else place
        raise UsageError(f"{name}: {place}{said}.") from error


_WORDS = (
    ("^Value error, ", ""),
    ("^Input should be a valid (tuple|list)$", "must be a list"),
    ("^Tuple should have at least 1 item.*$", "must list one at least"),
    ("^Extra inputs are not permitted$", "there is no such field: correct its name, or strike it"),
    ("^Input should (be )?", "must be "),
    ("Field required", "is needed"),
)
"""What pydantic says, and in whose words it is told."""


def _said(message: str) -> str:
    for theirs, ours in _WORDS:
        message = re.sub(theirs, ours, message)
    return message


class _Loader(yaml.SafeLoader):
    """Of plain values alone. An alias stands for what was said before, so a small text can say more than memory holds."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError(f"it has an alias (*{self.peek_event().anchor}): write what it stands for")
        return super().compose_node(parent, index)


def tree_of(text: str, name: str, part: str) -> dict[str, Any]:
    """What the text of a schema file says, an object that has `part`; `name` is how errors call it. JSON is YAML too, and
    read in a hundredth of the time. Raises UsageError in one sentence."""
    try:
        try:
            tree = json.loads(text)
        except ValueError:
            tree = _Loader(text).get_single_data()
    except RecursionError as error:
        raise UsageError(f"{name} is not a schema: what is in it is nested too deep.") from error
    except yaml.YAMLError as error:
        raise UsageError(f"{name} is not YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(tree, dict):
        raise UsageError(f"{name} is not a schema: it must be the object that reverie data writes, with its `{part}`.")
    return tree


def _place(loc: tuple[int | str, ...], tree: Any) -> str:
    """Where in a schema something is wrong, tables and columns by their names."""
    parts, of, kind = [], tree, None
    for at, part in enumerate(loc):
        before, of = of, _inside(of, part)
        if isinstance(part, int) and at and loc[at - 1] in ("tables", "columns") and isinstance(of, dict) and "name" in of:
            parts[-1], kind = f"{str(loc[at - 1])[:-1]} {of['name']}", of.get("kind")
        elif part != kind or (isinstance(before, dict) and part in before):
            parts.append(str(part) if isinstance(part, str) else f"{part + 1}.")
    return "".join(f"{part}: " for part in parts)


def _inside(tree: Any, part: int | str) -> Any:
    """What stands at a place; None where nothing does."""
    if isinstance(tree, list) and isinstance(part, int) and part < len(tree):
        return tree[part]
    return tree.get(part) if isinstance(tree, dict) else None
