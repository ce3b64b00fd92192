"""The hospitals of a report: trained on, held out, synthetic, and the real ones with every column shuffled.

What the parts of the report look at is computed once, when they are read: profiles (sums over patients, profile.py), and
whole patients as rows of numbers (features.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from reverie.evaluation.distances import encoded
from reverie.evaluation.linked.features import Points, features
from reverie.evaluation.linked.hospital import Hospital, apart
from reverie.evaluation.linked.lived import Key, Named, Sample, samples
from reverie.evaluation.linked.plan import Plan
from reverie.evaluation.linked.profile import Cells, Profile, distances
from reverie.evaluation.measure import too_few
from reverie.evaluation.privacy.space import MOST, Embedding
from reverie.evaluation.references import MOST_PATIENTS, References, Score
from reverie.records.linked import LinkedTables

__all__ = ["Sides"]

SHARED = (
    "Attacks see whole patients over all tables: what one table tells alone, and so an attack on it alone, understates it."
)


@dataclass(frozen=True, eq=False)
class Sides:
    """What a report on linked tables looks at.

    Attributes:
        train, holdout, synthetic: the hospitals; no holdout where no patients were held out.
        shuffled: train (and holdout) with every column shuffled.
        lived: the samples of "real" (train), "held-out" and "synthetic".
        profiles, points: of train (and holdout), synthetic, and train (and holdout) shuffled.
        seen: "" or a sentence that says what of the holdout the model has seen.
    """

    train: Hospital
    holdout: Hospital | None
    synthetic: Hospital
    shuffled: tuple[Hospital, ...]
    lived: Mapping[str, Mapping[Key, Sample | Named]]
    cells: Cells
    profiles: tuple[tuple[Profile, ...], Profile, tuple[Profile, ...]]
    points: tuple[tuple[Points, ...], Points, tuple[Points, ...]]
    seed: int
    seen: str = ""

    @classmethod
    def read(
        cls,
        train: LinkedTables,
        holdout: LinkedTables | None,
        synthetic: LinkedTables,
        seed: int = 0,
        seen: str = "",
    ) -> Sides:
        """Raises DataError for tables that are not of the columns and types of those trained on, and for a patient who is
        both trained on and held out."""
        plan = Plan.of([train, holdout] if holdout else [train])
        first = Hospital.read(train, plan, train.name)
        second = Hospital.read(holdout, plan, holdout.name) if holdout else None
        if second is not None:
            apart(first, second)
        ours = Hospital.read(synthetic, plan, synthetic.name)
        real = [first, second] if second else [first]
        mixed = tuple(hospital.shuffled(seed) for hospital in real)
        lived = [samples(hospital) for hospital in real]
        cells, made = Cells.of(real, lived), samples(ours)
        profiles = (
            tuple(Profile.of(hospital, of, cells) for hospital, of in zip(real, lived, strict=True)),
            Profile.of(ours, made, cells),
            tuple(Profile.read(hospital, cells) for hospital in mixed),
        )
        points = (tuple(map(features, real)), features(ours), tuple(map(features, mixed)))
        told = dict(zip(("real", "held-out"), lived, strict=False)) | {"synthetic": made}
        return cls(first, second, ours, mixed, told, cells, profiles, points, seed, seen)

    @property
    def plan(self) -> Plan:
        return self.train.plan

    @property
    def real(self) -> tuple[Hospital, ...]:
        """Train, and the holdout where there is one."""
        return (self.train,) if self.holdout is None else (self.train, self.holdout)

    @property
    def hospitals(self) -> dict[str, Hospital]:
        """By the names that figures know."""
        held = {"held-out": self.holdout} if self.holdout is not None else {}
        return {"real": self.train, "synthetic": self.synthetic, **held}

    @property
    def leaked(self) -> Sides:
        """The same with the training patients in the place of the synthetic ones."""
        (profiles, _, mixed), (points, _, mixed_points) = self.profiles, self.points
        lived = {**self.lived, "synthetic": self.lived["real"]}
        return replace(
            self,
            synthetic=self.train,
            lived=lived,
            profiles=(profiles, profiles[0], mixed),
            points=(points, points[0], mixed_points),
        )

    @cached_property
    def references(self) -> References:
        """The sides of comparisons of what is counted."""
        return References.of(*self.profiles, self.seen, self.seed)  # pyright: ignore[reportArgumentType]

    @cached_property
    def scores(self) -> dict[Key, Score]:
        """How far synthetic patients are from real ones in each thing counted, beside held-out and shuffled ones."""
        compare: Any = partial(distances, self.cells)
        return self.references.distances(lambda profile: profile.sums, compare)  # pyright: ignore[reportAttributeAccessIssue]

    def compared(self, patients: int = MOST_PATIENTS) -> References:
        """The sides of comparisons of whole patients, at most so many on each side."""
        return References.of(*self.points, self.seen, self.seed, patients)  # pyright: ignore[reportArgumentType]

    def sizes(self, which: str) -> int:
        """How many patients there are: of "training", "held-out" or "synthetic"."""
        hospital = {"training": self.train, "held-out": self.holdout, "synthetic": self.synthetic}[which]
        return 0 if hospital is None else len(hospital)

    def too_few(self, of: str = "an attack's success") -> str:
        """Why something cannot be judged, or ""; `of` names it."""
        return too_few({name: self.sizes(name) for name in ("training", "held-out", "synthetic")}, of)

    def embedding(self, most: int = MOST, table: str | None = None) -> Embedding:
        """Patients as points of one space, over all tables or by one alone; see privacy/space.py."""
        (train, holdout), synthetic, (mixed, *_) = self.points
        kept, notes = [], [SHARED]
        named = {"training": train, "held-out": holdout, "synthetic": synthetic, "shuffled": mixed}
        for number, (name, of) in enumerate(named.items()):
            if len(of) > most and name != "shuffled":
                notes.append(f"Of {len(of):,} {name} patients {most:,} were drawn at random, for all pairs are compared.")
            some = of.sample(most, np.random.default_rng([self.seed, 17, number]))
            kept.append(some.matrix if table is None else some.of(table))
        one, two, ours, floor = kept
        first, second, drawn = encoded([one, two, ours])
        return Embedding(first, second, drawn, encoded([one, two, floor])[2], tuple(notes))
