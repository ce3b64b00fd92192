"""A canvas as PNG, painted by Pillow: some tens of milliseconds, where a plotting library takes seconds.

Shapes are painted at twice the size and averaged, which smooths their edges; then texts, which Pillow smooths itself. How
a shape looks is read from look.css, the same file that a browser reads.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

from PIL import Image, ImageColor, ImageDraw, ImageFont

from reverie.drawing.canvas import Canvas, Shape
from reverie.drawing.pictures import resized

__all__ = ["png"]

ZOOM = 1.5
"""Pixels of the file for one of the canvas."""
FINE = 2
"""Painted pixels for one of the file, in each direction."""
MOST = 60_000_000
"""Painted pixels of a whole canvas: what is larger is painted coarser, for memory is finite."""
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_Paint = tuple[int, int, int, int]


def png(canvas: Canvas, zoom: float = ZOOM) -> bytes:
    """The canvas on white, `zoom` times its size, a very large one less; the same canvas gives the same bytes."""
    scale = min(zoom * FINE, math.sqrt(MOST / (canvas.width * canvas.height)))
    fine = FINE if scale >= FINE else 1
    zoom = scale / fine
    size = math.ceil(canvas.width * zoom) * fine, math.ceil(canvas.height * zoom) * fine
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image, "RGBA")
    for shape in canvas.shapes:
        if shape.kind not in ("text", "image"):
            _paint(draw, shape, scale)
    image = image.reduce(fine)
    for shape in canvas.shapes:
        if shape.kind == "text":
            _write(image, shape, zoom)
        elif shape.pixels is not None:
            (left, top), (right, bottom) = ((round(x * zoom), round(y * zoom)) for x, y in filter(None, shape.points))
            image.paste(resized(shape.pixels, (max(right - left, 1), max(bottom - top, 1))), (left, top))
    buffer = io.BytesIO()
    image.save(buffer, "png", compress_level=3)
    return buffer.getvalue()


# --- how it looks -----------------------------------------------------------------------------------------------------


@cache
def _rules() -> tuple[list[tuple[frozenset[str], dict[str, str]]], dict[str, str]]:
    """(classes, declarations) of every rule, those of more classes last; and the colours by name."""
    text = re.sub(r"/\*.*?\*/", "", files("reverie.drawing").joinpath("look.css").read_text(), flags=re.DOTALL)
    rules, colours = [], {}
    for selectors, body in _RULE.findall(text):
        declared = dict(part.strip().split(": ", 1) for part in body.split(";") if part.strip())
        for selector in selectors.split(","):
            match selector.split():
                case [":root"]:
                    colours = declared
                case ["svg", one] if ":" not in one:
                    rules.append((frozenset(one.replace(".", " ").split()), declared))
    return sorted(rules, key=lambda rule: len(rule[0])), colours


@cache
def _look(kind: str, css: str) -> dict[str, str]:
    """The declarations that hold for a shape of these classes, with every colour found."""
    rules, colours = _rules()
    classes = {kind, *css.split()}
    look: dict[str, str] = {}
    for needed, declared in rules:
        if needed <= classes:
            look |= declared
    while any(value.startswith("var(") for value in look.values()):
        values = colours | look
        look = {name: values.get(value[4:-1], "none") if value.startswith("var(") else value for name, value in look.items()}
    return look


def _colour(look: dict[str, str], what: str, strength: float | None = None) -> _Paint | None:
    name = look.get(what, "none")
    if name in ("none", "transparent"):
        return None
    opacity = float(look.get(f"{what}-opacity", "1")) if strength is None else strength
    red, green, blue = ImageColor.getrgb(name)[:3]
    return red, green, blue, round(255 * opacity)


# --- shapes -----------------------------------------------------------------------------------------------------------


def _paint(draw: ImageDraw.ImageDraw, shape: Shape, zoom: float) -> None:
    look = _look(shape.kind, shape.css)
    fill, stroke = _colour(look, "fill", shape.strength), _colour(look, "stroke")
    width = max(round(float(look.get("stroke-width", "1")) * zoom), 1)
    runs = [[(x * zoom, y * zoom) for x, y in run] for run in _runs(shape.points)]
    if shape.kind == "circle":
        (x, y), radius = runs[0][0], shape.radius * zoom
        box = (x - radius, y - radius, x + radius, y + radius)
        return draw.ellipse(box, fill, stroke, width if stroke else 0)
    if shape.kind == "rect":
        (a, b), (c, d) = runs[0]
        if not fill and not stroke:
            return None
        if fill:
            draw.rectangle((round(a), round(b), max(round(c) - 1, round(a)), max(round(d) - 1, round(b))), fill)
        runs = [[(a, b), (c, b), (c, d), (a, d), (a, b)]]
    for run in runs:
        if fill and shape.closed and len(run) > 2:
            draw.polygon(run, fill)
        if stroke:
            dashes = [float(part) * zoom for part in look.get("stroke-dasharray", "").split()]
            for part in _dashed([*run, run[0]] if shape.closed else run, dashes) if dashes else [run]:
                draw.line(part, stroke, width, "curve" if stroke[3] == 255 else None)
    return None


def _runs(points: Sequence[tuple[float, float] | None]) -> Iterator[list[tuple[float, float]]]:
    run: list[tuple[float, float]] = []
    for point in (*points, None):
        if point is not None:
            run.append(point)
        elif run:
            yield run
            run = []


def _dashed(run: list[tuple[float, float]], dashes: list[float]) -> Iterator[list[tuple[float, float]]]:
    """The strokes of a broken line: dash, gap, dash, gap, and on over the corners."""
    which, left = 0, dashes[0]
    part = [run[0]]
    for (x, y), (x2, y2) in pairwise(run):
        length = math.hypot(x2 - x, y2 - y)
        gone = 0.0
        while length - gone > left:
            gone += left
            at = (x + (x2 - x) * gone / length, y + (y2 - y) * gone / length)
            if which % 2 == 0:
                yield [*part, at]
            which += 1
            left, part = dashes[which % len(dashes)], [at]
        left -= length - gone
        part.append((x2, y2))
    if which % 2 == 0 and len(part) > 1:
        yield part


# --- texts ------------------------------------------------------------------------------------------------------------


def _write(image: Image.Image, shape: Shape, zoom: float) -> None:
    look = _look("text", shape.css)
    fill = _colour(look, "fill") or (0, 0, 0, 255)
    font = _font(round(float(look["font-size"].removesuffix("px")) * zoom, 1), "font-weight" in look)
    x, y = (coordinate * zoom for coordinate in shape.points[0] or (0, 0))
    length, (rise, fall) = font.getlength(shape.words), font.getmetrics()
    back = {"start": 0.0, "middle": length / 2, "end": length}[shape.anchor]
    if not shape.turn:
        return ImageDraw.Draw(image).text((x - back, y), shape.words, fill[:3], font, "ls")
    mask = Image.new("L", (math.ceil(length) + 2, rise + fall))
    ImageDraw.Draw(mask).text((0, rise), shape.words, 255, font, "ls")
    turned = mask.rotate(-shape.turn, Image.Resampling.BICUBIC, expand=True)
    right, down = back - mask.width / 2, rise - mask.height / 2  # from the middle of the text to its place
    cos, sin = math.cos(math.radians(shape.turn)), math.sin(math.radians(shape.turn))
    left, top = (x - (cos * right - sin * down) - turned.width / 2, y - (sin * right + cos * down) - turned.height / 2)
    return image.paste(fill[:3], (round(left), round(top)), turned)


@cache
def _font(size: float, bold: bool) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which has most scripts: it comes with matplotlib, which need not be imported. Else Pillow's own."""
    spec = find_spec("matplotlib")
    folder = Path(next(iter(spec.submodule_search_locations or ()), "")) if spec else Path()
    try:
        path = folder / "mpl-data" / "fonts" / "ttf" / f"DejaVuSans{'-Bold' if bold else ''}.ttf"
        return ImageFont.truetype(path, size)
    except OSError:
        return ImageFont.load_default(size)  # pyright: ignore[reportReturnType]
