"""From data to a trained run, within a budget, shown step by step, continued after a stop."""

from __future__ import annotations

from time import monotonic
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from reverie.operations import training_run as run
from reverie.operations.call import arguments, lines
from reverie.operations.context import Context
from reverie.operations.declare import Outcome, operation, summary
from reverie.operations.engines import Engined
from reverie.operations.fields import NewRun, Overwrite, Seed, Word, reads
from reverie.operations.flags import SETTINGS
from reverie.operations.reading import SCHEMA, SchemaText, TableReading, ToldReading, any_schema_of, visits
from reverie.operations.request import Flag, Reply, Served, example, local, pictures
from reverie.process.registry import PathName, learned

__all__ = ["Card", "Training", "too_long", "training"]

Value = bool | int | float | str | None | list[bool | int | float | str]
Recipe = Literal[
    "records", "health-gym", "pictures", "pictures-tiny", "pictures-small", "pictures-base", "ddpm", "diffusers", "linked"
]


def _share_or_file(typed: str) -> float | str:
    try:
        return float(typed)
    except ValueError:
        return typed


class Training(ToldReading, TableReading, Engined):
    """A run: from data to a model."""

    model_config = example({"source": "pbc2", "out": "runs/patients", "steps": 20, "settings": {"network.width": 16}})

    source: Annotated[
        str,
        Flag(
            "SOURCE",
            "A table of visits: a .csv, .tsv, .psv, .txt (also .gz), .parquet, .xlsx, .sas7bdat, .xpt, .sav or .dta "
            "file, a folder of files of text or of Parquet, with --query a database, or 'pbc2' (bundled). Linked tables: a "
            "folder of files with different columns, a DuckDB or SQLite file, or FHIR in a .json or .ndjson file (see "
            "reverie data FOLDER). "
            "Pictures: a folder, a .zip or .tar, an .npy, .npz, .safetensors or IDX file, a .parquet file of pictures, or "
            "'digits' (bundled).",
        ),
        reads,
    ] = Field(
        min_length=1,
        description="A table, a folder of linked tables, a picture, an array or a folder of pictures in the workspace; or "
        "pbc2, or digits.",
        examples=["pbc2"],
    )
    out: Annotated[NewRun, Flag("--out", "The run folder to write.")]
    minutes: Annotated[
        float | None,
        Flag("--minutes", "Budget in minutes; the number of steps follows the machine's pace."),
        Served((Field(ge=0.02, le=120),), "a second is measured first, and a worker is one client's for two hours at most"),
    ] = Field(None, description="Budget; made a number of steps by a measurement.")
    steps: Annotated[
        int | None,
        Flag("--steps", "Budget in optimiser steps; if left out, the recipe's."),
        Served((Field(ge=1, le=1_000_000),), "a worker's time ends before"),
    ] = Field(None, description="Budget in steps, instead.")
    seed: Seed = 0
    recipe: Annotated[
        Recipe | None,
        Flag(
            "--recipe",
            "'records' (best here) or 'health-gym' (as published) for tables; 'pictures' (best here) or 'ddpm' (noise, "
            "linear schedule) or 'diffusers' (its U-Net, to be exported) for pictures.",
        ),
    ] = None
    schedule: Annotated[PathName | None, Flag("--schedule")] = Field(
        None,
        description="The path of noise levels, the same as the setting schedule.name; what the network predicts and how it "
        "is sampled go with it. If left out, the recipe's.",
        examples=["edm"],
    )
    settings: Annotated[
        dict[str, Any],
        SETTINGS,
        Served((Field(max_length=50),), "a run has no more settings", type=dict[Word, Value]),
    ] = Field(
        default={},
        description="A setting, e.g. batch=64, network.width=32, schedule.name=linear. May be repeated. Schedules: "
        f"{', '.join(learned())}.",
        examples=[{"batch": 64}],
    )
    schema_file: Annotated[str | None, Flag("--schema"), visits, local] = Field(
        None, description="What the columns are, as written by reverie data; or how linked tables are tied."
    )
    schema_text: Annotated[SchemaText, Flag(None, stand_in=f"--schema {SCHEMA}")] = None
    holdout: Annotated[float | str | None, Flag("--holdout", read=_share_or_file, metavar="SHARE | FILE"), local] = Field(
        None,
        description="What training never sees, for the report: a share of the patients (0.2 if left out) or of the pictures "
        "(none if left out); of a table also a file of other patients; 0 for none.",
    )
    epsilon: Annotated[float | None, visits, local] = Field(
        None, description="Train with differential privacy, the patient as the unit, and spend at most this epsilon."
    )
    latent: Annotated[bool, pictures, local] = Field(
        False,
        description="Train an autoencoder first, with a third of the budget, and diffuse its latents: for 32 pixels and "
        "more.",
    )
    processes: Annotated[int | None, local] = Field(
        None,
        ge=1,
        description="How many processes train it together, each on a GPU of its own where there are any.",
    )
    parent: Annotated[Annotated[str, reads] | None, Flag("--from", metavar="RUN")] = Field(
        None,
        min_length=1,
        description="A trained run that this one begins from: its weights, its codec and, where nothing else is said, its "
        "settings. The data have the same columns, or pictures of the same size.",
        examples=["runs/digits"],
    )
    lora: Annotated[int | None, pictures, Flag("--lora", metavar="RANK"), local] = Field(
        None,
        ge=1,
        le=1024,
        description="With `parent`, a folder of diffusers or a run of its U-Net: train low-rank adapters of this rank "
        "alone, beside weights that stay as they are (LoRA).",
    )
    resume: bool = Field(
        False,
        description="Go on with the run in `out`, just where it stopped; with more `steps` than were planned, to so many.",
    )
    overwrite: Overwrite = False

    @model_validator(mode="after")
    def _one_budget(self) -> Self:
        if self.minutes is not None and self.steps is not None:
            raise ValueError("give the budget in steps or in minutes, not both")
        if self.resume and self.overwrite:
            raise ValueError("`resume` goes on with what `overwrite` would throw away: give one of them")
        if self.parent is not None and self.schema_text is not None:
            raise ValueError("`schema_text` is that of `parent`, which the run begins from: leave it out")
        if self.schedule is not None and "schedule.name" in self.settings:
            raise ValueError("`schedule` and the setting schedule.name say the same: give one of them")
        if self.engine is not None and self.processes is None:
            raise ValueError("`engine` says where processes run: say how many by `processes`")
        return self

    @property
    def all_settings(self) -> dict[str, Any]:
        """The settings, and those that have fields of their own."""
        return {**({} if self.schedule is None else {"schedule.name": self.schedule}), **self.settings}

    @property
    def data_options(self) -> dict[str, Any]:
        """How the source is read, by the names of planning.Options."""
        schema = any_schema_of(self.schema_text) if self.schema_file is None else self.schema_file
        options = {**self.table_options, **self.image_options, "schema": schema, "stream": self.stream or None}
        return {name: value for name, value in options.items() if value is not None}


class Card(Reply):
    """A run in short. Of a table it has columns and levels, and no patient's value."""

    model_config = example(
        {
            "name": "runs/patients",
            "kind": "records",
            "source": "pbc2",
            "trained": True,
            "steps": {"done": 20, "of": 20},
            "loss_aside": 0.91,
            "parameters": 41290,
            "classes": [],
            "attributes": [],
            "config": {"seed": 0},
            "columns": [{"name": "sex", "role": "static", "kind": "binary", "levels": ["female", "male"]}],
            "metrics": [{"step": 20, "loss": 0.93}],
            "how_to": {"cli": "reverie sample runs/patients --count 1000 --out new.csv"},
        }
    )

    name: str
    kind: Literal["images", "records", "linked"]
    source: str
    trained: bool
    steps: dict[str, int]
    parameters: int | None
    classes: list[str] = Field(description="Of pictures: what samples can be asked for, as class=NAME.")
    attributes: list[dict[str, Any]] = Field(
        description="Of pictures that a table told of: what samples can be asked for, as name=value."
    )
    config: dict[str, Any]
    metrics: list[dict[str, Any]]
    how_to: dict[str, str]


def too_long(request: Any, limits: Any) -> str | None:
    """What a service has against the minutes of a training."""
    most = 0.9 * limits.slow_seconds / 60
    if request.minutes is not None and request.minutes > most:
        return f"minutes is {request.minutes:g}, and this server allows a training {most:g} at most."
    return None


def _python(request: Training) -> str:
    names = ("steps", "minutes", "seed", "recipe", "all_settings", "parent", "lora", "resume")
    options = {name: value for name in names if (value := getattr(request, name)) not in (None, False, {})}
    options = {name.removeprefix("all_"): value for name, value in options.items()}
    options |= {**request.data_options, **({"force": True} if request.overwrite else {})}
    options |= {"schema": SCHEMA} if request.schema_text is not None else {}
    return lines("import reverie", "", f"model = reverie.train({arguments(request.source, request.out, **options)})")


@operation(
    "training",
    Card,
    command="train",
    route="POST /api/trainings",
    operation_id="train",
    tag="models",
    about="Without `Prefer: wait=N` the answer comes at once, with the job. Its events have the losses: `metric` with step "
    "and loss or loss_aside. A training that a crash ended goes on from its last checkpoint.",
    slow=True,
    wait=0,
    saves=True,
    caps=(run.BATCH, run.WEIGHTS),
    progress=("training", "steps"),
    refuse=too_long,
    example="A table: reverie train visits.csv --id patient --time day --out runs/visits --minutes 5.\n\n"
    "Linked tables: reverie train hospital --out runs/hospital --minutes 5.\n\n"
    "Pictures: reverie train digits --out runs/digits --minutes 1.\n\n"
    "Several processes: --processes 2; on many machines: --processes 8 --engine ray --address HOST:PORT, or "
    "torchrun --nproc-per-node 2 -m reverie train ...\n\n"
    "More steps: reverie train digits --out runs/digits --resume --steps 4000; other data: reverie train visits-2027.csv "
    "--from runs/visits --out runs/visits-2027.",
    python=_python,
)
def training(request: Training, context: Context) -> Outcome:
    """Train a model of a table of visits or of pictures, and keep everything in one run folder.

    Ctrl-C and SIGTERM save and stop; --resume then reaches the same weights as a run that never stopped. What each column of
    a table is taken to be is shown, and can be edited, with reverie data.
    """
    since = monotonic()  # loading torch and reading the table are part of the minutes
    folder = context.folder(request.out, request.overwrite, request.resume)
    options = run.options_of(request, context, folder)
    device = str(options.overrides.get("training.device", options.overrides.get("device", "auto")))
    with context.together(device, request.processes) as chief:
        from reverie.training import Callbacks

        callbacks = run.callbacks_of(context, folder) if chief else Callbacks()
        source = context.source(request.source, run.reading(request, context, options))
        train = run.here if request.engine is None and request.processes in (None, 1) else run.by_several
        result, sampled = train(request, context, source, options, callbacks, since, device)
    if context.served:
        from reverie.models.card import card

        return Outcome(card(folder.path, request.out))
    count, samples = sampled
    look = result.get("figures") or result["samples"]
    hint = f"look at {look}; then: reverie sample {request.out} --count {count} --out {samples}"
    return Outcome(result, summary("trained", result), hints=(hint,))
