"""The worked examples of CONTRIBUTING: a kind of column, or a measure, is one file, one line in the list, and one test."""

import importlib.util
import re
from pathlib import Path

from reverie.records import kinds
from reverie.records.kinds.column import NAMED

TEXT = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")


BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, flags=re.S)


def load(name: str, text: str, folder: Path):
    path = folder / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_kind_is_one_file_one_line_and_one_test(tmp_path, monkeypatch):
    file, test = BLOCKS[:2]
    monkeypatch.setitem(NAMED, "roman", None)  # leaves the registry as it was
    roman = load("roman_kind", file, tmp_path).Roman
    place = next(i for i, kind in enumerate(kinds.KINDS) if kind.__name__ == "Categorical")
    monkeypatch.setattr(kinds, "KINDS", (*kinds.KINDS[:place], roman, *kinds.KINDS[place:]))
    load("roman_test", test, tmp_path).test_a_scale_in_roman_numerals_keeps_its_order()


def test_a_measure_is_one_declaration_one_function_and_one_test(tmp_path):
    file, test = BLOCKS[2:]
    once = load("once_area", file, tmp_path).once
    judge = load("once_test", test, tmp_path)
    judge.once = once
    judge.test_patients_who_never_come_back_are_a_fault()
