"""Schedules in numbers, and networks layer by layer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field

from reverie.operations.call import lines, python_schedule
from reverie.operations.context import Context
from reverie.operations.declare import Outcome, Panel, operation
from reverie.operations.fields import AnySchedule, NewFigure, Overwrite, Schedule, schedule_of
from reverie.operations.flags import SETTINGS
from reverie.operations.request import Flag, Reply, Request, example
from reverie.operations.studies.shared import LINEAR, now

__all__ = ["ScheduleReply", "TableName", "network", "schedule", "schedules", "statistics"]

USUAL = ["linear", "scaled_linear", "cosine", "sigmoid", "quadratic"]


class Statistics(Request):
    """Which schedule."""

    model_config = example({"schedule": {"name": "cosine", "steps": 500}})

    schedule: Annotated[Schedule | None, LINEAR] = Field(None, description="Linear with T = 1000 if left out.")


class StatisticsReply(Reply):
    """A schedule in numbers."""


@operation(
    "statistics",
    StatisticsReply,
    command="study statistics",
    example="reverie study statistics --schedule cosine --set steps=500.",
)
def statistics(request: Statistics, context: Context) -> Outcome:
    """A schedule in numbers: its beta, its alpha, its SNR in dB."""
    from reverie.studies import statistics

    result = statistics(schedule_of(request.schedule, context))

    def show() -> Iterator[Panel]:
        alpha = result["alpha_statistics"]
        groups = {
            "beta": result["beta_statistics"],
            "alpha": alpha,
            "alpha_bar": alpha["alpha_cumprod"],
            "SNR, dB": result["signal_to_noise_statistics"],
        }
        columns = ("first", "last", "min", "max", "mean", "std")
        rows = [[name, *("" if g[c] is None else f"{g[c]:.6g}" for c in columns)] for name, g in groups.items()]
        title = f"Schedule {result['config']['name']} over t = 1..{result['config']['num_timesteps']}"
        yield Panel(title, ["quantity", *columns], rows)

    return Outcome({**result, "timestamp": now()}, show)


class Schedules(Request):
    """Schedules to compare, and settings that all of them have."""

    model_config = example({"names": ["linear", "cosine"], "settings": {"steps": 500}})

    names: Annotated[list[str], Flag("NAMES", "Schedules to compare; five common ones if left out.")] = Field(default=[])
    settings: Annotated[dict[str, Any], SETTINGS] = Field(
        default={}, description="A setting of the schedules, e.g. steps=500 or beta_max=0.01; repeatable."
    )
    out: NewFigure | None = None
    overwrite: Overwrite = False


class SchedulesReply(Reply):
    """The numbers of each, by name."""


@operation(
    "schedules",
    SchedulesReply,
    command="study schedules",
    example="reverie study schedules linear cosine --set steps=500 --out schedules.png.",
)
def schedules(request: Schedules, context: Context) -> Outcome:
    """Compare schedules: beta, alpha_bar, log-SNR and posterior variance in one figure, and their ends in a table."""
    figure = context.output(request.out, "figure", request.overwrite, "schedules.png")
    from reverie.studies import figures, statistics

    compared = {
        name: schedule_of(AnySchedule.model_construct(**{"name": name, **request.settings}), context)
        for name in request.names or USUAL
    }
    if request.out is not None:
        figures.save_figure(figures.schedule_figure(compared), figure.path)
        figure.done()

    def show() -> Iterator[Panel]:
        rows = []
        for name, s in compared.items():
            snr = s.snr_db
            ends = [f"{float(value):.6g}" for value in (s.beta[1], s.beta[-1], s.alpha_bar[-1], snr[1], snr[-1])]
            rows.append([name, str(s.steps), *ends])
        columns = ["name", "T", "beta_1", "beta_T", "alpha_bar_T", "SNR_1, dB", "SNR_T, dB"]
        yield Panel("Schedules", columns, rows)

    return Outcome({name: statistics(schedule) for name, schedule in compared.items()} | {"timestamp": now()}, show)


Values = list[float | None]
TableName = Literal["beta", "alpha_bar", "log_snr", "snr_db", "posterior_variance", "signal", "noise"]


class ScheduleReply(Reply):
    """Lists over t = 0..T: all of them, or the one that was asked for."""

    model_config = example(
        {
            "config": {"name": "linear", "steps": 2, "beta_min": 0.0001, "beta_max": 0.02},
            "warning": "alpha_bar_T = 0.9799 ...",
            "t": [0, 1, 2],
            "beta": [0.0, 0.0001, 0.02],
            "alpha_bar": [1.0, 0.9999, 0.9799],
            "log_snr": [None, 9.21, 3.89],
            "snr_db": [None, 40.0, 16.9],
            "posterior_variance": [0.0, 0.0, 0.0001],
            "signal": [1.0, 0.99995, 0.9899],
            "noise": [0.0, 0.01, 0.1418],
        }
    )

    config: dict[str, Any]
    warning: str | None = Field(description="A sentence where x_T is far from pure noise.")
    t: list[int]
    beta: Values | None = None
    alpha_bar: Values | None = None
    log_snr: Values | None = Field(None, description="Natural logarithm, for data of unit power.")
    snr_db: Values | None = None
    posterior_variance: Values | None = None
    signal: Values | None = None
    noise: Values | None = None


class OneSchedule(Schedule):
    """A schedule by its name, and a step to read it at."""

    model_config = example({"name": "cosine", "steps": 300, "t": 120})

    t: int | None = Field(None, ge=0, description="This step alone; all of 0..T if left out.")
    only: TableName | None = Field(None, description="This table alone; all of them if left out.")

    @property
    def config(self) -> dict[str, Any]:
        return {name: value for name, value in super().config.items() if name not in ("t", "only")}


@operation(
    "schedule",
    ScheduleReply,
    route="GET /api/schedules/{name}",
    routed=False,
    operation_id="get_schedule",
    tag="schedules",
    about="Null where infinite. Settings that are left out have their defaults.",
    like=lambda request: (schedules, _compared(request)),
    python=lambda request: lines(
        *python_schedule(request),
        f"t = {request.t or 1}",
        "if t <= schedule.steps:",
        "    for table in (schedule.beta, schedule.alpha_bar, schedule.log_snr, schedule.posterior_variance):",
        "        print(table[t].item())",
    ),
)
def schedule(request: OneSchedule, context: Context) -> Outcome:
    """A schedule's tables over t = 0..T."""
    from reverie.studies.statistics import tables

    return Outcome(tables(schedule_of(request, context), request.t, request.only))


def _compared(request: OneSchedule) -> Schedules:
    settings = {name: value for name, value in request.config.items() if name != "name"}
    return Schedules(names=[request.name], settings=settings, out=f"{request.name}.png")


class Network(Request):
    """A recipe, and the shape of what its network sees."""

    model_config = example({"recipe": "health-gym", "channels": 22, "length": 60})

    recipe: Annotated[str, Flag("--recipe", "health-gym, records, pictures or ddpm.")] = "health-gym"
    channels: int = Field(22, ge=1, description="Of a picture, or of the codes of a visit.")
    length: int = Field(60, ge=1, description="Visits of a record, or pixels of a side.")
    settings: Annotated[dict[str, Any], SETTINGS] = Field(
        default={}, description="A setting of the run, e.g. network.width=32; repeatable."
    )


class NetworkReply(Reply):
    """The layers."""


@operation(
    "network",
    NetworkReply,
    command="study network",
    example="reverie study network --recipe health-gym --channels 22 --length 60.",
)
def network(request: Network, context: Context) -> Outcome:
    """A recipe's network, layer by layer: what each answers for one example, and its weights, from a real pass."""
    from reverie.studies import network

    study = network(request.recipe, request.channels, request.length, request.settings)

    def show() -> Iterator[Panel]:
        rows = [[row.layer, " x ".join(map(str, row.shape)), f"{row.weights:,}"] for row in study.rows]
        title = f"{study.recipe}: {study.kind}, {' x '.join(map(str, study.entering))}"
        yield Panel(title, ["layer", "answers", "weights"], [*rows, ["in all", "", f"{study.weights:,}"]])

    return Outcome(study.reply(), show)
