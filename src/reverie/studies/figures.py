"""The studies as figures. Each function takes a study's result and returns a matplotlib Figure; none touches global state.

Small pictures are drawn pixel by pixel, never smoothed. States are drawn on the scale of the data: white is 1 and above,
black is -1 and below. Colours are those of Okabe and Ito (2008), which stay apart for colour-blind readers, and curves
differ in dash as well.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from reverie.errors import UsageError
from reverie.files import write_atomically
from reverie.process import NoiseSchedule
from reverie.studies.analyse import Analysis
from reverie.studies.compare import Comparison
from reverie.studies.forward import Forward
from reverie.studies.frames import Frame
from reverie.studies.reverse import Reverse
from reverie.studies.walk import Walk

__all__ = [
    "EVIDENCE_COLOURS",
    "PALETTE",
    "comparison_figure",
    "filmstrip",
    "picture_bytes",
    "reverse_strip",
    "save_figure",
    "schedule_figure",
    "walk_pair",
    "walk_panels",
]

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
EVIDENCE_COLOURS = {"exact": PALETTE[0], "oracle": PALETTE[1], "learned": PALETTE[2]}
_DASHES = ("-", "--", "-.", ":")
_DPI = 150
_SMALL = 128  # pixels a side, up to which a pixel is drawn as a square


def picture_bytes(figure: Figure) -> bytes:
    """The figure as PNG; the same figure gives the same bytes."""
    FigureCanvasAgg(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
    return buffer.getvalue()


def save_figure(figure: Figure, path: Path | str) -> Path:
    """Writes the figure as PNG, whole or not at all; returns the path. Raises UsageError for another suffix."""
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise UsageError(f"figures are written as PNG: name the output {path.with_suffix('.png').name}, not {path.name}.")
    write_atomically(path, picture_bytes(figure))
    return path


# --- schedules --------------------------------------------------------------------------------------------------------


def schedule_figure(schedules: Mapping[str, NoiseSchedule]) -> Figure:
    """beta, alpha_bar, log-SNR and posterior variance over t = 1..T (alpha_bar from 0), all schedules overlaid."""
    if not schedules:
        raise UsageError("give at least one schedule to draw.")
    figure = Figure(figsize=(10, 7.2), layout="constrained")
    axes = figure.subplots(2, 2)
    panels = (
        (axes[0, 0], r"variance added, $\beta_t$", "log"),
        (axes[0, 1], r"signal power left, $\bar\alpha_t$", "linear"),
        (axes[1, 0], r"log-SNR, $\ln\,\bar\alpha_t/(1-\bar\alpha_t)$  [nats]", "linear"),
        (axes[1, 1], r"posterior variance, $\tilde\beta_t$  (t > 1)", "log"),
    )
    for i, (name, schedule) in enumerate(schedules.items()):
        style = {"color": PALETTE[i % len(PALETTE)], "linestyle": _DASHES[i % len(_DASHES)], "linewidth": 1.8}
        t = np.arange(schedule.steps + 1)
        log_snr = schedule.log_snr.numpy()
        shown = np.isfinite(log_snr)
        label = f"{name} (T = {schedule.steps})"
        axes[0, 0].plot(t[1:], schedule.beta[1:].numpy(), label=label, **style)
        axes[0, 1].plot(t, schedule.alpha_bar.numpy(), **style)
        axes[1, 0].plot(t[shown], log_snr[shown], **style)
        axes[1, 1].plot(t[2:], schedule.posterior_variance[2:].numpy(), **style)
    axes[1, 0].axhline(0, color="0.5", linewidth=0.8)
    axes[1, 0].annotate("signal = noise", (0.02, -0.2), xycoords=("axes fraction", "data"), va="top", color="0.35")
    for panel, title, scale in panels:
        panel.set(xlabel="step t", ylabel=title, yscale=scale)
        panel.grid(color="0.9", linewidth=0.6)
        panel.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=min(3, len(schedules)), frameon=False)
    return figure


# --- forward ----------------------------------------------------------------------------------------------------------


def filmstrip(study: Analysis | Forward) -> Figure:
    """All frames of a study in reading order, with t, alpha_bar and SNR under each."""
    frames = study.frames
    rows = math.ceil(len(frames) / 10)
    columns = math.ceil(len(frames) / rows)
    height, width = frames[0].pixels.shape[:2]
    panel_h = 1.45 * min(max(height / width, 0.4), 2.5)
    figure = Figure(figsize=(max(1.55 * columns, 5.5), rows * (panel_h + 0.65) + 0.5), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes:
        axis.set_axis_off()
    for axis, frame in zip(axes, frames, strict=False):
        _show(axis, frame.pixels)
        axis.text(0.5, -0.05, _caption(frame), transform=axis.transAxes, ha="center", va="top", fontsize=9)
    name = str(study.schedule.config.get("name", "given"))
    figure.suptitle(
        f"{_short(study.picture.name)}: forward process, {name} schedule, T = {study.schedule.steps}, "
        f"picture's power {study.picture.power:.3f}\none noise for all frames; values beyond black and white are clipped",
        fontsize=10,
    )
    return figure


def _caption(frame: Frame) -> str:
    bare = "no noise" if frame.noise_power == 0 else "no signal"
    level = bare if frame.snr_db is None else f"{frame.snr_db:.1f} dB"
    return f"t = {frame.t}\n" + rf"$\bar\alpha$ = {frame.alpha_bar:.3g}" + f"\n{level}"


# --- the walk ---------------------------------------------------------------------------------------------------------


def walk_pair(walk: Walk) -> Figure:
    """Two panels: the picture, and its state at the walk's first step."""
    return _row(
        [
            (walk.pixels(walk.picture.x_0), r"original, $x_0$"),
            (walk.pixels(walk.x_start), rf"noisy, $x_{{{walk.start}}}$ (t = {walk.start} of {walk.schedule.steps})"),
        ],
        f"{_short(walk.picture.name)}: one draw from $q(x_t | x_0)$",
    )


def walk_panels(walk: Walk) -> Figure:
    """Four panels: the picture, the start, the end at t = 0, and start minus end on a scale of its own."""
    ending = "equals the original" if walk.exact else f"rms distance {walk.distance[-1]:.2g}"
    figure = _row(
        [
            (walk.pixels(walk.picture.x_0), "original, $x_0$"),
            (walk.pixels(walk.x_start), f"start, t = {walk.start}"),
            (walk.pixels(walk.x_end), f"end, t = 0\n({ending})"),
            (_centred(walk.difference[0].permute(1, 2, 0).numpy()), "start - end\n(mid-grey is 0)"),
        ],
        f"{_short(walk.picture.name)}: reverse walk by the true posterior $q(x_{{t-1}} | x_t, x_0)$",
    )
    _badge(figure, walk.evidence)
    return figure


def _row(panels: Sequence[tuple[np.ndarray, str]], title: str) -> Figure:
    height, width = panels[0][0].shape[:2]
    tall = 2.5 * min(max(height / width, 0.4), 2.0)
    figure = Figure(figsize=(2.5 * len(panels) + 0.4, tall + 1.1), layout="constrained")
    for axis, (pixels, caption) in zip(figure.subplots(1, len(panels)), panels, strict=True):
        axis.set_axis_off()
        _show(axis, pixels)
        axis.text(0.5, -0.04, caption, transform=axis.transAxes, ha="center", va="top", fontsize=10)
    figure.suptitle(title, fontsize=11)
    return figure


def _centred(x: np.ndarray) -> np.ndarray:
    """Numbers of either sign as uint8, 0 at mid-grey and the largest of them at black or white."""
    reach = float(np.abs(x).max()) or 1.0
    return np.rint((x / reach + 1) * 127.5).astype(np.uint8)


# --- the reverse process ----------------------------------------------------------------------------------------------


def reverse_strip(result: Reverse) -> Figure:
    """The states x_t above what was predicted of x_0 at each, from noise to the final picture; badged by evidence."""
    views = result.views
    height, width = result.final.shape[:2]
    panel_h = 1.6 * min(max(height / width, 0.4), 2.5)
    figure = Figure(figsize=(1.7 * len(views) + 0.5, 2 * panel_h + 1.4), layout="constrained")
    axes = figure.subplots(2, len(views), squeeze=False)
    for (top, below), view in zip(axes.T, views, strict=True):
        for axis in (top, below):
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
        top.set_title(f"step {view.step}, t = {view.t}" if view.predicted is not None else "final, t = 0", fontsize=9)
        _show(top, view.state)
        if view.predicted is not None:
            _show(below, view.predicted)
    axes[0, 0].set_ylabel("state $x_t$", fontsize=11)
    axes[1, 0].set_ylabel(r"predicted $\hat x_0$", fontsize=11)
    figure.suptitle(
        f"Reverse process: {result.sampler}, {len(result.steps)} steps of T = {result.schedule.steps}"
        + (f", $\\eta$ = {result.eta:g}" if result.sampler == "ddim" else "")
        + f"\n{_short(result.source, 90)}",
        fontsize=11,
    )
    _badge(figure, result.evidence)
    return figure


def comparison_figure(result: Comparison) -> Figure:
    """Error against calls of the denoiser, a line for each sampler; those that draw noise are dotted, with open marks."""
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for i, name in enumerate(dict.fromkeys(cell.sampler for cell in result.cells)):
        cells = sorted((cell for cell in result.cells if cell.sampler == name), key=lambda cell: cell.calls)
        noisy = cells[0].stochastic
        axes.plot(
            [cell.calls for cell in cells],
            [max(cell.error, 1e-7) for cell in cells],  # below rounding all are alike
            label=f"{name}, draws noise: not an error of discretisation" if noisy else name,
            color=PALETTE[i % len(PALETTE)],
            linestyle=":" if noisy else _DASHES[i % 3],
            marker="osD^vP"[i % 6],
            markerfacecolor="none" if noisy else None,
        )
    reference = result.reference
    axes.axhline(max(result.own_error, 1e-7), color="0.5", linewidth=0.8)
    axes.annotate(
        f"own error of the reference ({reference.sampler}, {reference.steps} steps)",
        (0.02, max(result.own_error, 1e-7)),
        xycoords=("axes fraction", "data"),
        va="bottom",
        fontsize=8.5,
        color="0.35",
    )
    axes.set(xscale="log", yscale="log", xlabel="calls of the denoiser", ylabel="rms distance to the reference")
    axes.grid(color="0.9", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize=9)
    figure.suptitle(f"One starting noise, seed {result.seed}: {_short(result.by.source, 90)}", fontsize=11)
    _badge(figure, result.by.denoiser.evidence)
    return figure


# --- drawing ----------------------------------------------------------------------------------------------------------


def _show(axis: Axes, pixels: np.ndarray) -> None:
    """uint8 [H, W, 1 or 3] on the fixed scale 0..255."""
    interpolation = "nearest" if max(pixels.shape[:2]) <= _SMALL else "antialiased"
    image = pixels[:, :, 0] if pixels.shape[2] == 1 else pixels
    axis.set_anchor("N")  # room that the picture's proportions leave free goes below it
    axis.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation=interpolation)


def _badge(figure: Figure, evidence: str) -> None:
    """How the denoiser knows, in the corner: exact, oracle or learned."""
    meaning = {
        "exact": "exact: the optimal denoiser, computed",
        "oracle": "oracle: told the true $x_0$",
        "learned": "learned: a trained network",
    }[evidence]
    box = {"boxstyle": "round,pad=0.35", "facecolor": EVIDENCE_COLOURS[evidence], "edgecolor": "none"}
    strip = 0.36 / figure.get_figheight()  # inches along the lower edge, kept free for the badge
    figure.set_layout_engine(ConstrainedLayoutEngine(rect=(0, strip, 1, 1 - strip)))
    label = figure.supxlabel(meaning, y=strip / 2, va="center", fontsize=9.5, color="white", bbox=box)
    label.set_in_layout(False)


def _short(name: str, most: int = 40) -> str:
    """A name that fits a title; a dollar sign would begin a formula."""
    name = Path(name).name or name
    return (name if len(name) <= most else f"{name[: most - 3]}...").replace("$", r"\$")
