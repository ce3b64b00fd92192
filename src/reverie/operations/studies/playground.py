"""Drawn points, or a painted density: a small network learns them, beside what is exact."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, get_args

from pydantic import Field, model_validator

from reverie.errors import DataError, UsageError
from reverie.files import likely
from reverie.operations.call import arguments, lines, python_schedule
from reverie.operations.context import Context
from reverie.operations.declare import Cap, Outcome, Panel, operation
from reverie.operations.fields import Sampler, Schedule, Seed, Spacing, schedule_of
from reverie.operations.request import Flag, Reply, Request, Served, at_most, example
from reverie.operations.studies.shared import LINEAR
from reverie.plain import number_of
from reverie.samplers.registry import listed

if TYPE_CHECKING:
    from reverie.studies.playground import Drawing

__all__ = ["MistakeNumber", "ShapeName", "playground"]

ShapeName = Literal["two-moons", "spiral", "rings", "eight-gaussians", "letters"]
MistakeNumber = Literal["1", "2", "5a", "5b", "6b", "7", "8a", "9d", "10", "16d"]
POINTS = Cap("points x steps", 100_000, "take fewer steps, or fewer points or cells")
FARTHEST, HEAVIEST = 2.5, 1_000_000
"""What a coordinate, and the weight of a cell, may be at most."""
ROWS = "A .csv file of numbers, or the rows themselves, with ; between them"


def _points(text: str) -> list[list[float]]:
    rows = _rows(text)
    for where, row in rows:
        if len(row) != 2:
            raise DataError(f"{where} has {number_of(len(row), 'number')}, and a point has two, x and y.")
        if not all(abs(value) <= FARTHEST for value in row):  # and so no NaN
            raise DataError(f"{where} is {row[0]:g}, {row[1]:g}: a coordinate is a number from -{FARTHEST} to {FARTHEST}.")
    return [row for _, row in rows]


def _weights(text: str) -> list[list[float]]:
    rows = _rows(text)
    for where, row in rows:
        for value in row:
            if not 0 <= value <= HEAVIEST:
                raise DataError(f"{where} has {value:g}, and a weight is from 0 to {HEAVIEST:,}.")
    return [row for _, row in rows]


def _rows(text: str) -> list[tuple[str, list[float]]]:
    """The rows of a .csv file, which may begin with names, or of "1,2;3,4"; each with how it is called."""
    if not text.lower().endswith(".csv"):
        if not any(map(str.isdigit, text)) or Path(text).exists():
            raise UsageError(f"{text!r} is neither a .csv file of numbers nor the numbers themselves, as 0.5,1;-1,0 are.")
        return [_row(line.split(","), f"row {i}") for i, line in enumerate(text.split(";"), start=1)]
    try:
        with Path(text).open(newline="", encoding="utf-8-sig") as file:
            rows = [(i, row) for i, row in enumerate(csv.reader(file), start=1) if row]
    except FileNotFoundError as error:
        meant = likely(Path(text))
        raise DataError(f"there is no file {text}: {f'did you mean {meant}?' if meant else 'give one.'}") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{text} cannot be read as a table of numbers: give a .csv file with commas.") from error
    if rows and not any(map(_is_number, rows[0][1])):
        del rows[0]
    if not rows:
        raise DataError(f"{text} has no row of numbers: give one below the names, with commas between.")
    return [_row(row, f"row {i} of {text}") for i, row in rows]


def _row(words: list[str], where: str) -> tuple[str, list[float]]:
    for word in words:
        if not _is_number(word):
            raise DataError(f"{where} has {word!r} where a number should be: write numbers, with commas between.")
    return where, [float(word) for word in words]


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _typed(rows: list[list[float]]) -> str:
    return ";".join(",".join(map(repr, row)) for row in rows)


Coordinate = Annotated[float, Field(ge=-FARTHEST, le=FARTHEST)]
Point = Annotated[list[Coordinate], Field(min_length=2, max_length=2)]
Weight = Annotated[float, Field(ge=0, le=HEAVIEST)]
Points = Annotated[
    list[Point],
    Field(min_length=1),
    Served((Field(max_length=1000),), "the exact score asks every point at every step"),
]
Rows = Annotated[list[Annotated[list[Weight], Field(min_length=1, max_length=64)]], Field(min_length=1, max_length=64)]


class Playing(Request):
    """What was drawn, and how it is learned and sampled."""

    model_config = example({"shape": "two-moons", "sampler": "dpmpp", "steps": 20, "training_steps": 200, "seed": 1})

    shape: Annotated[ShapeName | None, Flag("--shape", f"An example: {', '.join(get_args(ShapeName))}.")] = Field(
        None, description="An example; or give `points`, or a `density`."
    )
    points: Annotated[
        Points | None,
        Flag("--points", f"x and y of each, from -2.5 to 2.5. {ROWS}.", read=_points, write=_typed, metavar="FILE.csv"),
    ] = Field(None, description="x and y of each, from -2.5 to 2.5; noise has deviation 1.", examples=[[[0.5, -1.0]]])
    density: Annotated[
        Rows | None,
        Flag("--density", f"Weights in a square. {ROWS}, from the top.", read=_weights, write=_typed, metavar="FILE.csv"),
    ] = Field(None, description="Weights in a square, rows from the top.", examples=[[[0.0, 1.0], [1.0, 0.0]]])
    spread: float = Field(0.0, ge=0, le=1, description="The width of each point; 0: the points alone.")
    schedule: Annotated[Schedule | None, LINEAR] = Field(None, description="Linear with T = 1000 if left out.")
    predict: Literal["noise", "clean", "velocity"] = Field("velocity", description="What the network says.")
    sampler: Annotated[Sampler, Flag("--sampler", f"{listed()}.")] = "ddim"
    steps: Annotated[int, at_most(200, "every state is kept, and shown")] = Field(
        40, ge=1, le=2000, description="Of the sampler."
    )
    spacing: Spacing = Field("trailing", description="Which steps the sampler visits.")
    training_steps: Annotated[int, at_most(3000, "someone waits")] = Field(
        1000, ge=1, le=100_000, description="Of the network, each of 256 points."
    )
    mistake: MistakeNumber | None = Field(
        None,
        description="A known mistake to make, by its number in docs/mistakes.md; the numbers without it are told too.",
    )
    seed: Seed = 0

    @model_validator(mode="after")
    def _one_drawing(self) -> Self:
        given = [name for name in ("shape", "points", "density") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"`{given[0]}` and `{given[1]}` are two drawings: leave one out")
        if not given:
            raise ValueError("give something to learn: a `shape`, `points` or a `density`")
        if self.density is not None and "spread" in self.model_fields_set:
            raise ValueError("the cells of a `density` have a width of their own: leave out `spread`")
        return self

    def drawing(self) -> Drawing:
        """As the study takes it."""
        from reverie.studies.playground import Drawing

        if self.shape is not None:
            return Drawing.example(self.shape, self.spread)
        if self.density is not None:
            return Drawing.density(self.density)
        return Drawing.of(self.points or [], self.spread)


class PlayingReply(Reply):
    """Both scores, both flows, and how far they are apart."""

    model_config = example(
        {
            "frame": 2.5,
            "points": [[0.5, -1.0]],
            "weights": None,
            "spread": 0.0,
            "levels": [{"t": 1000, "alpha_bar": 0.00004}],
            "paths": {"exact": [[[0.1, -0.4]]], "learned": [[[0.1, -0.4]]]},
            "distance": {"exact": 0.03, "learned": 0.06, "chance": {"median": 0.04, "high": 0.07}, "samples": 512},
            "excess": {"excess": 0.01, "standard_error": 0.001, "least": 0.2},
            "errors": [
                {"t": 20, "sigma": 0.08, "score": 9.1, "noise": 0.03, "standard_error": 0.001, "gaussian": 0.9},
            ],
            "fields": [{"t": 20, "alpha_bar": 0.99, "exact": [[0.1, 0.2]], "learned": [[0.1, 0.2]], "log_density": [-3.0]}],
            "side": 17,
            "losses": [{"step": 17, "loss": 0.8}],
            "network": {"predict": "velocity", "waves": 3, "sizes": [23, 64, 64, 64, 2], "weights": "..."},
            "mistake": None,
            "metadata": {"sampler": "ddim", "steps": 40, "seed": 0},
        }
    )

    frame: float = Field(description="All is shown from -frame to frame.")
    points: list[list[float]] = Field(description="What was learned; of a density, the middle of each cell.")
    weights: list[float] | None
    spread: float
    levels: list[dict[str, Any]] = Field(description="Those that the sampler visited.")
    paths: dict[str, Any] = Field(
        description="By the exact and by the learned score: for each level, x and y of 200 samples, which begin alike."
    )
    distance: dict[str, Any] = Field(
        description="Sliced Wasserstein distances to what was drawn; chance: those of as many fresh draws of it."
    )
    excess: dict[str, float] = Field(description="The network's loss in the noise above the least that there can be.")
    errors: list[dict[str, float]] = Field(
        description="At five levels, where p_t is: the mean squared error of the score; noise: times sigma^2 / 2; "
        "gaussian: that of someone who knows only mean and covariance."
    )
    fields: list[dict[str, Any]] = Field(description="Both scores and log p_t on a square of places, rows from the top.")
    side: int = Field(description="Places along a side of that square.")
    losses: list[dict[str, float]]
    network: dict[str, Any] = Field(description="Its weights: little-endian float32 in base64, see denoisers.mlp.")
    mistake: dict[str, Any] | None = Field(description="What was wrong, and the same numbers without it.")
    metadata: dict[str, Any]


def _python(request: Playing) -> str:
    if request.shape is not None:
        drawing = f"Drawing.example({arguments(request.shape, request.spread)})"
    elif request.density is not None:
        drawing = f"Drawing.density({arguments(request.density)})"
    else:
        drawing = f"Drawing.of({arguments(request.points, request.spread)})"
    settings = arguments(
        spacing=request.spacing, training_steps=request.training_steps, seed=request.seed, mistake=request.mistake
    )
    return lines(
        "from reverie.studies.playground import Drawing, playground",
        *python_schedule(request.schedule),
        f"drawing = {drawing}",
        f"how = {arguments(request.predict, request.sampler, request.steps)}",
        f"found = playground(drawing, schedule, *how, {settings})",
        "print(found.run.numbers, found.chance, found.run.errors)",
    )


@operation(
    "playground",
    PlayingReply,
    command="study playground",
    route="POST /api/playground",
    operation_id="play",
    tag="studies",
    about="The network of a drawing is kept for a while: another sampler of it answers at once.",
    caps=(POINTS,),
    progress=("training", "steps"),
    example="reverie study playground --shape two-moons, or --points drawn.csv with two columns of numbers.",
    python=_python,
)
def playground(request: Playing, context: Context) -> Outcome:
    """Points that you drew, learned in seconds: exact and learned score, and samples along both.

    The exact score of drawn points is known, so what a network makes of them can be measured: how far its score is from the
    exact one at several levels, and how far its samples end from the drawing, beside what chance alone gives. With
    --mistake, a known mistake is made, and the numbers stand beside those of the right form.
    """
    from reverie.studies.playground import playground

    drawing = request.drawing()
    context.within(POINTS, len(drawing.points) * request.steps)
    study = playground(
        drawing,
        schedule_of(request.schedule, context),
        request.predict,
        request.sampler,
        request.steps,
        spacing=request.spacing,
        training_steps=request.training_steps,
        seed=request.seed,
        mistake=request.mistake,
        on_step=context.step,
    )
    reply = study.reply()

    def show() -> Iterator[Panel | str]:
        levels = [
            [str(e.t), f"{e.score:.4g}", f"{e.noise:.4f} ± {e.standard_error:.4f}", f"{e.gaussian:.4f}"]
            for e in study.run.errors
        ]
        columns = ["t", "score error", "the same in the noise", "mean and covariance alone"]
        yield Panel("The learned score beside the exact one", columns, levels)
        numbers, chance, excess = study.run.numbers, study.chance, study.run.excess
        without = study.right.numbers if study.right else None
        rows = [
            ("exact to the drawing", "exact", f"{chance.median:.4f}, 95% below {chance.high:.4f}"),
            ("learned to the drawing", "learned", f"{chance.median:.4f}, 95% below {chance.high:.4f}"),
            ("loss above the least", "excess", f"0, the least itself is {excess.least:.4f}"),
        ]
        named = ["what", "found", *([] if without is None else ["without the mistake"]), "chance alone"]
        yield Panel(
            "Samples (sliced Wasserstein distance), and the loss",
            named,
            [
                [what, f"{numbers[key]:.4f}", *([] if without is None else [f"{without[key]:.4f}"]), beside]
                for what, key, beside in rows
            ],
        )
        if reply["mistake"]:
            yield f"mistake {reply['mistake']['number']}: {reply['mistake']['says']}"

    return Outcome(reply, show)
