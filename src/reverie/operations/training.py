"""From data to a trained run, within a budget, shown step by step, continued after a stop."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from reverie.operations.call import arguments, lines
from reverie.operations.context import Context, Folder
from reverie.operations.declare import Cap, Outcome, operation, summary
from reverie.operations.engines import Engined
from reverie.operations.fields import NewRun, Overwrite, Seed, Word, reads
from reverie.operations.flags import SETTINGS
from reverie.operations.reading import SCHEMA, ImageReading, SchemaText, TableReading, schema_of, visits
from reverie.operations.request import Flag, Reply, Served, example, local, pictures
from reverie.process.registry import PATHS

if TYPE_CHECKING:
    from reverie.config import RunConfig
    from reverie.planning import Options
    from reverie.training import Callbacks

__all__ = ["WEIGHTS", "Training", "training", "weights_of"]

POINTS = 400
"""Metric events of a run, more or less."""
BATCH = Cap("training.batch", 4096, "set a smaller one, or training.accumulate")
WEIGHTS = Cap("the number of weights", 100_000_000, "set a smaller width, or fewer layers")
Value = bool | int | float | str | None | list[bool | int | float | str]
Recipe = Literal[
    "records", "health-gym", "pictures", "pictures-tiny", "pictures-small", "pictures-base", "ddpm", "diffusers"
]


def _share_or_file(typed: str) -> float | str:
    try:
        return float(typed)
    except ValueError:
        return typed


class Training(ImageReading, TableReading, Engined):
    """A run: from data to a model."""

    model_config = example({"source": "pbc2", "out": "runs/patients", "steps": 20, "settings": {"network.width": 16}})

    source: Annotated[
        str,
        Flag(
            "SOURCE",
            "A table of visits: a .csv, .tsv, .psv, .txt (also .gz), .parquet, .xlsx, .sas7bdat, .xpt, .sav or .dta "
            "file, a folder of files of text or of Parquet, with --query a database, or 'pbc2' (bundled). "
            "Pictures: a folder, a .zip or .tar, an .npy, .npz, .safetensors or IDX file, a .parquet file of pictures, or "
            "'digits' (bundled).",
        ),
        reads,
    ] = Field(
        min_length=1,
        description="A table, a picture, an array or a folder of pictures in the workspace; or pbc2, or digits.",
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
    settings: Annotated[
        dict[str, Any],
        SETTINGS,
        Served((Field(max_length=50),), "a run has no more settings", type=dict[Word, Value]),
    ] = Field(
        default={},
        description="A setting, e.g. batch=64, network.width=32, schedule.name=linear. May be repeated. Schedules: "
        f"{', '.join(PATHS)}.",
        examples=[{"batch": 64}],
    )
    schema_file: Annotated[str | None, Flag("--schema"), visits, local] = Field(
        None, description="What the columns are, as written by reverie data."
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
        if self.engine is not None and self.processes is None:
            raise ValueError("`engine` says where processes run: say how many by `processes`")
        return self

    @property
    def data_options(self) -> dict[str, Any]:
        """How the source is read, by the names of planning.Options."""
        schema = schema_of(self.schema_text) if self.schema_file is None else self.schema_file
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
            "config": {"seed": 0},
            "columns": [{"name": "sex", "role": "static", "kind": "binary", "levels": ["female", "male"]}],
            "metrics": [{"step": 20, "loss": 0.93}],
            "how_to": {"cli": "reverie sample runs/patients --count 1000 --out new.csv"},
        }
    )

    name: str
    kind: Literal["images", "records"]
    source: str
    trained: bool
    steps: dict[str, int]
    parameters: int | None
    classes: list[str] = Field(description="Of pictures: what samples can be asked for, as class=NAME.")
    config: dict[str, Any]
    metrics: list[dict[str, Any]]
    how_to: dict[str, str]


def _too_long(request: Training, limits: Any) -> str | None:
    most = 0.9 * limits.slow_seconds / 60
    if request.minutes is not None and request.minutes > most:
        return f"minutes is {request.minutes:g}, and this server allows a training {most:g} at most."
    return None


def _python(request: Training) -> str:
    names = ("steps", "minutes", "seed", "recipe", "settings", "parent", "lora", "resume")
    options = {name: value for name in names if (value := getattr(request, name)) not in (None, False, {})}
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
    caps=(BATCH, WEIGHTS),
    progress=("training", "steps"),
    refuse=_too_long,
    example="A table: reverie train visits.csv --id patient --time day --out runs/visits --minutes 5.\n\n"
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
    options = _options(request, context, folder)
    device = str(options.overrides.get("training.device", options.overrides.get("device", "auto")))
    with context.together(device, request.processes) as chief:
        from reverie.training import Callbacks

        callbacks = _callbacks(context, folder) if chief else Callbacks()
        source = context.source(request.source, _reading(request, context, options))
        train = _here if request.engine is None and request.processes in (None, 1) else _by_several
        result, sampled = train(request, context, source, options, callbacks, since, device)
    if context.served:
        from reverie.models.card import card

        return Outcome(card(folder.path, request.out))
    count, samples = sampled
    look = result.get("figures") or result["samples"]
    hint = f"look at {look}; then: reverie sample {request.out} --count {count} --out {samples}"
    return Outcome(result, summary("trained", result), hints=(hint,))


def _here(
    request: Training, context: Context, source: Any, options: Options, callbacks: Callbacks, since: float, device: str
) -> tuple[dict[str, Any], tuple[int, str]]:
    """Trains in this process: what was trained, in short, and what to sample first."""
    from reverie.planning.plan import prepare

    plan = prepare(
        source,
        options,
        callbacks,
        since=since,
        measure=not context.served,
        admit=lambda config, channels: _admit(context, config, channels),
    )
    return plan.summary(plan.run(callbacks)), plan.source.modality.sampled


def _by_several(
    request: Training, context: Context, source: Any, options: Options, callbacks: Callbacks, since: float, device: str
) -> tuple[dict[str, Any], tuple[int, str]]:
    """The same by several processes."""
    from reverie.planning.together import train_together

    made = train_together(
        source,
        options,
        request.processes or 1,
        callbacks,
        engine=request.engine,
        address=request.address,
        since=since,
        measure=True,
        device=device,
    )
    return made["summary"], made["sampled"]


def _reading(request: Training, context: Context, options: Options) -> dict[str, Any]:
    """How a service reads the source: where the run begins from another, a table as that one's was."""
    if not context.served or options.parent is None:
        return request.data_options
    from reverie.planning.origin import inherited

    return request.data_options | inherited(options.parent.codec)


def _options(request: Training, context: Context, folder: Folder) -> Options:
    from reverie.planning import Options

    return Options(
        out=folder.path,
        steps=request.steps,
        minutes=request.minutes,
        seed=request.seed,
        recipe=request.recipe,
        settings=request.settings,
        holdout=request.holdout,
        resume=folder.resume,
        parent=None if request.parent is None else context.model(request.parent) if context.served else request.parent,
        force=folder.overwrite,
        latent=request.latent,
        lora=request.lora,
        epsilon=request.epsilon,
        **({} if context.served else request.data_options),  # a service has read the source
    )


def _callbacks(context: Context, folder: Folder) -> Callbacks:
    """Reports progress, sentences and numbers, and notes that the run has begun."""
    from reverie.training import Callbacks

    last, total = 0, 0

    def on_step(done: int, of: int) -> None:
        nonlocal total
        if total != of:
            folder.begun()
        total = of
        context.step(done, of)

    def on_numbers(step: int, numbers: Mapping[str, float]) -> None:
        nonlocal last
        if "loss_aside" in numbers:
            context.emit("metric", {"step": step, "loss_aside": numbers["loss_aside"]})
        elif step >= last + total // POINTS or step == 1:
            last = step
            context.emit("metric", {"step": step, "loss": numbers["loss"], "gradient_norm": numbers["gradient_norm"]})

    return Callbacks(on_step, context.say, on_numbers)


def _admit(context: Context, config: RunConfig, channels: int) -> None:
    """Raises UsageError for what a service does not train."""
    if context.served:
        context.within(BATCH, config.training.batch)
        context.within(WEIGHTS, weights_of(config, channels))


def weights_of(config: RunConfig, channels: int) -> int:
    """How many weights a network has. Nothing is allocated to find out."""
    import torch

    with torch.device("meta"):
        return sum(weight.numel() for weight in config.network.build(channels, channels).parameters())
