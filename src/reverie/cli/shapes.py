"""For how many shapes of matrices oneDNN keeps what it has prepared: told before torch is imported, and read only then.

Linked tables are made in thousands of shapes, none of which comes again once its units are drawn, and the last 1,024 are
kept in each of two places: a gigabyte, reached after some thousand patients. So few that those of one call are among them
cost no time.
"""

from __future__ import annotations

import os

__all__ = ["choose"]

KEPT = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY")
EACH = 32
"""Shapes for each core, on which another call runs."""


def choose() -> None:
    """Keeps few shapes; whoever said how many is obeyed."""
    for name in KEPT:
        os.environ.setdefault(name, str(EACH * max(os.cpu_count() or 1, 2)))
