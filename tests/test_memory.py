"""Memory that a process may have, and the words for want of it."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest
import torch

from reverie import memory


def test_torch_and_python_say_that_memory_ran_out():
    for ask in (lambda: torch.empty(2**50), lambda: bytearray(2**60)):
        with pytest.raises((RuntimeError, MemoryError)) as caught:
            ask()
        assert memory.ran_out(caught.value)
    assert memory.ran_out(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."))
    assert not memory.ran_out(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not memory.ran_out(ValueError("out of memory"))


def test_the_least_limit_is_what_is_available(tmp_path, monkeypatch):
    container = tmp_path / "memory.max"
    monkeypatch.setattr(memory, "_CONTAINER", container)
    whole = memory.available()
    assert whole is not None and whole > 2**28
    for content, expected in (("max\n", whole), (f"{whole // 2}\n", whole // 2), (f"{whole * 2}\n", whole)):
        container.write_text(content)
        assert memory.available() == expected


def test_a_process_that_is_held_gets_no_more_and_says_so():
    before = resource.getrlimit(resource.RLIMIT_DATA)
    code = """
from reverie import memory
before = memory.available()
with memory.held(2**29):
    assert memory.available() == 2**29
    with memory.held(2**30):
        assert memory.available() == 2**29, "a wider one widens nothing"
assert memory.available() == before
with memory.held(None):
    assert memory.available() == before
with memory.held(2**29):
    assert len(bytearray(2**26)) == 2**26
    bytearray(2**30)
"""
    held = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert held.stderr.endswith("MemoryError\n"), held.stderr
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
