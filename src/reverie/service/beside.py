"""A process beside the server that gives the answers of `numbers`: it imports torch while the server comes up without it.

    first      one line: the workspace, below which paths are shown relative to it
    question   one line of JSON: {"question", "arguments"}
    answer     one line of JSON: {"size"} and so many bytes, or {"problem"} and its details

It begins before the server's own libraries are imported, lives as long as the pipe between them, so it never outlives the
server, and is begun again if it ended.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, BinaryIO

__all__ = ["Beside"]


class Beside:
    """Safe to use from every thread; questions are answered one after the other."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._process = self._begun()

    def __call__(self, question: str, /, **arguments: Any) -> bytes:
        """The answer to a question of `numbers.ANSWERS`. Raises the Problem that it is instead."""
        from reverie.service.problems import Problem, from_view

        line = json.dumps({"question": question, "arguments": arguments}).encode() + b"\n"
        with self._lock:
            for _ in range(2):  # once more with a new one, if the first has ended
                try:
                    head, body = _exchanged(self._process, line)
                except (OSError, ValueError):
                    self._end()
                    self._process = self._begun()
                    continue
                if "problem" in head:
                    raise from_view(head["problem"])
                return body
        raise Problem(503, "busy", "The process that answers this ended: ask again in a moment.", {"Retry-After": "2"})

    def close(self) -> None:
        with self._lock:
            self._end()

    def _begun(self) -> subprocess.Popen[bytes]:
        # -P: the folder we stand in may be the workspace, and no file of a client is ever imported
        command = [sys.executable, "-P", "-m", "reverie.service.beside"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        assert process.stdin is not None
        process.stdin.write(os.fsencode(self._root.absolute()) + b"\n")
        return process

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):  # a question that was not sent any more
                pipe.close()


def _exchanged(process: subprocess.Popen[bytes], line: bytes) -> tuple[dict[str, Any], bytes]:
    """The head and the bytes of one answer. Raises OSError or ValueError where the process has ended."""
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(line)
    process.stdin.flush()
    head = json.loads(process.stdout.readline())
    body = process.stdout.read(head.get("size", 0))
    if len(body) < head.get("size", 0):
        raise ValueError("cut in the middle")
    return head, body


def main(questions: BinaryIO, answers: BinaryIO) -> None:
    """Answers until there are no more questions."""
    from reverie.service import numbers
    from reverie.studies import frames  # noqa: F401 - torch and what the first question needs, before it comes

    root = Path(os.fsdecode(questions.readline().rstrip(b"\n")))
    for line in questions:
        asked = json.loads(line)
        try:
            body = numbers.answer(asked["question"], **asked["arguments"])
            head: dict[str, Any] = {"size": len(body)}
        except Exception as error:
            from reverie.service import logs, problems

            problem = problems.of(error, root)
            if problem.kind == "internal":
                logs.configure()
                logs.say("a question could not be answered", logging.ERROR, error, question=asked["question"])
            body, head = b"", {"problem": problem.view()}
        answers.write(json.dumps(head).encode() + b"\n" + body)
        answers.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is no answer
    main(os.fdopen(0, "rb"), answers)
