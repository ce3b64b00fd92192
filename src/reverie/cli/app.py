"""The `reverie` command: its list of commands, and the one place where an error becomes a sentence and an exit code.

Commands import torch inside their bodies, so that `reverie --help` answers at once.
"""

from __future__ import annotations

import errno
import importlib
import os
import signal
import sys
import warnings
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

import reverie
from reverie import operations
from reverie.cli import console, shapes, waiting
from reverie.errors import ReverieError
from reverie.memory import ran_out

__all__ = ["app", "main"]

COMMANDS = {
    "data": "What Reverie makes of a table of visits, and why: reverie data FILE.",
    "train": "Train a model of a table of visits or of pictures, and keep everything in one run folder.",
    "distill": "Teach a new run to make pictures in one to four calls of its network, from a trained one.",
    "sample": "Make new patients, or new pictures, with a trained model.",
    "edit": "Change pictures with a trained model: make over, fill holes, enlarge, sharpen, invert, go from one to another.",
    "impute": "Fill the holes of a table, or go on with each patient's record; what is given stays as it is.",
    "export": "Write a model of pictures in another layout, to the same pictures.",
    "report": "Say whether what a model makes is realistic, useful and private, with the evidence.",
    "study": "Look at the forward and the reverse process, with the true numbers, on your own picture or a bundled digit.",
    "prove": operations.TITLES["proofs"],
    "serve": "Serve the page and the HTTP API.",
    "work": "Do jobs of a server, until Ctrl-C or SIGTERM.",
}
"""In the order of --help, each in one line: all that is needed to print it, so that it is there at once."""
OPERATIONS = {
    "train": "training",
    "distill": "distillation",
    "sample": "sample",
    "impute": "imputation",
    "export": "export",
    "report": "report",
    "prove": "proofs",
}
"""Commands that are one operation. The others have a module here."""


class Lazy(TyperGroup):
    """A group that imports a command when it is called, and not to list it."""

    listing = False

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        self.listing = True
        super().format_help(ctx, formatter)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        if self.listing:
            return TyperCommand(cmd_name, help=COMMANDS[cmd_name])
        return typer.main.get_command(_loaded(cmd_name))


def _loaded(name: str) -> typer.Typer:
    """The command as an app of typer."""
    if name not in OPERATIONS:
        module = importlib.import_module(f"reverie.cli.{name}")
        if hasattr(module, "app"):
            return module.app
        function, epilog = getattr(module, name), getattr(module, "EXAMPLES", None)
    else:
        from reverie.cli import derive

        operation = operations.find(OPERATIONS[name])
        function, epilog = derive.command(operation), derive.epilog(operation)
    alone = typer.Typer(add_completion=False, rich_markup_mode="markdown")
    alone.command(name, epilog=epilog)(function)
    return alone


app = typer.Typer(
    cls=Lazy,
    name="reverie",
    help="Run diffusion backwards, on images and on patient records, and show that it is right.",
    epilog="Start with patients: reverie train pbc2 --out runs/pbc --minutes 1, then reverie sample runs/pbc --count 1000 "
    "--out new.csv. Or with pictures: reverie train digits --out runs/digits --minutes 1, then reverie sample runs/digits "
    "--count 16 --out digits.png. Exit codes: 0 done, 2 usage, 3 bad data, 4 damaged files, 130 or 143 after a clean stop.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


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
        shapes.choose()


def _terminated(*_: object) -> None:
    """SIGTERM is a stop as Ctrl-C is: what is half made is removed, or is made on by the next call."""
    if os.getpid() != _PROCESS:  # one that this process has made
        os._exit(143)
    os.write(2, b"stopped.\n")  # whatever is being printed
    raise SystemExit(143)


_PROCESS = os.getpid()


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line and exits with its code."""
    if arguments is None:  # not where another program calls this
        signal.signal(signal.SIGTERM, _terminated)
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
    except RuntimeError as error:
        if "--debug" in arguments or not ran_out(error):
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
    console.note(
        "error: there is not enough memory for this: ask for less at once; a training takes less with a smaller batch "
        "(--set batch=...) or gradient checkpointing (--set gradient_checkpointing=true)."
    )
    return 1
