"""Where a run's numbers go: metrics.jsonl, one line of JSON each time, and TensorBoard's event files beside it."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from reverie.files import write_atomically

__all__ = ["Metrics", "read"]

NAME = "metrics.jsonl"


class Metrics:
    """Writes the numbers of a run. A run that resumes at `step` forgets what had been written beyond it."""

    def __init__(self, run: Path, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        path = run / NAME
        kept = [line for line in read(run) if line["step"] <= step] if step else []
        write_atomically(path, "".join(json.dumps(line) + "\n" for line in kept))
        self._file = path.open("a")
        self._board = SummaryWriter(str(run / "tensorboard"), purge_step=step + 1 if step else None)

    def write(self, step: int, values: dict[str, float]) -> None:
        self._file.write(json.dumps({"step": step, **values}) + "\n")
        self._file.flush()
        for name, value in values.items():
            self._board.add_scalar(name, value, step)

    def advise(self, step: int, sentence: str) -> None:
        self._file.write(json.dumps({"step": step, "advice": sentence}) + "\n")
        self._file.flush()
        self._board.add_text("advice", sentence, step)

    def close(self) -> None:
        self._file.close()
        self._board.close()


def read(run: Path, most: int | None = None) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl that are objects with a step; a last line cut short by a kill is left out.

    `most`: only those in so many bytes at its end.
    """
    path = run / NAME
    lines = []
    for text in _text(path, most).splitlines() if path.exists() else []:
        with suppress(ValueError, RecursionError):
            lines.append(json.loads(text))
    return [line for line in lines if isinstance(line, dict) and isinstance(line.get("step"), int)]


def _text(path: Path, most: int | None) -> bytes:
    with path.open("rb") as file:
        skipped = 0 if most is None else max(0, path.stat().st_size - most)
        file.seek(skipped)
        text = file.read()
    return text.partition(b"\n")[2] if skipped else text  # the first line may be cut
