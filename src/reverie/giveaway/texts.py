"""The scripts, styles and bodies of the pages, as they lie beside this file."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from reverie.giveaway.bundle import bundle, needed

__all__ = ["script", "texts"]


@cache
def texts() -> dict[str, str]:
    """By the names of their files."""
    return {file.name: file.read_text("utf-8") for file in files("reverie.giveaway").joinpath("drawn").iterdir()}


def script(entry: str) -> str:
    """The script of a module with all that it imports."""
    return bundle({name: texts()[name] for name in needed(texts(), entry)}, entry)
