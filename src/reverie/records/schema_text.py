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
        raise UsageError(f"{name}: {_place(first['loc'], tree)}{_said(first['msg'])}.") from error


def _said(message: str) -> str:
    """What pydantic says, without its own words."""
    return re.sub(r"^Value error, ", "", re.sub(r"^Input should (be )?", "must be ", message)).replace(
        "Field required", "is needed"
    )


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
    """Where in a schema something is wrong, columns by their names."""
    match loc:
        case ("columns", int(at), *rest) if isinstance(column := tree["columns"][at], dict) and "name" in column:
            parts = [f"column {column['name']}", *(str(part) for part in rest if part != column.get("kind"))]
            return ": ".join(parts) + ": "
        case ():
            return ""
    return ".".join(map(str, loc)) + ": "
