"""Names that fit: one line each, cut in the middle, and never two different ones alike."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

__all__ = ["distinct", "shorten"]


def shorten(text: object, most: int = 22) -> str:
    """One line of at most `most` characters; what is too long loses its middle, as ends tell names apart."""
    line = " ".join(str(text).split()) or "(blank)"
    if len(line) <= most:
        return line
    tail = (most - 1) // 3
    return f"{line[: most - 1 - tail].rstrip()}\N{HORIZONTAL ELLIPSIS}{line[-tail:].lstrip()}"


def distinct(names: Sequence[str], most: int = 24) -> list[str]:
    """The names on one line of at most about `most` characters each, and no two different ones alike.

    Those that shorten() would make alike are cut so that the place where they first differ is seen.
    """
    alike: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        alike.setdefault(shorten(name, most), []).append(name)
    shown: dict[str, str] = {}
    taken: set[str] = set()
    for short, group in alike.items():
        common = sum(1 for _ in takewhile(lambda letters: len(set(letters)) == 1, zip(*group, strict=False)))
        start = max(common - most // 2, 0)
        for name in group:
            part = short if len(group) == 1 else shorten(f"\N{HORIZONTAL ELLIPSIS}{name[start:]}"[:most], most)
            numbered = (f"{part} ({k})" for k in range(2, len(names) + 3))
            shown[name] = part if part not in taken else next(text for text in numbered if text not in taken)
            taken.add(shown[name])
    return [shown[name] for name in names]
