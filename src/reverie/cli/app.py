"""The `reverie` command: its list of commands, and the one place where an error becomes a sentence and an exit code.

Commands import torch inside their bodies, so that `reverie --help` answers at once.
"""

from __future__ import annotations

import errno
import os
import sys
import warnings
from typing import Annotated

import typer

import reverie
from reverie.cli import console, data, edit, export, impute, prove, report, sample, serve, study, train, waiting, work
from reverie.errors import ReverieError

__all__ = ["app", "main"]

app = typer.Typer(
    name="reverie",
    help="Run diffusion backwards, on images and on patient records, and show that it is right.",
    epilog="Start with patients: reverie train pbc2 --out runs/pbc --minutes 1, then reverie sample runs/pbc --count 1000 "
    "--out new.csv. Or with pictures: reverie train digits --out runs/digits --minutes 1, then reverie sample runs/digits "
    "--count 16 --out digits.png. Exit codes: 0 done, 2 usage, 3 bad data, 4 damaged files, 130 or 143 after a clean stop.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.add_typer(data.app, name="data")
app.command("train", epilog=train.EXAMPLES)(train.train)
app.command("sample", epilog=sample.EXAMPLES)(sample.sample)
app.add_typer(edit.app, name="edit")
app.command("impute", epilog=impute.EXAMPLES)(impute.impute)
app.command("export", epilog=export.EXAMPLES)(export.export)
app.command("report", epilog=report.EXAMPLES)(report.report)
app.add_typer(study.app, name="study")
app.command("prove")(prove.prove)
app.add_typer(serve.app, name="serve")
app.command("work")(work.work)


def _version(value: bool) -> None:
    if value:
        console.write(reverie.__version__)
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the full traceback of an error.")] = False,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    if "torch" not in sys.modules:
        waiting.choose()


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line and exits with its code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    said: set[str] = set()

    def once(message: Warning | str, *_: object, **__: object) -> None:
        if str(message) not in said:
            said.add(str(message))
            console.note(f"warning: {message}")

    warnings.showwarning = once
    try:
        app(args=arguments, prog_name="reverie")
    except (ReverieError, OSError, MemoryError, KeyboardInterrupt) as error:
        if "--debug" in arguments:
            raise
        sys.exit(_report(error))


def _report(error: BaseException) -> int:
    """Prints one sentence and returns the exit code."""
    match error:
        case ReverieError():
            console.note(f"error: {error}")
            return error.exit_code
        case KeyboardInterrupt():
            console.note("stopped.")
            return 130
        case BrokenPipeError():
            sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115  (nobody is left to read the rest)
            return 0
        case OSError():
            place = f" {error.filename}" if error.filename else ""
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            remedy = " Free some space and run the command again; nothing written before is lost." if full else ""
            console.note(f"error: {error.strerror or error}:{place or ' (no file named)'}.{remedy}")
            return 1
    console.note("error: out of memory: use a smaller batch (--set batch=...) or gradient checkpointing.")
    return 1
