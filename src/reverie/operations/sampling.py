"""New patients and new pictures of a trained run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from reverie.errors import UsageError
from reverie.operations import sampling_files as files
from reverie.operations.call import arguments, lines
from reverie.operations.context import Context
from reverie.operations.declare import Outcome, operation, summary
from reverie.operations.engines import Engined
from reverie.operations.fields import FileMade, Guidance, Overwrite, RunName, Sampler, Seed, Spacing, TableName, Word, writes
from reverie.operations.flags import refuse_others
from reverie.operations.request import Flag, Reply, at_most, example, local, pictures, records
from reverie.operations.sampler_settings import GUIDANCE, INTERVAL, SAMPLER, SPACING, Interval, settings_of

if TYPE_CHECKING:
    from reverie.models import PatientModel, PictureModel

__all__ = ["Sample", "sample"]

DATASET = ("shard", "shard_size", "engine", "address")
"""Fields that are of a folder of Parquet files alone."""


class Sample(Engined):
    """New patients, or new pictures."""

    model_config = example({"model": "runs/patients", "count": 20, "seed": 0, "where": ["sex=female", "age>50"]})

    model: Annotated[RunName, Flag("RUN", "A run folder made by reverie train, or a folder in the layout of diffusers.")]
    out: Annotated[
        Annotated[str, writes] | None,
        Flag(
            "--out",
            "Records: a .csv, .csv.gz or .parquet file. Pictures: .png for one sheet, .npy or .npz for an array, no suffix "
            "for a folder of files. With a slash at the end (records: with no suffix too) a folder of Parquet files, and "
            "a second call goes on where the first was killed. Linked tables: a folder, a file for each of them, that "
            "packed as a .zip, or a .duckdb or .sqlite file.",
            required=True,
        ),
    ] = Field(
        None,
        min_length=1,
        description="A name in the workspace: .csv, .csv.gz or .parquet for patients; .png, .npy or .npz for pictures; of "
        "linked tables a folder with a file for each, that packed as a .zip, or a .duckdb or .sqlite file. Left out, the "
        "file stays with the job.",
        examples=["tables/new.csv"],
    )
    count: Annotated[
        int | None,
        Flag("--count", "How many patients, or pictures, to make."),
        at_most(1_000_000, "more are for the command line, which writes them as they are made"),
    ] = Field(None, ge=1, description="Patients or pictures.", examples=[100])
    where: Annotated[
        list[Word],
        Flag(
            "--where",
            "What patients must be: column=value, or column>value with one of = != < <= > >=; or pictures: class=NAME, of "
            "several each in turn, class=* for every one, or attribute=value where a table told them; of linked tables also "
            "what every row of one is, as TABLE.column=value, one row of each patient, as 'any TABLE.column>value', and how "
            "many there are, as 'count(TABLE)>=2'. A name that holds an operator stands in double quotes: '\"p<0.05\"=yes'. "
            "May be repeated.",
        ),
    ] = Field(
        default=[],
        max_length=20,
        description="What patients must be: column=value, or one of = != < <= > >=; or pictures: class=NAME, each in turn, "
        "or attribute=value; of linked tables also what every row of one is, as TABLE.column=value, one of each patient, as "
        "any TABLE.column>value, and how many there are, as count(TABLE)>=2. A name that holds an operator stands in double "
        'quotes: "p<0.05"=yes.',
    )
    given: Annotated[
        TableName | None,
        Flag("--given", "A table of some statics of patients, or attributes of pictures, a row for each to make."),
    ] = Field(None, description="A table of some of the statics, or of attributes of pictures, a row for each to make.")
    guidance: Annotated[Guidance | None, Flag("--guidance", GUIDANCE)] = Field(
        None, description="How strongly visits follow the statics, or pictures what is asked; 1 as learned."
    )
    workers: Annotated[int | None, local] = Field(
        None,
        ge=1,
        description="One for each core if left out: threads, or processes for a folder; what they make is the same.",
    )
    shard: Annotated[str | None, local, Flag("--shard", metavar="I/N")] = Field(
        None,
        description="Of a folder only the files i, i + n, ...: for tasks on many machines that see one folder; the last of "
        "them writes the manifest.",
        examples=["1/8"],
    )
    shard_size: Annotated[int | None, local] = Field(
        None,
        ge=1,
        description="Patients or pictures in a file of a folder, 8,192 or 512 if left out; brought up to a multiple of what "
        "is made together: 2,048 patients, 50 of the recipe health-gym, 64 pictures.",
    )
    runtime: Annotated[Literal["torch", "onnx"] | None, local] = Field(
        None,
        description="Who answers for the network: torch, or onnx for ONNX Runtime in fp32 (pip install 'reverie[onnx]'), "
        "which is faster on some processors; what is made is the same but for rounding.",
    )
    reject: Annotated[bool, records, local] = Field(
        False,
        description="Recipe health-gym: draw patients again whose numbers leave the range of the source, instead of "
        "clipping.",
    )
    rescale: Annotated[float | None, pictures] = Field(
        None, ge=0, le=1, description="Of guidance: how far the contrast is brought back, 0 to 1."
    )
    interval: Annotated[Interval | None, INTERVAL, pictures] = Field(
        None, description="Guide only at these steps, the lowest and the highest.", examples=[[100, 800]]
    )
    negative: Annotated[list[Word], pictures] = Field(
        default=[],
        max_length=20,
        description="Of guidance: a class to lead away from, as class=NAME, rather than from pictures of no class; or "
        "attributes.",
    )
    animate: Annotated[str | None, pictures, local] = Field(
        None, description="Write how the first 64 come about, x_t beside x_0-hat: .gif, .webp or .png."
    )
    clip: Annotated[bool | None, pictures] = Field(None, description="Keep every predicted picture inside [-1, 1].")
    sampler: Annotated[Sampler | None, SAMPLER] = Field(None, description="The model's usual one if left out.")
    steps: Annotated[
        int | None,
        Flag("--steps", "Steps of the sampler, for each stage of records; if left out, the model's."),
        at_most(1000, "there are no more steps in a schedule"),
    ] = Field(None, ge=1, description="Of the sampler; the model's usual number if left out.")
    spacing: Annotated[Spacing | None, SPACING] = Field(None, description="Where the steps lie.")
    sigma_min: float | None = Field(None, gt=0, description="Of log_snr and karras: noise over signal where they end.")
    sigma_max: float | None = Field(None, gt=0, description="Of log_snr and karras: noise over signal where they begin.")
    eta: float | None = Field(None, ge=0, le=1, description="Noise of ddim: 0 none, 1 as ancestral.")
    variance: str | None = Field(None, description="Variance of ancestral: beta_tilde, beta or learned.", max_length=20)
    seed: Seed = 0
    overwrite: Overwrite = False

    @model_validator(mode="after")
    def _how_many(self) -> Self:
        if self.count is None and self.given is None:
            raise ValueError("say how many to make with `count`, or give a table with `given`")
        return self

    @property
    def large(self) -> bool:
        """Whether it takes more than someone would wait for."""
        if self.count is None:
            return True  # how many are given is not known before they are read
        return self.count > 256 or self.count * (self.steps or 20) > 5000


class SampleReply(Reply):
    """What was made, where it is, and a look at it."""

    model_config = example(
        {
            "summary": {"patients": 20, "rows": 121, "sampler": "angular", "steps": 6, "seed": 0, "seconds": 0.7},
            "files": [
                {
                    "name": "patients.csv",
                    "href": "/api/jobs/0c5e2d0a4f3b4f0e8a9d1c2b3a4f5e6d/files/patients.csv",
                    "bytes": 9810,
                }
            ],
            "preview": {"columns": ["id", "year", "sex"], "rows": [[1, 0.0, "female"]]},
        }
    )

    summary: dict[str, Any]
    files: list[FileMade]
    preview: dict[str, Any] = Field(
        description="Of patients columns and the first 50 rows; of linked tables, in `tables`, those of each with its first "
        "10; of pictures the first 16 as data URLs."
    )


@operation(
    "sample",
    SampleReply,
    command="sample",
    route="POST /api/samples",
    tag="models",
    slow=lambda request: request.large,
    caps=(files.PATIENTS, files.PIXELS, files.PICTURES),
    progress=("sampling", ""),
    writes="out",
    usual="new.csv",
    example='Patients: reverie sample runs/pbc --count 1000 --where sex=female --where "age>60" --out new.csv.\n\n'
    "Pictures: reverie sample runs/digits --count 64 --where class=3 --guidance 2 --out threes.png --animate threes.webp.",
    python=lambda request: lines(
        "import reverie",
        "",
        f"model = reverie.load({arguments(request.model)})",
        f"made = model.sample({arguments(request.count, seed=request.seed, **settings_of(request))})",
    ),
)
def sample(request: Sample, context: Context) -> Outcome:
    """Make new patients, or new pictures, with a trained model.

    Patients are written as they are made, so any number of them takes the same memory. The same seed gives the same file;
    the first ones of a seed are the same, up to rounding, however many are asked for. A folder of Parquet files is made by
    processes of one thread, or by tasks on many machines, and a call that was killed goes on.
    """
    model = context.model(request.model)
    from reverie.models import LinkedModel, PatientModel

    if request.runtime is not None:
        model = model.on(request.runtime)
    is_records = isinstance(model, PatientModel)
    refuse_others(request, model.modality.model, request.model)
    if request.steps or request.spacing:
        _advise(request, context, model)
    if isinstance(model, LinkedModel):
        reply = files.hospital(request, context, model)
        return Outcome(reply, summary("sampled", reply["summary"]), reply["summary"])
    if not context.served and files.in_folder(request.out or "", is_records):
        made = files.dataset(request, context, model)
        return Outcome(made, summary("sampled", made["summary"]), made["summary"])
    for field in DATASET if is_records else (*DATASET, "workers"):
        if getattr(request, field) is not None:
            option = f"--{field.replace('_', '-')}"
            raise UsageError(
                f"{option} is for a folder of Parquet files: write a slash at the end of --out, or leave it out."
            )
    reply = (files.patients if is_records else files.pictures)(request, context, model)
    return Outcome(reply, summary("sampled", reply["summary"]), reply["summary"])


def _advise(request: Sample, context: Context, model: PatientModel | PictureModel) -> None:
    """Says what hurts in the grid that was asked for."""
    from reverie.samplers.grid import advice

    usual = {"spacing": model.process.schedule.spacing} | (
        model.usual if isinstance(model.usual, dict) else model.usual.model_dump()
    )
    schedule, spacing = model.process.schedule, request.spacing or usual["spacing"]
    steps = request.steps or min(usual["steps"], schedule.most_steps)
    ends = {"sigma_min": request.sigma_min, "sigma_max": request.sigma_max}
    if sentence := advice(schedule, steps, spacing, **ends):  # pyright: ignore[reportArgumentType]
        context.say(sentence)
