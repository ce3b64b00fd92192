"""Patients in shards that need nothing of each other.

    shard k = make(k)     patients 1 + k S .. (k + 1) S,     rows from k S V on,     rows written from k S V R on

S patients are made together; a patient has at most V visits, and a visit becomes at most R rows of the source. So what is
numbered in a table is numbered by (k, place) alone: numbers are unique over all shards, with gaps between them.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import polars as pl
import torch

from reverie.records import RecordCodec, Records
from reverie.records.conditions import Conditions
from reverie.records.rules import Rules

__all__ = ["Made", "PatientShards", "in_order", "one_thread"]


@dataclass(frozen=True, eq=False)
class Made:
    """Some synthetic patients.

    Attributes:
        frame: their rows.
        patients: how many they are.
        drawn, kept: of how many patients drawn how many were kept; a whole shard, also where fewer of it were wanted.
        clipped: how many values of each column were moved to a bound.
        broken: how many rows break each rule of the schema that any breaks: none but for what was given.
    """

    frame: pl.DataFrame
    patients: int
    drawn: int
    kept: int
    clipped: Mapping[str, int]
    broken: Mapping[str, int]


@dataclass(frozen=True, eq=False)
class PatientShards:
    """So many patients of a model.

    Attributes:
        codec, conditions: of the model, and of what is asked.
        patients: how many in all.
        size: how many are made together, S.
        draw: (k, how many of shard k) -> their records, and how many were drawn to have a whole shard.
    """

    codec: RecordCodec
    conditions: Conditions
    patients: int
    size: int
    draw: Callable[[int, int], tuple[Records, int]]

    @property
    def count(self) -> int:
        """How many shards."""
        return -(-self.patients // self.size)

    def make(self, number: int) -> Made:
        """Shard `number`, 0 the first. Raises UsageError if hardly any patient meets the conditions."""
        records, drawn = self.draw(number, min(self.size, self.patients - number * self.size))
        before, schema = number * self.size, self.codec.schema
        rows_before = before * self.codec.most_visits
        decoded = self.codec.drawn(records, 1 + before, 1 + rows_before)
        rows = self.conditions.kept(decoded.frame, number, self.size, records.visits.numpy())
        frame = schema.unshaped(rows, after=rows_before * schema.most_rows)
        return Made(frame, len(records.visits), drawn, self.size, decoded.clipped, Rules.of(schema).counted(rows))


def in_order(
    make: Callable[[int], Any],
    count: int,
    workers: int = 0,
    on_step: Callable[[int, int], None] | None = None,
    size: int = 1,
    of: int | None = None,
) -> Iterator[Any]:
    """make(0), make(1), ... by several threads, at most a few ahead of what was taken.

    Each thread computes alone, so the arithmetic is the same however many there are.

    Args:
        workers: threads; 0 for one for each core.
        on_step: called with (done, in all) as each is taken: each counts for `size` of `of`, the last for what is left.
    """
    workers, of = workers or os.cpu_count() or 1, count if of is None else of
    with one_thread(), ThreadPoolExecutor(min(workers, count), initializer=torch.set_num_threads, initargs=(1,)) as pool:
        ahead = deque(pool.submit(make, number) for number in range(min(count, 2 * workers)))
        for number in range(count):
            result = ahead.popleft().result()
            if number + 2 * workers < count:
                ahead.append(pool.submit(make, number + 2 * workers))
            if on_step:
                on_step(min(of, (number + 1) * size), of)
            yield result


@contextmanager
def one_thread() -> Iterator[None]:
    """Arithmetic on one thread, so that it is the same however many make it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
