"""Few shapes are kept prepared, unless someone said how many."""

import os

from reverie.cli import shapes


def test_few_shapes_are_kept_and_whoever_said_how_many_is_obeyed(monkeypatch):
    for name in shapes.KEPT:
        monkeypatch.setenv(name, "unset")  # so that what is set here is undone
        monkeypatch.delenv(name)
    monkeypatch.setenv(shapes.KEPT[0], "7")
    shapes.choose()
    found = {name: os.environ[name] for name in shapes.KEPT}
    assert found[shapes.KEPT[0]] == "7" and 0 < int(found[shapes.KEPT[1]]) < 1024 * (os.cpu_count() or 1)
