"""The latent classes of rows are drawn before all else of them, by what is known of each row and by how classes follow on
each other (succession.py):

    P(class | what is known) ~ P(class | class above, classes before) P(what is known | class)
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from reverie.denoisers.naming import Naming
from reverie.process.randomness import generator
from reverie.records.intervals import Floats, scored
from reverie.records.linked.codec import LinkedCodec
from reverie.records.linked.given import GivenRows
from reverie.records.linked.scores import TableScores
from reverie.records.linked.stages import Seed

__all__ = ["draw_classes"]


def draw_classes(
    codec: LinkedCodec,
    table: str,
    made: Mapping[str, TableScores],
    seed: Seed,
    given: GivenRows | None = None,
    lived: bool = False,
) -> None:
    """Draws the latent classes that are not known of the rows of a table, or of the patients, into their scores.

    Args:
        given: what rows that hang on patients will be; said of the patients' classes.
        lived: the patients' rows are known, and their classes say of what class a patient is.
    """
    if not codec.classes.width(table):
        return
    one, root, of = made[table], table == codec.tree.root, codec.classes.following[table]
    what, known_class = "group" if root else "rows", codec.classes_of(table, made)
    rows, lengths = np.arange(len(known_class)), np.ones(len(one), dtype=np.int64) if root else one.lengths
    values, known = (one.of_groups if root else one.of_rows)(rows)
    told = np.zeros((len(rows), codec.classes.count(table)))
    if known.any():
        told += codec.classes.told((table, what), codec.cells[table, what], values, known)
    if root and given is not None:
        told += _of_given(codec, given)
    for child in codec.tree.children(table) if lived else ():
        classes = codec.classes_of(child, made)
        if codec.classes.width(child) and (classes >= 0).all():
            told[made[child].parent] += codec.classes.following[child].likelihood(classes, made[child].lengths)[:, 1:]
    randomness = generator(int(seed[0]), *seed[1:], "classes")
    chance = torch.rand(len(rows), generator=randomness, dtype=torch.float64).numpy()
    above = codec.classes.classes_above(table, codec.tree, made, lambda other: codec.classes_of(other, made))
    drawn = of.drawn(above, lengths, known_class, told if told.any() else None, chance)
    rows = rows[known_class < 0]
    cells, own = one.groups[0] if root else one.rows[0], codec.class_channels(table)
    cells[rows, own] = scored(*codec.classes.tables[table].code.intervals(drawn[rows]), randomness)


def _of_given(codec: LinkedCodec, given: GivenRows) -> Floats:
    """float64 [classes], log P(what some row of a patient is | class of the patient), up to a constant."""
    root = codec.tree.root
    said = np.zeros(codec.classes.count(root))
    for child in codec.tree.children(root):
        asked = [given.cells.get(child, {}), *(wish.cells for wish in given.wishes if wish.path == (child,))]
        for token, what in enumerate(("group", "rows")):
            if (cells := codec.cells.get((child, what))) is None or (child, what) not in codec.classes.expected:
                continue
            for one in asked:
                scores = given.put(child, token, torch.full((1, cells.width), torch.nan), one, generator(0, child))
                said += _levels_told(codec, (child, what), scores)
    return said


def _levels_told(codec: LinkedCodec, cell: tuple[str, str], scores: Tensor) -> Floats:
    """float64 [classes above], log P(levels | class above) of scores [1, w], NaN where not known, up to a constant."""
    levels = Naming(codec.cells[cell]).known_levels(scores.nan_to_num(), ~scores.isnan())[0].numpy()
    return codec.classes.expected[cell][1 : 1 + codec.cells[cell].classes_above, levels].astype(np.float64).sum(1)
