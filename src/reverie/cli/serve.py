"""`reverie serve`: the page and the HTTP API, until a signal; and the API keys of its callers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reverie.cli import console
from reverie.errors import UsageError

__all__ = ["app"]

app = typer.Typer(
    add_completion=False,
    help="Serve the page and the HTTP API. The page is at the address that is printed; the API's documents are under /docs.",
    epilog="Start with: reverie serve --workspace work, and open the address in a browser. It reads and writes only "
    "inside the workspace, and answers only this machine. For others: reverie serve key alice --keys keys.json, then "
    "reverie serve --host 0.0.0.0 --keys keys.json --allow-host NAME, behind a proxy that speaks TLS. Every setting is an "
    "environment variable too, such as REVERIE_QUICK_WORKERS. Ctrl-C lets running jobs end, a second one stops at once.",
    rich_markup_mode="markdown",
)

KeyFile = Annotated[Path, typer.Option("--keys", help="The file of keys. It holds digests, not the keys themselves.")]


@app.callback(invoke_without_command=True)
def serve(
    context: typer.Context,
    host: Annotated[
        str | None, typer.Option("--host", help="The address to listen on: 127.0.0.1 if not said. Any other needs --keys.")
    ] = None,
    port: Annotated[int | None, typer.Option("--port", help="The port: 8000 if not said; 0 takes a free one.")] = None,
    workspace: Annotated[
        Path | None, typer.Option("--workspace", help="The folder to work in: here if not said. It is made if missing.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Processes for slow jobs, and as many for quick ones: 1 and 1.")
    ] = None,
    keys: Annotated[
        Path | None, typer.Option("--keys", help="Let in only callers with a key of this file: see reverie serve key.")
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option("--allow-host", help="A name that callers may use for this server; repeatable.")
    ] = None,
) -> None:
    """Serve the page and the HTTP API."""
    if context.invoked_subcommand is not None:
        return
    from reverie.service import settings
    from reverie.service.beside import Beside

    told = settings.read(
        host=host,
        port=port,
        workspace=workspace,
        keys=keys,
        allowed_hosts=allow_host or None,
        quick_workers=workers,
        slow_workers=workers,
    )
    beside = Beside(told.workspace)  # begins to import torch while we import the server
    try:
        from reverie.service.serve import serve as run

        code = run(told, lambda address: _tell(address, told.workspace), beside)
    finally:
        beside.close()
    raise typer.Exit(code)


@app.command()
def key(
    name: Annotated[str, typer.Argument(help="Whose key it is: the log says this name.")],
    keys: KeyFile,
    scope: Annotated[
        str,
        typer.Option(
            "--scope",
            help="What it is for: read looks, run also makes (operations, uploads), manage also deletes and renames.",
        ),
    ] = "manage",
    remove: Annotated[bool, typer.Option("--remove", help="Take the key of this name away instead.")] = False,
) -> None:
    """Make an API key for a caller. It is shown this once; the file keeps its digest alone."""
    from reverie.service import keys as files

    if remove:
        files.take_away(keys, name)
        console.note(f"{name} has no key any more; a server that runs refuses it from now on.")
        return
    if not keys.parent.is_dir():
        raise UsageError(f"{keys.parent} is not a folder: make it first, or name a file in another one.")
    console.write(files.make(keys, name, scope))
    console.note(f"this is the key of {name}: send it as Authorization: Bearer KEY. It is not shown again.")


def _tell(address: str, workspace: Path) -> None:
    console.write(address)
    console.note(f"open it in a browser: it works in {workspace.resolve()}. Ctrl-C stops it.")
