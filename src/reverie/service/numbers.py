"""What is answered at once and needs torch or the libraries of tables: schedules, noise, pictures, cards of runs.

Each answer is bytes, as they are sent. `beside` gives them in a process of its own, so that the server imports none of it;
their libraries are imported where they are used, so that what the page draws first does not wait for the others.
"""

from __future__ import annotations

import json
import warnings
from functools import lru_cache
from typing import Any

from reverie.plain import plain
from reverie.service.listing import models, report, reports, small

__all__ = ["ANSWERS", "answer"]

DIGITS = 10
LINES = 5000


def answer(question: str, /, **arguments: Any) -> bytes:
    """The answer to a question of ANSWERS. Raises ReverieError and Problem."""
    return ANSWERS[question](**arguments)


def _json(value: Any) -> bytes:
    return json.dumps(plain(value), allow_nan=False, separators=(",", ":")).encode()


# --- what there is ----------------------------------------------------------------------------------------------------


@lru_cache(1)
def names() -> bytes:
    """Samplers, spacings, schedules, recipes, pictures, tables, and what there is on the playground, with their settings."""
    from reverie.denoisers.registry import NETWORKS, recipes
    from reverie.process.loss import TARGETS
    from reverie.process.registry import PATHS, served
    from reverie.records.reading import BUNDLED
    from reverie.samplers import SAMPLERS, SPACINGS
    from reverie.studies.mistakes import ENTRIES
    from reverie.studies.mistakes.forms import FORMS
    from reverie.studies.playground import SHAPES

    called = {"pictures": "images", "records": "records", "linked": "linked"}
    samplers = [
        {"name": name, "order": entry.order, "stochastic": entry.stochastic, "settings": entry.settings}
        for name, entry in SAMPLERS.items()
    ]
    return _json(
        {
            "samplers": samplers,
            "spacings": list(SPACINGS),
            "schedules": {name: PATHS[name].settings for name in served()},
            "paths": {name: {"about": entry.about, "settings": entry.settings} for name, entry in PATHS.items()},
            "recipes": {name: called[NETWORKS[of["network"]["kind"]].of] for name, of in recipes().items()},
            "pictures": [each["name"] for each in _pictures()],
            "tables": list(BUNDLED),
            "predictions": list(TARGETS),
            "shapes": list(SHAPES),
            "mistakes": [
                {"number": number, "wrong": ENTRIES[number].wrong, "right": ENTRIES[number].right, "says": form.says}
                | {"place": form.place, "needs": dict(form.needs)}
                for number, form in FORMS.items()
            ],
        }
    )


# --- schedules and noise ----------------------------------------------------------------------------------------------


@lru_cache(128)
def schedule(config: str, t: int | None, only: str | None = None) -> bytes:
    """A schedule's tables over t = 0..T, or at one t; or one of them. config: its name and settings as JSON."""
    from reverie.studies.statistics import tables

    return _json(tables(_schedule(config), t, only))


@lru_cache(256)
def statistics(config: str) -> bytes:
    """A schedule in numbers, over t = 1..T."""
    from reverie.studies.statistics import statistics as of

    return _json(of(_schedule(config)))


def _schedule(config: str) -> Any:
    from reverie.process import NoiseSchedule, TerminalSNRWarning

    with warnings.catch_warnings(action="ignore", category=TerminalSNRWarning):  # it is a field of the answer
        return NoiseSchedule.named(**json.loads(config))


def noise(height: int, width: int, channels: int, seed: int) -> bytes:
    """float32, little-endian, [channels, height, width]."""
    import torch

    from reverie.studies.frames import noise_of

    return noise_of(torch.empty(1, channels, height, width, dtype=torch.float64), seed)[0].numpy().astype("<f4").tobytes()


def shape(name: str) -> bytes:
    """The points of an example of the playground. Raises UsageError for an unknown name."""
    from reverie.studies.playground import shape_points

    return _json({"name": name, "points": shape_points(name).tolist()})


# --- pictures and tables that are bundled ------------------------------------------------------------------------------


def pictures() -> bytes:
    """Names, titles and shapes."""
    return _json({"pictures": _pictures()})


@lru_cache(1)
def _pictures() -> list[dict[str, Any]]:
    from reverie.studies.subject import PHOTOGRAPHS, subject

    titles = {f"digits:{i}": f"handwritten digit {i}" for i in range(DIGITS)}
    titles |= {name: f"photograph: {name}" for name in PHOTOGRAPHS}
    shapes = {name: subject(name).pixels.shape for name in titles}
    return [
        {"name": name, "title": title, "width": width, "height": height, "channels": channels}
        for (name, title), (height, width, channels) in zip(titles.items(), shapes.values(), strict=True)
    ]


@lru_cache(32)
def picture(name: str) -> bytes:
    """PNG. Raises Problem 404."""
    from reverie.images import png
    from reverie.studies.subject import subject

    if name not in {each["name"] for each in _pictures()}:
        raise _missing("There is no bundled picture of this name: GET /api/pictures lists them.")
    return png(subject(name).pixels)


def table(name: str) -> bytes:
    """CSV. Raises Problem 404."""
    from reverie.records.reading import BUNDLED

    if name not in BUNDLED:
        raise _missing(f"There is no bundled table of this name: there are {', '.join(BUNDLED)}.")
    return BUNDLED[name].read_bytes()


def _missing(detail: str) -> Exception:
    from reverie.service.problems import Problem

    return Problem(404, "not-found", detail)


def series(table: str, patient: str | None) -> bytes:
    """One patient's numbers in a bundled table. Raises UsageError for a patient that is not in it."""
    from reverie.records.patient import patient_series

    return _json(patient_series(_bundled(table), patient))


@lru_cache(4)
def _bundled(name: str) -> Any:
    from reverie.records.table import read_table

    return read_table(name)


# --- trained runs -----------------------------------------------------------------------------------------------------


def metrics(folder: str, after: int) -> bytes:
    """The numbers of a training after this step."""
    from reverie.training import metrics as files

    lines = [line for line in files.read(small(folder)) if line["step"] > after][:LINES]
    return _json({"metrics": lines, "last": max((line["step"] for line in lines), default=after)})


def model(folder: str, name: str) -> bytes:
    """The card of a run."""
    from reverie.models.card import card

    return _json(card(small(folder), name))


ANSWERS = {
    each.__name__: each
    for each in (
        *(names, schedule, statistics, noise, shape, pictures, picture, table, series),
        *(models, metrics, model, reports, report),
    )
}
