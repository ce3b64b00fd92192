"""One drawing, twice: what a browser is given as SVG is what is painted as PNG, and every shape of it can be seen."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from reverie.drawing import PLOTS, Canvas, matrices, png, sheet
from reverie.drawing.paint import ZOOM, _look
from reverie.drawing.scales import clipped

SIDES = {"real": [0.2, 0.8], "synthetic": [0.4, 0.6], "set aside": [0.5, None]}
COURSE = {"x": [1, 2, 3], "y": [1, 3, 2], "low": [0, 2, 1], "high": [2, 4, 3], "threads": [[[1, 3], [0, 9]], [[2], [1]]]}
FIGURES = {
    "histogram": {"edges": [0, 1, 2], "series": SIDES, "x_label": "x"},
    "bars": {"labels": ["a", "b"], "series": SIDES, "intervals": {"real": [[0.1, 0.3], None]}},
    "lines": {"series": {"real": COURSE, "other": {"x": [1], "y": [2], "again": True, "dots": [[1], [2]]}}, "key": True},
    "stack": {"edges": [0, 1, 2], "series": {"no": [0.3, 1], "others (3)": [0.7, None]}, "key": True},
    "intervals": {"labels": ["a"], "series": {"synthetic": [[1, 0, 2]]}, "reference": 1},
    "matrix": {"labels": ["a", "b"], "series": {"real": [[1, None], [-1, 0]]}, "scale": True, "numbers": "plain"},
    "picture": {"pixels": np.array([[[9], [200]]], np.uint8), "width": 60, "caption": ["t = 0"]},
    "timeline": {
        "of": "real",
        "lanes": ["stays", "labs"],
        "range": (0, 9),
        "bands": [(1, 4, "stay")],
        "x_label": "days",
        "items": [("stays", 1, 4, "stay"), ("labs", 2, None, "glucose")],
    },
    "nothing": {"why": "no value in any table"},
}


def pixels(canvas):
    return np.asarray(Image.open(io.BytesIO(png(canvas))))


def drawn(kind):
    figure = {"kind": kind, "title": kind} | FIGURES[kind]
    return matrices(figure)["real"] if kind == "matrix" else PLOTS[kind](figure)


@pytest.mark.parametrize("kind", FIGURES)
def test_every_shape_can_be_seen_but_those_that_wait_for_a_pointer(kind):
    shapes = drawn(kind).shapes
    assert set(PLOTS) | {"matrix"} == set(FIGURES) and shapes
    for shape in shapes:
        look = _look(shape.kind, shape.css)
        if shape.kind == "image":  # its colours are its own
            continue
        seen = {look.get("fill", "none"), look.get("stroke", "none")} - {"none", "transparent"}
        assert bool(seen) == (shape.css != "hit"), shape
        assert all(re.fullmatch("#[0-9a-fA-F]{6}", colour) for colour in seen)


@pytest.mark.parametrize("kind", FIGURES)
def test_svg_and_png_hold_all_that_is_written(kind):
    canvas = drawn(kind)
    written = re.findall(r"<text[^>]*>([^<]*)</text>", canvas.svg())
    assert written == [shape.words for shape in canvas.shapes if shape.kind == "text"] != []
    assert pixels(canvas).std() > 2
    assert pixels(canvas).shape[:2] == tuple(np.ceil(np.array([canvas.height, canvas.width]) * ZOOM))


def test_colours_are_those_of_the_style_and_later_shapes_lie_on_earlier_ones():
    canvas = Canvas(40, 20)
    canvas.rect(0, 0, 40, 20, "bar r")
    canvas.rect(20, 0, 20, 20, "bar s")
    canvas.rect(0, 0, 40, 20, "hit", "a tip")
    found = pixels(canvas)
    assert found[15, 15].tolist() == [0x00, 0x72, 0xB2] and found[15, 45].tolist() == [0xD5, 0x5E, 0x00]


def test_a_broken_line_is_seen_and_has_gaps():
    canvas = Canvas(60, 20)
    canvas.line(0, 5, 60, 5, "stroke s")
    canvas.line(0, 15, 60, 15, "stroke h")
    whole, broken = (pixels(canvas)[round(at * ZOOM)].sum(axis=1) < 500 for at in (5, 15))
    assert whole.mean() > 0.95 and 0.4 < broken.mean() < 0.8


@pytest.mark.parametrize("turn", [0, -50, -90])
@pytest.mark.parametrize(("anchor", "side"), [("start", 1), ("middle", 0), ("end", -1)])
def test_a_text_begins_ends_or_has_its_middle_at_its_place_however_it_is_turned(turn, anchor, side):
    canvas = Canvas(200, 200)
    canvas.text(100, 100, "mmmmmmmm", anchor=anchor, turn=turn)
    y, x = np.nonzero(pixels(canvas).min(axis=2) < 128)
    along = np.array([np.cos(np.radians(turn)), np.sin(np.radians(turn))])
    run = (x / ZOOM - 100) * along[0] + (y / ZOOM - 100) * along[1]
    ends = {1: (0, run.max()), 0: (-run.max(), run.max()), -1: (run.min(), 0)}[side]
    assert run.min() == pytest.approx(ends[0], abs=2) and run.max() == pytest.approx(ends[1], abs=2) and np.ptp(run) > 60


def test_a_line_is_cut_where_it_leaves_the_box():
    box = (0.0, 0.0, 10.0, 10.0)
    assert clipped([(-5, 5), (5, 5), (5, 15), (20, 20), (20, 5), (8, 5)], box) == [
        None,
        (0, 5),
        (5, 5),
        (5, 10),
        None,
        None,
        None,
        (10, 5),
        (8, 5),
    ]
    assert clipped([(1, 1), None, (2, 2), (3, 3)], box) == [None, None, None, (2, 2), (3, 3)]


def test_a_sheet_has_every_panel_its_title_and_the_key_of_its_tables_once():
    panels = [{"kind": kind, "title": f"panel {kind}"} | FIGURES[kind] for kind in ("histogram", "bars", "nothing")]
    made = sheet({"title": "All", "panels": panels, "notes": ["a note " * 60], "across": 2})
    words = [shape.words for shape in made.shapes if shape.kind == "text"]
    assert all(words.count(word) == 1 for word in ("All", "panel histogram", "panel bars", "real", "synthetic", "set aside"))
    assert " ".join(words).count("a note") == 60
    assert max(p[1] for shape in made.shapes for p in shape.points if p) < made.height


def test_a_very_large_sheet_is_painted_coarser_and_whole(monkeypatch):
    canvas = Canvas(300, 900)
    canvas.rect(290, 890, 10, 10, "bar r")
    sizes = []
    for most in (10**8, 1_200_000, 200_000):
        monkeypatch.setattr("reverie.drawing.paint.MOST", most)
        found = pixels(canvas)
        sizes.append(found.shape[:2])
        assert found[-2, -2].tolist() == [0x00, 0x72, 0xB2]
    assert sizes[0] == (1350, 450) and sizes[1][0] * sizes[1][1] <= 1_210_000 / 4 and sizes[2][0] * sizes[2][1] <= 201_000
