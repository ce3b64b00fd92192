"""The report on pictures: near the source in features, varied, no copies, and how likely the model finds others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from reverie.config import Source
from reverie.denoisers.attributes import Attributes
from reverie.errors import DataError, ReverieError, UsageError
from reverie.evaluation.image_features import features_for
from reverie.images import ImageSet, read_images
from reverie.images.levels import to_bits
from reverie.images.sources import with_conditions
from reverie.models import PictureModel
from reverie.models.method import ALL
from reverie.plain import number_of
from reverie.reports.card import of_model
from reverie.reports.document import Report
from reverie.reports.evidence import Find, again, the_same
from reverie.reports.likelihood import likelihood
from reverie.reports.picture_sections import PictureEvidence, copies, fidelity
from reverie.sources import ImageSource

__all__ = ["picture_report", "trained_on"]

MOST = 5000
"""Pictures of each kind at most: distances between all pairs are quadratic in them."""

ASIDE = (
    "No pictures were held out. Those set aside for early stopping stand in for them: the model never learned from them, "
    "but they chose when training stopped."
)
NONE = (
    "No pictures were held out and none set aside. Where sets are compared, one half of the training pictures against the "
    "other shows what real pictures reach; whether the model knows its training pictures better than others cannot be told: "
    "give other real pictures with --holdout, or train anew with --holdout 0.1."
)


def picture_report(
    model: PictureModel,
    synthetic: Any,
    holdout: Any,
    source: Any,
    seed: int,
    sampling: Callable[[int, int], None],
    update: Callable[[float], None],
    find: Find | None = None,
) -> Report:
    """The report on a model of pictures; see build.report."""
    config = model.config
    of = trained_on(model, source, find)
    pixels = of.pictures.pixels
    train, aside, held = of.split(config)
    cautions = [] if held is not None or holdout is not None else [NONE if aside is None else ASIDE]
    unseen = aside if held is None else held
    apart = pixels[:0] if unseen is None else pixels[unseen]
    if holdout is not None:
        others = _read(holdout, pixels)
        apart = _like(others, pixels, "the held-out pictures")
        cautions += [f"Of the held-out pictures: {note}" for note in others.notes]
    count = min(len(train), MOST)
    if synthetic is None:
        where = {"class": ALL} if model.codec.classes else None
        asked, said = _asked(model, of, train[:count], find)
        pictures = model.sample(count, seed=seed, on_step=sampling, where=where, given=asked)
        cautions += said
        origin = f"{number_of(count, 'picture')} sampled for this report with seed {seed} and the model's usual sampler"
        origin += ", each class in turn" if model.codec.classes else ""
        origin += ", told what as many training pictures were" if asked is not None else ""
    else:
        named = _read(synthetic, pixels)
        cautions += [f"Of the synthetic pictures: {note}" for note in named.notes]
        pictures, origin = (
            _like(named, pixels, "the synthetic pictures"),
            f"{number_of(len(named), 'picture')} of {named.name}",
        )
    evidence = _cut(pixels[train], apart, pictures, seed)
    update(0.3)
    seen = _eight_bits(evidence)
    sections = [fidelity(seen, seed), copies(seen, seed)]
    update(0.6)
    sections.append(likelihood(model, evidence.train, evidence.holdout, seed))
    update(1.0)
    told = model.codec.attributes
    sizes = {"synthetic pictures": len(pictures), "training pictures": len(train), "held-out pictures": len(apart)}
    about = {
        "kind": "pictures",
        "summary": f"{number_of(len(pictures), 'synthetic picture')} beside {len(train):,} of the training and "
        f"{len(apart):,} held out, compared by {evidence.features.name}. Seed {seed}.",
        "source": config.source.name,
        "seed": seed,
        **sizes,
        "synthetic": origin,
        "features": evidence.features.about,
        **({"attributes": "; ".join(f"{each.name}: {each.words}" for each in told)} if told else {}),
        **of_model(model),
    }
    return Report(about, (*cautions, evidence.features.about), tuple(sections))


def _asked(model: PictureModel, of: ImageSource, rows: np.ndarray, find: Find | None) -> tuple[Attributes | None, list[str]]:
    """What pictures for the report are told: what the training pictures were; and a caution where that is not known."""
    table = model.config.source.conditions
    if table is None:
        return None, []
    try:
        there = (find or again)(Source(name=table.name, path=table.path), "--source")
        told = with_conditions(of.pictures, there, table.column).told
    except ReverieError:
        return None, [f"{table.name}, which told attributes in training, is not here: the sampled pictures are told none."]
    if told is None or told.fingerprint != table.fingerprint:
        return None, [f"{table.name} does not tell what it did in training: the sampled pictures are told no attributes."]
    return told.condition(model.codec.attributes)[torch.from_numpy(rows)], []


def trained_on(model: PictureModel, source: Any, find: Find | None = None) -> ImageSource:
    """The pictures of the training. Of a model that was trained elsewhere one must be told."""
    named, codec = model.config.source, model.codec
    if named.fingerprint:
        of = ImageSource.read(
            (find or again)(named, "--source") if source is None else source,
            named.size,
            named.channels,
            named.fit,
            pad=named.pad,
            bits=named.bits,
        )
        the_same(named, of.about)
        return of
    if source is None:
        raise UsageError(f"{named.name} was not trained here: say with --source what pictures it was trained on.")
    return ImageSource.read(source, (codec.height, codec.width), codec.channels)


def _cut(train: np.ndarray, holdout: np.ndarray, synthetic: np.ndarray, seed: int) -> PictureEvidence:
    notes = []

    def some(stream: int, name: str, pixels: np.ndarray) -> np.ndarray:
        if len(pixels) <= MOST:
            return pixels
        notes.append(f"Of {len(pixels):,} {name} pictures {MOST:,} were drawn at random.")
        return pixels[np.random.default_rng([seed, 33, stream]).permutation(len(pixels))[:MOST]]

    train = some(0, "training", train)
    holdout, synthetic = some(1, "held-out", holdout), some(2, "synthetic", synthetic)
    return PictureEvidence(train, holdout, synthetic, features_for(to_bits(train, 8)), tuple(notes))


def _eight_bits(evidence: PictureEvidence) -> PictureEvidence:
    """Pictures of 16 bits as those of 8, in which they are seen and compared."""
    if evidence.train.dtype == np.uint8:
        return evidence
    sets = {name: to_bits(getattr(evidence, name), 8) for name in ("train", "holdout", "synthetic")}
    return replace(evidence, **sets, notes=(*evidence.notes, "Pictures of 16 bits a channel were compared at 8."))


def _read(source: Any, pixels: np.ndarray) -> ImageSet:
    """Other pictures, with the depth of these, and with the channels of these where no screen shows so many."""
    channels = pixels.shape[3] if pixels.shape[3] not in (1, 3) else None
    return read_images(source, channels=channels, bits=8 * pixels.dtype.itemsize)


def _like(pictures: Any, pixels: np.ndarray, what: str) -> np.ndarray:
    if pictures.pixels.shape[1:] != pixels.shape[1:]:
        raise DataError(
            f"{what} are {pictures.pixels.shape[1:]}, those of the source {pixels.shape[1:]}: bring them to one size."
        )
    return pictures.pixels
