"""The studies as figures: plain data, drawn by `reverie.drawing` as those of runs and reports are.

Small pictures are drawn pixel by pixel, never smoothed. States are drawn on the scale of the data: white is 1 and above,
black is -1 and below. Curves differ in colour and in dash.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from reverie.drawing import png, sheet, shorten
from reverie.errors import UsageError
from reverie.files import write_atomically
from reverie.process import NoiseSchedule
from reverie.studies.analyse import Analysis
from reverie.studies.compare import Comparison
from reverie.studies.forward import Forward
from reverie.studies.frames import Frame
from reverie.studies.posterior import PosteriorStudy
from reverie.studies.reverse import Reverse
from reverie.studies.walk import Walk

__all__ = [
    "comparison_figure",
    "filmstrip",
    "picture_bytes",
    "posterior_figure",
    "reverse_strip",
    "save_figure",
    "schedule_figure",
    "walk_pair",
    "walk_panels",
]

Figure = dict[str, Any]
"""Plain data of a sheet, see `reverie.drawing`."""
ZOOM = 2.0
"""Pixels of the file for one of the drawing."""
BADGES = {
    "exact": ("exact: the optimal denoiser, computed", "c0"),
    "oracle": ("oracle: told the true x₀", "c5"),
    "learned": ("learned: a trained network", "c2"),
}
"""How a denoiser knows, and its colour."""
ROUNDING = 1e-7
"""Below it all errors are alike."""


def picture_bytes(figure: Figure) -> bytes:
    """The figure as PNG; the same figure gives the same bytes."""
    return png(sheet(figure), ZOOM)


def save_figure(figure: Figure, path: Path | str) -> Path:
    """Writes the figure as PNG, whole or not at all; returns the path. Raises UsageError for another suffix."""
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise UsageError(f"figures are written as PNG: name the output {path.with_suffix('.png').name}, not {path.name}.")
    write_atomically(path, picture_bytes(figure))
    return path


def schedule_figure(schedules: Mapping[str, NoiseSchedule]) -> Figure:
    """beta, alpha_bar, log-SNR and posterior variance over t = 1..T (alpha_bar from 0), all schedules overlaid."""
    if not schedules:
        raise UsageError("give at least one schedule to draw.")
    tables = (
        ("variance added, βₜ", "beta", 1, {"log": True}),
        ("signal power left, ᾱₜ", "alpha_bar", 0, {"y_range": (0, 1)}),
        ("log-SNR, ln ᾱₜ / (1 - ᾱₜ), in nats", "log_snr", 0, {"levels": [(0.0, "signal = noise")]}),
        ("posterior variance, β̃ₜ (t > 1)", "posterior_variance", 2, {"log": True}),
    )

    def course(schedule: NoiseSchedule, table: str, first: int) -> dict[str, Any]:
        y = getattr(schedule, table).numpy()
        t = np.flatnonzero(np.isfinite(y))
        return {"x": t[t >= first].tolist(), "y": y[t[t >= first]].tolist()}

    def panel(title: str, table: str, first: int, more: dict[str, Any]) -> Figure:
        series = {f"{name} (T = {s.steps})": course(s, table, first) for name, s in schedules.items()}
        return {"kind": "lines", "title": title, "x_label": "step t", "dashed": True, "series": series, **more}

    return _sheet("Noise schedules", (panel(*table) for table in tables), across=2, key=True)


def filmstrip(study: Analysis | Forward) -> Figure:
    """All frames of a study in reading order, with t, alpha_bar and SNR under each."""
    name, count = str(study.schedule.config.get("name", "given")), len(study.frames)
    across = -(-count // -(-count // 10))  # rows of at most 10, as equal as may be
    width = max(90, 528 // across - 18)
    return _sheet(
        f"{_short(study.picture.name)}: forward process",
        (_picture(frame.pixels, width, _caption(frame)) for frame in study.frames),
        about=f"{name} schedule, T = {study.schedule.steps}, picture's power {study.picture.power:.3f}",
        across=across,
        notes=["One noise for all frames; values beyond black and white are clipped."],
    )


def _caption(frame: Frame) -> list[str]:
    bare = "no noise" if frame.noise_power == 0 else "no signal"
    return [f"t = {frame.t}", f"ᾱ = {frame.alpha_bar:.3g}", bare if frame.snr_db is None else f"{frame.snr_db:.1f} dB"]


def walk_pair(walk: Walk) -> Figure:
    """Two panels: the picture, and its state at the walk's first step."""
    panels = (
        _picture(walk.pixels(walk.picture.x_0), 240, ["original, x₀"]),
        _picture(walk.pixels(walk.x_start), 240, ["noisy, xₜ", f"t = {walk.start} of {walk.schedule.steps}"]),
    )
    return _sheet(f"{_short(walk.picture.name)}: one draw from q(xₜ | x₀)", panels)


def walk_panels(walk: Walk) -> Figure:
    """Four panels: the picture, the start, the end at t = 0, and start minus end on a scale of its own."""
    ending = "equals the original" if walk.exact else f"rms distance {walk.distance[-1]:.2g}"
    panels = (
        _picture(walk.pixels(walk.picture.x_0), 180, ["original, x₀"]),
        _picture(walk.pixels(walk.x_start), 180, [f"start, t = {walk.start}"]),
        _picture(walk.pixels(walk.x_end), 180, ["end, t = 0", f"({ending})"]),
        _picture(_centred(walk.difference[0].permute(1, 2, 0).numpy()), 180, ["start - end", "(mid-grey is 0)"]),
    )
    title = f"{_short(walk.picture.name)}: reverse walk by the true posterior"
    return _sheet(title, panels, about="q(xₜ₋₁ | xₜ, x₀)", badge=BADGES[walk.evidence])


def _centred(x: np.ndarray) -> np.ndarray:
    """Numbers of either sign as uint8, 0 at mid-grey and the largest of them at black or white."""
    reach = float(np.abs(x).max()) or 1.0
    return np.rint((x / reach + 1) * 127.5).astype(np.uint8)


def reverse_strip(result: Reverse) -> Figure:
    """The states x_t above what was predicted of x_0 at each, from noise to the final picture; badged by evidence."""
    views = result.views
    where = ["final, t = 0" if view.predicted is None else f"step {view.step}, t = {view.t}" for view in views]
    states = [_picture(view.state, 110, [words]) for view, words in zip(views, where, strict=True)]
    return _sheet(
        f"Reverse process: {result.sampler}, {len(result.steps)} steps of T = {result.schedule.steps}"
        + (f", η = {result.eta:g}" if result.sampler == "ddim" else ""),
        [*states, *(_picture(view.predicted, 110) for view in views if view.predicted is not None)],
        about=_short(result.source, 90),
        across=len(views),
        notes=["Above: the state xₜ. Below: what was predicted of x₀ there."],
        badge=BADGES[result.evidence],
    )


def comparison_figure(result: Comparison) -> Figure:
    """Error against calls of the denoiser, a line for each sampler; those of samplers that draw noise are dotted."""
    series = {}
    for name in dict.fromkeys(cell.sampler for cell in result.cells):
        cells = sorted((cell for cell in result.cells if cell.sampler == name), key=lambda cell: cell.calls)
        noisy = cells[0].stochastic
        series[f"{name}, draws noise: not an error of discretisation" if noisy else name] = {
            "x": [cell.calls for cell in cells],
            "y": [max(cell.error, ROUNDING) for cell in cells],
            "points": True,
            "again": noisy,
        }
    reference = result.reference
    own = f"own error of the reference ({reference.sampler}, {reference.steps} steps)"
    panel = {
        "kind": "lines",
        "title": "Error against calls",
        "x_label": "calls of the denoiser",
        "y_label": "rms distance to the reference",
        "width": 528,
        "x_log": True,
        "log": True,
        "dashed": True,
        "series": series,
        "levels": [(max(result.own_error, ROUNDING), own)],
    }
    badge = BADGES[result.by.denoiser.evidence]
    return _sheet(
        f"One starting noise, seed {result.seed}", [panel], about=_short(result.by.source, 90), key=True, badge=badge
    )


def posterior_figure(result: PosteriorStudy) -> Figure:
    """C2ST against passes through the denoiser, a panel for each case and a line for each method."""
    panels = []
    for case, about in result.cases.items():
        cells = [cell for cell in result.cells if cell.case == case]
        series = {
            name: {
                "x": [cell.passes for cell in cells if cell.method == name],
                "y": [cell.c2st for cell in cells if cell.method == name],
                "points": True,
            }
            for name in dict.fromkeys(cell.method for cell in cells)
        }
        panels.append(
            {
                "kind": "lines",
                "title": f"{case}: {about}",
                "x_label": "passes through the denoiser, forward and back",
                "y_label": "C2ST, told from exact draws",
                "width": 360,
                "x_log": True,
                "y_range": (0.45, 1.0),
                "dashed": True,
                "series": series,
                "levels": [(0.5, "chance")],
            }
        )
    about = f"{result.draws:,} draws against as many of the exact posterior, seed {result.seed}"
    return _sheet("Posterior samplers", panels, about=about, across=2, key=True, badge=BADGES["exact"])


def _sheet(title: str, panels: Iterable[Figure], **more: Any) -> Figure:
    return {"kind": "panels", "title": title, "panels": list(panels), **more}


def _picture(pixels: np.ndarray, width: int, caption: Iterable[str] = ()) -> Figure:
    """uint8 [H, W, 1 or 3], `width` px wide, with lines below it."""
    return {"kind": "picture", "title": "", "pixels": pixels, "width": width, "caption": list(caption)}


def _short(name: str, most: int = 40) -> str:
    """A name that fits a title."""
    return shorten(Path(name).name or name, most)
