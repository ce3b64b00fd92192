"""reverie train SOURCE --out RUN"""

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from reverie.cli import console
from reverie.errors import UsageError

__all__ = ["train"]


def train(
    source: Annotated[str, typer.Argument(help="Pictures: 'digits' (bundled), a folder, an .npy or .npz file.")],
    out: Annotated[Path, typer.Option("--out", help="The run folder to write.")],
    minutes: Annotated[
        float | None,
        typer.Option("--minutes", help="Budget in minutes; made a number of steps by a short measurement."),
    ] = None,
    steps: Annotated[int | None, typer.Option("--steps", help="Budget in optimiser steps. Default 1000.")] = None,
    seed: console.Seed = 0,
    recipe: Annotated[
        str, typer.Option("--recipe", help="'pictures' (best here) or 'ddpm' (noise, linear schedule).")
    ] = "pictures",
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting, e.g. batch=64, network.width=32, schedule.name=linear. May be repeated."),
    ] = None,
    size: Annotated[int | None, typer.Option("--size", help="Bring pictures to this size: centre square, resized.")] = None,
    channels: Annotated[
        int | None, typer.Option("--channels", help="1 for grey, 3 for colour; default as they are.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out, just where it stopped.")] = False,
    force: console.Force = False,
    as_json: console.Json = False,
) -> None:
    """Train a model and keep everything in one run folder.

    Ctrl-C and SIGTERM save and stop; --resume then reaches the same weights as a run that never stopped. To use several
    processes: torchrun --nproc-per-node 2 -m reverie train ...

    Example: reverie train digits --out runs/digits --minutes 1 --seed 0
    """
    settings = console.parse_settings(set_ or [])
    if resume and force:
        raise UsageError("--resume goes on with what --force would throw away: give one of them.")
    from reverie import runs
    from reverie.training import Listener, processes
    from reverie.training.hardware import choose_device

    shared = "TORCHELASTIC_RUN_ID" in os.environ
    device = choose_device(str(settings.get("training.device", settings.get("device", "auto"))))
    with processes.joined(device) if shared else nullcontext(), console.progress("training") as on_step:
        chief = processes.rank() == 0
        model = runs.train(
            source,
            out,
            steps=steps,
            minutes=minutes,
            seed=seed,
            recipe=recipe,
            settings=settings,
            size=size,
            channels=channels,
            resume=resume,
            force=force,
            listener=Listener(on_step, console.note) if chief else None,
        )
    if not chief:
        return
    summary = {
        "run": str(out),
        "steps": model.config.training.steps,
        "parameters": sum(p.numel() for p in model.denoiser.module.parameters()),
        "samples": str(out / "samples" / f"step-{model.config.training.steps}.png"),
        "metrics": str(out / "metrics.jsonl"),
    }
    if as_json:
        console.write_json(summary)
    else:
        console.table("trained", ("what", "value"), [(key, str(value)) for key, value in summary.items()])
        console.note(f"look at {summary['samples']}; more: reverie sample {out} --count 64 --out samples.png")
