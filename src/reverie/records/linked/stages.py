"""One stage of the units of a table, drawn around all that is known of them.

    0  1   patients: what is measured; values, and whether there is anything of each table
    2  3   groups: how many rows; when the first was
    4  5   rows: when each was, what is measured; values, and whether anything hangs on it

The latent classes of patients and rows are drawn before (generate.py).

What is asked are the cells of the stage that exist and are not known: all of them where patients are made, the holes where
they are completed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from reverie.denoisers.event_mask import EventMask
from reverie.denoisers.network import Network
from reverie.process.randomness import generator
from reverie.records.intervals import Floats
from reverie.records.linked.codec import LinkedCodec
from reverie.records.linked.lasting import Kin, Lasting
from reverie.records.linked.laying import laid_out, tokens_of, unit_of
from reverie.records.linked.scores import TableScores
from reverie.records.linked.units import Unit
from reverie.records.writing import Scores
from reverie.samplers import Sampler, sample

__all__ = ["Seed", "Stages", "as_records", "by_own", "clocked", "gaps_of", "scores_of", "starts_of"]

TOKENS, UNITS = 3_072, 256
"""Tokens and units in one call of the network, at most (or one unit)."""
Seed = tuple[int | str, ...]
"""A seed and an address under it, see process/randomness.py."""


@dataclass(frozen=True, eq=False)
class Stages:
    """Draws stages.

    Attributes:
        denoiser: answers for events, see EventMask.
        codec: of the tables.
        sampler, grid: how each stage is drawn.
        lasting: by table, how much of the noise of its rows is one for all of a patient.
    """

    denoiser: Network
    codec: LinkedCodec
    sampler: Sampler
    grid: Sequence[float]
    lasting: Mapping[str, Lasting] = field(default_factory=dict)

    def draw(
        self,
        table: str,
        children: Sequence[str],
        units: np.ndarray,
        scores: Mapping[str, TableScores],
        stage: int,
        seed: Seed,
    ) -> None:
        """Draws a stage of some units of a table into scores that were made so far, as many at a time as the network takes.

        Args:
            children: the tables that hang on it; none of stages 0 and 1.
            units: int64 [n], rows of the table, rising.
        """
        tokens = tokens_of(self.codec, scores, children, units, stage > 3)
        if not len(units):
            return
        unit = unit_of(self.codec.tree, scores, table, units, tokens)
        sizes = np.bincount(unit, tokens).astype(np.int64) + 4
        runs = np.split(units, np.flatnonzero(np.diff(unit)) + 1)
        order = np.argsort(sizes, kind="stable")
        for chunk, which in enumerate(_chunks(order, sizes[order])):
            rows = np.sort(np.concatenate([runs[i] for i in which]))
            laid, found = laid_out(self.codec, scores, table, rows, children, whole=stage > 3)
            self._drawn(table, laid, found, scores, stage, seed, generator(int(seed[0]), *seed[1:], chunk))

    def _drawn(
        self,
        table: str,
        unit: Unit,
        which: Mapping[str, tuple[np.ndarray, np.ndarray]],
        scores: Mapping[str, TableScores],
        stage: int,
        seed: Seed,
        randomness: torch.Generator,
    ) -> None:
        """The same in one call of the network, of units that are laid out, see laid_out."""
        wanted = torch.zeros_like(unit.known)
        observed = unit.known & (unit.given[..., None] | (unit.stage < min(stage, 2)))
        there: dict[str, Tensor] = {}
        for child, (group, at) in which.items():
            if child == table and stage > 1:
                continue  # the patient, of whom all is known by now
            one = scores[child]
            values, seen = one.of_groups(group)
            unit.put_groups(child, observed, seen)
            if stage < 4:
                asked = self.known_groups(child, values) & (self.codec.stages[child][0] == stage) & ~seen
                unit.put_groups(child, wanted, asked)
                there[child] = asked | seen
                continue
            cells, seen = one.of_rows(at)
            asked = self.known_rows(child, values, cells, one.lengths[group])
            asked &= (self.codec.stages[child][1] == stage) & ~seen
            unit.put_rows(child, observed, seen)
            unit.put_rows(child, wanted, asked)
            there[child] = asked | seen

        def lasting(noise: Tensor) -> None:
            for child in self.lasting.keys() & there.keys() if stage > 3 else ():
                at, own = which[child][1], generator(int(seed[0]), *seed[1:], child, "lasting")
                cells = unit.of_rows(child, noise)
                if len(at) and cells.any():
                    unit.put_rows(child, noise, self.lasting[child].of_noise(cells, self.kin(child, scores), at, own))

        values = self._answered(unit, observed, wanted, stage, randomness, lasting)
        for child, known in there.items():
            group, at = which[child]
            if stage < 4:
                scores[child].put("groups", group, unit.groups(child, values), known)
            elif len(at):
                scores[child].put("rows", at, unit.of_rows(child, values), known)

    def kin(self, table: str, scores: Mapping[str, TableScores]) -> Kin:
        """Which rows of a table are of one patient, of those of one latent class, and of one test where numbers have one."""
        rows, root = np.arange(len(scores[table].above)), self.codec.tree.root
        patient = self.codec.tree.up(table, root, rows, lambda t: scores[t].above)
        alike, codes = [1 + self.codec.classes_of(table, scores)], self.codec.codecs[table]
        for test in dict.fromkeys(of.code for of in self.codec.forms.forms[table].scored.values()):
            if (field := codes.named.get(f"value:{test}")) is not None and field.token == 1:
                values = scores[table].of_rows(rows)[0][:, list(field.channels)].double().numpy()
                alike.append(np.unique(codes.codes[f"value:{test}"].cells(values), return_inverse=True)[1])
        return Kin.of(patient, len(scores[root]), *alike)

    def known_groups(self, table: str, groups: Tensor) -> Tensor:
        """bool [G, w], which scores of groups exist, as what is known of them says."""
        codec, width = self.codec.codecs[table], self.codec.own(table)[0]
        visits = torch.zeros(len(groups), dtype=torch.long)
        known = codec.known(as_records(self.codec, table, groups), visits)[:, 0, :width]
        more = torch.ones(len(groups), groups.shape[1] - width, dtype=torch.bool)
        return torch.cat([known, more], 1)

    def known_rows(self, table: str, groups: Tensor, rows: Tensor, lengths: np.ndarray) -> Tensor:
        """bool [R, w], the same of rows of groups that have so many each, one after the other."""
        if not rows.shape[1] or not len(rows):
            return torch.zeros(rows.shape, dtype=torch.bool)
        codec, width = self.codec.codecs[table], self.codec.own(table)[1]
        visits, longest = torch.from_numpy(lengths), int(lengths.max())
        there = torch.arange(longest) < visits[:, None]
        values = torch.zeros(len(groups), 1 + longest, codec.channels)
        values[:, :1] = as_records(self.codec, table, groups)
        padded = torch.zeros(len(groups), longest, width)
        padded[there] = rows[:, :width]
        values[:, 1:, :width] = padded
        known = codec.known(values, visits)[:, 1:, :width][there]
        return torch.cat([known, torch.ones(len(rows), rows.shape[1] - width, dtype=torch.bool)], 1)

    def _answered(
        self,
        unit: Unit,
        observed: Tensor,
        wanted: Tensor,
        stage: int,
        randomness: torch.Generator,
        lasting: Callable[[Tensor], None],
    ) -> Tensor:
        """Scores [U, N, C] of units with the cells wanted drawn, around those observed, from noise that is made to last."""
        question, values = unit.question(observed, wanted, unit.values, stage), unit.values
        if question.target_mask.any():
            noise = _where_asked(torch.randn, question, randomness)
            lasting(noise)
            drawn = self._sampled(noise * self.denoiser.process.schedule.prior_std, randomness, question)
            values = torch.where(question.target_mask, drawn, values)
        return values

    def _sampled(self, noise: Tensor, randomness: torch.Generator, question: EventMask) -> Tensor:
        """Scores from noise. Where latent classes say most of what goes with what, levels are drawn at the last step: the
        mean of several is none of them, and beyond the class cells hardly hang on each other."""
        if not self.codec.classes.tables:
            return sample(self.denoiser, self.sampler, self.grid, noise, randomness, question)
        grid = self.grid[:-1]
        x = sample(self.denoiser, self.sampler, grid, noise, randomness, question) if len(grid) > 1 else noise
        chance = _where_asked(torch.rand, question, randomness)
        return self.denoiser.answer(x, grid[-1], question, chance=chance)[0].clean


def by_own(stage: int) -> bool:
    """Whether rows are known by their own latent class at a stage, see Layout.known_by; groups are by that above."""
    return stage not in (2, 3)


def _where_asked(draw: Callable[..., Tensor], question: EventMask, randomness: torch.Generator) -> Tensor:
    """[U, N, C] drawn for the tokens that anything is asked of, 0 elsewhere."""
    asked = question.target_mask.any(-1)
    drawn = torch.zeros(question.target_mask.shape)
    drawn[asked] = draw(int(asked.sum()), drawn.shape[2], generator=randomness)
    return drawn


def as_records(codec: LinkedCodec, table: str, groups: Tensor) -> Tensor:
    """Scores of groups [G, w] as the static tokens of records [G, 1, C]."""
    values, width = torch.zeros(len(groups), 1, codec.codecs[table].channels), codec.own(table)[0]
    values[:, 0, :width] = groups[:, :width]
    return values


def scores_of(
    codec: LinkedCodec, table: str, one: TableScores, groups: np.ndarray, at: np.ndarray, lengths: np.ndarray
) -> Scores:
    """Scores as the codec of a table reads them: of groups of so many rows each, and of these rows. Patients have a row
    each, of which nothing is to be known."""
    of_group, of_row = codec.own(table)
    values, known = one.of_groups(groups)
    cells, cells_known = one.of_rows(at)
    if table == codec.tree.root:
        cells, cells_known = torch.zeros(len(groups), of_row), torch.zeros(len(groups), of_row, dtype=torch.bool)
    return Scores(
        torch.from_numpy(lengths), (values[:, :of_group], known[:, :of_group]), (cells[:, :of_row], cells_known[:, :of_row])
    )


def clocked(codec: LinkedCodec, table: str, one: TableScores) -> Tensor:
    """When rows were, float [R] in hours, as their gaps say; NaN of sets."""
    of = codec.codecs[table]
    if codec.tree[table].time is None or not len(one.above):
        return torch.full((len(one.above),), torch.nan)
    times = of.visit_times.times(starts_of(codec, table, one), gaps_of(codec, table, one), one.lengths)
    return torch.from_numpy(codec.hours(table, times)).float()


def starts_of(codec: LinkedCodec, table: str, one: TableScores) -> Floats:
    """float64 [G], when the first row of each group was, as the form of the table counts."""
    of = codec.codecs[table]
    if of.visit_times.start is not None:
        return np.full(len(one), of.visit_times.start)
    groups = one.of_groups(np.arange(len(one)))[0]
    return of.codes["start"].cells(groups[:, list(of.named["start"].channels)].double().numpy())


def gaps_of(codec: LinkedCodec, table: str, one: TableScores) -> Floats:
    """float64 [R], the time since the row before; of the first of a group it says nothing."""
    of = codec.codecs[table]
    if of.visit_times.gap is not None:
        return np.full(len(one.above), of.visit_times.gap)
    rows = one.of_rows(np.arange(len(one.above)))[0]
    return of.codes["gap"].cells(rows[:, list(of.named["gap"].channels)].double().numpy())


def _chunks(units: np.ndarray, tokens: np.ndarray) -> Iterator[np.ndarray]:
    """Units one after the other, as many at a time as TOKENS of the longest of them and UNITS allow."""
    first = 0
    for last in range(1, len(units) + 1):
        longest = int(tokens[first : last + 1].max()) if last < len(units) else 0
        if last == len(units) or (last + 1 - first) * longest > TOKENS or last - first >= UNITS:
            yield units[first:last]
            first = last
