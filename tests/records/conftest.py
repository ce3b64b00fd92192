"""Tables that several tests of this folder read, and records whose law is known."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


def beside(name: str) -> ModuleType:
    """A module of this folder that is no test."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def awkward():
    """The awkward table of awkward.py."""
    return beside("awkward").awkward()


@pytest.fixture(scope="session")
def gaussian():
    """The module gaussian.py."""
    return beside("gaussian")
