"""Simulated cohorts, calibrated to what is published of real ones."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from reverie.errors import unknown
from reverie.operations.context import Context
from reverie.operations.declare import Outcome, operation
from reverie.operations.fields import NewTable, Overwrite, Seed
from reverie.operations.request import Flag, Reply, Request, example
from reverie.plain import number_of

__all__ = ["simulation"]


class Simulate(Request):
    """Which cohort, and how much of it."""

    model_config = example({"cohort": "art4hiv", "out": "art.csv", "patients": 300})

    cohort: Annotated[str, Flag("COHORT", "art4hiv: people on therapy against HIV, seen monthly.")]
    out: Annotated[NewTable, Flag("--out", "The file to write: .csv, .csv.gz or .parquet.")]
    patients: int = Field(300, ge=1, le=10_000_000, description="How many.")
    months: int = Field(60, ge=1, le=1200, description="Months each is seen.")
    seed: Seed = 0
    overwrite: Overwrite = False


@operation(
    "simulation",
    Reply,
    command="data simulate",
    example="reverie data simulate art4hiv --patients 300 --months 60 --seed 0 --out art.csv.",
)
def simulation(request: Simulate, context: Context) -> Outcome:
    """Write a simulated cohort, calibrated to what is published of a real one."""
    if request.cohort != "art4hiv":
        raise unknown("cohort to simulate", request.cohort, ["art4hiv"])
    file = context.output(request.out, "table", request.overwrite, "cohort.csv")
    from reverie.records.cohort import simulate_art4hiv
    from reverie.records.output import write_table

    patients, months, seed = request.patients, request.months, request.seed
    frame = simulate_art4hiv(patients, months, seed)
    write_table(file.path, [frame])
    name = file.done()["name"]
    reply = {"file": name, "patients": patients, "rows": frame.height, "columns": frame.columns, "seed": seed}
    size = f"{number_of(patients, 'simulated patient')} x {number_of(months, 'month')} = {number_of(frame.height, 'row')}"
    return Outcome(reply, lambda: (f"{name}: {size}, seed {seed}",))
