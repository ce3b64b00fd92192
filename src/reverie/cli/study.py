"""`reverie study`: what the forward and the reverse process do to a picture, in numbers and figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reverie.cli import console
from reverie.cli.compare import compare
from reverie.cli.network import network
from reverie.cli.outputs import check_outputs, draw, write_reply
from reverie.errors import UsageError
from reverie.samplers.registry import listed

if TYPE_CHECKING:
    from reverie.process import NoiseSchedule

__all__ = ["app"]

app = typer.Typer(
    help="Look at the forward and the reverse process, with the true numbers, on your own picture or a bundled digit.",
    epilog="Start with: reverie study analyse digits:3 --out strip.png, then reverie study walk digits:3 --out walk.png, "
    "then reverie study reverse --out reverse.png.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

Picture = Annotated[str, typer.Argument(help="A picture file, or digits:3 for a bundled digit by its index.")]
Out = Annotated[Path | None, typer.Option("--out", help="Write the figure to this .png file.")]
Images = Annotated[bool, typer.Option("--images", help="With --json: include the pictures as PNG data URLs.")]
Schedule = Annotated[
    str, typer.Option("--schedule", help="linear, scaled_linear, cosine, sigmoid, quadratic or exponential.")
]
Settings = Annotated[
    list[str] | None, typer.Option("--set", help="A setting of the schedule, e.g. steps=500 or beta_max=0.01; repeatable.")
]


@app.command(
    epilog="Example: reverie study analyse photo.jpg --steps 12 --out strip.png. The SNR is that of the picture itself."
)
def analyse(
    picture: Picture = "digits",
    steps: Annotated[int, typer.Option("--steps", min=5, max=100, help="How many states, evenly from t = 0 to T.")] = 20,
    out: Out = None,
    schedule: Schedule = "linear",
    settings: Settings = None,
    seed: console.Seed = 0,
    json: console.Json = False,
    images: Images = False,
    force: console.Force = False,
) -> None:
    """How a picture drowns in noise: states at even steps, with the signal that is left and the SNR in dB."""
    check_outputs(force, out)
    from reverie.studies import analyse

    study = analyse(picture, steps, _schedule(schedule, settings), seed)
    draw("filmstrip", study, out)
    if json:
        return write_reply(study.reply(images))
    _frame_table(study)


@app.command(
    epilog="Example: reverie study forward digits:3 --at 0,10,100,1000 --out forward.png. t = 0 is the clean picture."
)
def forward(
    picture: Picture = "digits",
    at: Annotated[str, typer.Option("--at", help="The steps to show, any of 0..T, with commas.")] = (
        "0,50,100,200,300,500,700,900,999"
    ),
    out: Out = None,
    schedule: Schedule = "linear",
    settings: Settings = None,
    seed: console.Seed = 0,
    json: console.Json = False,
    images: Images = False,
    force: console.Force = False,
) -> None:
    """The forward process at chosen steps: signal power, noise power and SNR of each state."""
    check_outputs(force, out)
    timesteps = _timesteps(at)
    from reverie.studies import forward

    study = forward(picture, timesteps, _schedule(schedule, settings), seed)
    draw("filmstrip", study, out)
    if json:
        return write_reply(study.reply(images))
    _frame_table(study)


@app.command(
    epilog="Examples: reverie study reverse --width 256 --height 256 --out reverse.png (exact denoiser of two photographs); "
    "reverie study reverse --model runs/digits --out reverse.png (your trained run)."
)
def reverse(
    width: Annotated[int | None, typer.Option("--width", min=8, max=1024, help="Pixels; 512 if left out.")] = None,
    height: Annotated[int | None, typer.Option("--height", min=8, max=1024, help="Pixels; 512 if left out.")] = None,
    steps: Annotated[int, typer.Option("--steps", min=10, max=200, help="How many reverse steps.")] = 50,
    eta: Annotated[float, typer.Option("--eta", min=0, max=1, help="Of ddim: 0 is deterministic, 1 ancestral.")] = 0.0,
    sampler: Annotated[str, typer.Option("--sampler", help=f"{listed()}.", show_default=True)] = "ddim",
    model: Annotated[Path | None, typer.Option("--model", help="A run folder of reverie train; it sets the size.")] = None,
    where: Annotated[list[str] | None, typer.Option("--where", help="Of a model: the class, class=NAME.")] = None,
    guidance: Annotated[
        float | None, typer.Option("--guidance", help="Of a model: how strongly it is of its class; 1 as learned.")
    ] = None,
    out: Out = None,
    final: Annotated[Path | None, typer.Option("--final", help="Write the final picture alone to this .png file.")] = None,
    schedule: Annotated[str | None, typer.Option("--schedule", help="As for analyse; a model has its own.")] = None,
    settings: Settings = None,
    seed: console.Seed = 0,
    json: console.Json = False,
    images: Images = False,
    force: console.Force = False,
) -> None:
    """From pure noise to a picture, step by step, with what is predicted of it at each; says how the denoiser knows."""
    check_outputs(force, out, final)
    given: dict[str, Any] = {}
    if model is not None:
        if schedule is not None or settings:
            raise UsageError("a model has a schedule of its own: leave out --schedule and --set, or --model.")
        import reverie
        from reverie.studies.denoising import learned

        given = {"by": learned(reverie.load(model), str(model), where, guidance)}
    else:
        console.refuse("of a model, and none is given", {"--where": where, "--guidance": guidance})
        given = {"schedule": _schedule(schedule or "linear", settings)}
    from reverie.studies import reverse

    with console.progress("reverse steps") as on_step:
        study = reverse(width, height, steps, eta, sampler=sampler, seed=seed, on_step=on_step, **given)
    draw("reverse_strip", study, out)
    if final is not None:
        from reverie.images import save_picture

        save_picture(study.final, final)
        console.note(f"final picture: {final}")
    if json:
        return write_reply(study.reply(images))
    rows = [
        [str(i), str(s.t), str(s.s), f"{s.alpha_bar:.6g}", "-" if s.variance is None else f"{s.variance:.6g}"]
        for i, s in enumerate(study.steps)
    ]
    title = f"Reverse process by {study.sampler}, {study.evidence}: {study.source}"
    console.table(title, ["step", "from t", "to t", "alpha_bar", "variance"], rows)


@app.command(epilog="Example: reverie study statistics --schedule cosine --set steps=500.")
def statistics(
    schedule: Schedule = "linear",
    settings: Settings = None,
    json: console.Json = False,
) -> None:
    """A schedule in numbers: its beta, its alpha, its SNR in dB."""
    from reverie.studies import statistics

    result = statistics(_schedule(schedule, settings))
    if json:
        return write_reply(result)
    alpha = result["alpha_statistics"]
    groups = {
        "beta": result["beta_statistics"],
        "alpha": alpha,
        "alpha_bar": alpha["alpha_cumprod"],
        "SNR, dB": result["signal_to_noise_statistics"],
    }
    columns = ("first", "last", "min", "max", "mean", "std")
    rows = [[name, *("" if g[c] is None else f"{g[c]:.6g}" for c in columns)] for name, g in groups.items()]
    console.table(
        f"Schedule {result['config']['name']} over t = 1..{result['config']['num_timesteps']}", ["quantity", *columns], rows
    )


@app.command(epilog="Example: reverie study walk photo.jpg --start 150 --out walk.png --pair pair.png.")
def walk(
    picture: Picture = "digits",
    start: Annotated[int, typer.Option("--start", min=1, help="The step t to start from.")] = 100,
    out: Out = None,
    pair: Annotated[Path | None, typer.Option("--pair", help="Write original and start alone to this .png file.")] = None,
    schedule: Annotated[str | None, typer.Option("--schedule", help="linear with T = 200 if left out.")] = None,
    settings: Settings = None,
    seed: console.Seed = 0,
    json: console.Json = False,
    images: Images = False,
    force: console.Force = False,
) -> None:
    """From a noisy picture back to itself by the true posterior: an oracle, for every step is told the picture."""
    check_outputs(force, out, pair)
    if settings and schedule is None:
        raise UsageError("--set changes a schedule: name it with --schedule, e.g. --schedule linear --set steps=200.")
    from reverie.studies import walk

    study = walk(picture, start, None if schedule is None else _schedule(schedule, settings), seed)
    draw("walk_panels", study, out)
    draw("walk_pair", study, pair)
    if json:
        return write_reply(study.reply(images))
    rows = [[str(t), f"{study.distance[start - t]:.6g}"] for t, _ in study.states]
    console.table(f"Reverse walk of {picture} by the true posterior (oracle)", ["t", "rms of x_t - x_0"], rows)
    console.write(f"ends exactly at x_0: {'yes' if study.exact else 'no'}")


@app.command(epilog="Example: reverie study schedules linear cosine --set steps=500 --out schedules.png.")
def schedules(
    names: Annotated[list[str] | None, typer.Argument(help="Schedules to compare; five common ones if left out.")] = None,
    out: Out = None,
    settings: Settings = None,
    json: console.Json = False,
    force: console.Force = False,
) -> None:
    """Compare schedules: beta, alpha_bar, log-SNR and posterior variance in one figure, and their ends in a table."""
    check_outputs(force, out)
    from reverie.studies import statistics

    names = names or ["linear", "scaled_linear", "cosine", "sigmoid", "quadratic"]
    found = {name: _schedule(name, settings) for name in names}
    draw("schedule_figure", found, out)
    if json:
        return write_reply({name: statistics(schedule) for name, schedule in found.items()})
    rows = []
    for name, s in found.items():
        snr = s.snr_db
        ends = [f"{float(value):.6g}" for value in (s.beta[1], s.beta[-1], s.alpha_bar[-1], snr[1], snr[-1])]
        rows.append([name, str(s.steps), *ends])
    console.table("Schedules", ["name", "T", "beta_1", "beta_T", "alpha_bar_T", "SNR_1, dB", "SNR_T, dB"], rows)


app.command(epilog="Example: reverie study compare --sampler ddim --sampler heun --out compare.png.")(compare)
app.command(epilog="Example: reverie study network --recipe health-gym --channels 22 --length 60.")(network)


# --- what the commands share --------------------------------------------------------------------------------------------


def _schedule(name: str, settings: Sequence[str] | None) -> NoiseSchedule:
    from reverie.process import NoiseSchedule

    return NoiseSchedule.named(name, **console.parse_settings(settings or []))


def _timesteps(text: str) -> list[int]:
    try:
        return [int(word) for word in text.split(",")]
    except ValueError as error:
        raise UsageError(f"--at takes whole numbers with commas, e.g. 0,50,999, not {text!r}.") from error


def _frame_table(study: Any) -> None:
    rows = [
        [
            str(frame.t),
            f"{frame.alpha_bar:.6g}",
            f"{frame.signal_power:.6g}",
            f"{frame.noise_power:.6g}",
            "-" if frame.snr_db is None else f"{frame.snr_db:.2f}",
        ]
        for frame in study.frames
    ]
    title = f"Forward process of {study.picture.name}, power {study.picture.power:.4g}"
    console.table(title, ["t", "alpha_bar", "signal power", "noise power", "SNR, dB"], rows)
