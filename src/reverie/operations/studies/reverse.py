"""From pure noise to a picture, by an exact denoiser or a trained run: the guide's demonstration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field

from reverie.operations.context import Context
from reverie.operations.declare import Outcome, Panel, operation
from reverie.operations.fields import Overwrite, schedule_of
from reverie.operations.request import Flag, Reply, at_least, example, local
from reverie.operations.studies.denoised import Denoised, learned, python_reverse
from reverie.operations.studies.shared import Figure, now, pictured

__all__ = ["Reverse", "reverse"]

VIEW = 256
LARGE = 60_000_000
"""Steps x pixels above which nobody waits for a demonstration."""


class Reverse(Denoised):
    """From pure noise to a picture."""

    model_config = example({"width": 256, "height": 256, "num_steps": 10, "eta": 0.0, "save_path": "figures/denoising.png"})

    width: Annotated[int, at_least(256, "the guide's demonstration is of this size or larger")] = Field(
        512, ge=8, le=1024, description="Pixels; a model sets its own."
    )
    height: Annotated[int, at_least(256, "the guide's demonstration is of this size or larger")] = Field(
        512, ge=8, le=1024, description="Pixels; a model sets its own."
    )
    num_steps: Annotated[int, Flag("--steps")] = Field(50, ge=10, le=200, description="How many reverse steps.")
    save_path: Figure = None
    final: Annotated[str | None, Flag("--final"), local] = Field(
        None, description="Write the final picture alone to this .png file."
    )
    overwrite: Overwrite = False


class ReverseReply(Reply):
    """Numbers of each step, pictures of some, and the last."""

    model_config = example(
        {
            "results": {
                "step_0": {
                    "timestep": 1000,
                    "next_timestep": 900,
                    "alpha_cumprod": 0.00004,
                    "variance": 0.0,
                    "eta": 0.0,
                }
            },
            "images": {
                "step_0": {
                    "evidence": "exact",
                    "timestep": 1000,
                    "state": "data:image/png;base64,...",
                    "predicted_clean": "data:image/png;base64,...",
                }
            },
            "final_image": "data:image/png;base64,...",
            "metadata": {"evidence": "exact", "denoiser": "exact denoiser of six cut-outs of two photographs"},
            "timestamp": "2025-01-31T09:30:00.000+00:00",
        }
    )

    results: dict[str, dict[str, Any]] = Field(description="By step_<i>.")
    images: dict[str, dict[str, Any]] = Field(
        description="State and prediction at up to nine steps, up to 256 pixels a side."
    )
    final_image: str = Field(description="At its full size.")
    metadata: dict[str, Any] = Field(description="evidence says how the denoiser knows: exact, oracle or learned.")
    timestamp: str


@operation(
    "reverse",
    ReverseReply,
    command="study reverse",
    route="POST /api/diffusion/demonstrate-reverse-diffusion",
    operation_id="demonstrate_reverse_diffusion",
    tag="guide",
    about="By the exact denoiser of two real photographs, or by a trained run: `metadata.evidence` says which.",
    slow=lambda request: request.model is None and request.width * request.height * request.num_steps > LARGE,
    progress=("reverse steps", "steps"),
    images=True,
    writes="save_path",
    usual="reverse.png",
    example="reverie study reverse --width 256 --height 256 --out reverse.png (exact denoiser of two photographs); "
    "reverie study reverse --model runs/digits --out reverse.png (your trained run).",
    refuse=lambda request, _: _size_of_a_model(request),
    python=lambda request: python_reverse(request, request.num_steps),
)
def reverse(request: Reverse, context: Context) -> Outcome:
    """From pure noise to a picture, step by step, with what is predicted of it at each; says how the denoiser knows."""
    figure = context.output(request.save_path, "figure", request.overwrite, "figure.png")
    final = context.output(request.final, "figure", request.overwrite, "final.png")
    from reverie import studies
    from reverie.studies import denoising

    if request.model is None:
        by = denoising.exact(request.width, request.height, schedule_of(request.schedule, context))
    else:
        by = learned(request, context)
    size = {name: getattr(request, name) for name in {"width", "height"} & request.model_fields_set}
    study = studies.reverse(
        **size,
        steps=request.num_steps,
        eta=request.eta,
        sampler=request.sampler,
        by=by,
        seed=request.seed,
        on_step=context.step,
    )
    reply = study.reply(images=context.images, largest=VIEW if context.served else None)
    printed = {**reply, "timestamp": now()}
    more = pictured(study, "reverse_strip", figure, request.save_path is not None)
    if request.final is not None:
        from reverie.images import save_picture

        save_picture(study.final, final.path)
        context.say(f"final picture: {final.done()['name']}")
    reply = {**reply, "metadata": reply["metadata"] | more | {"seconds": study.seconds}, "timestamp": now()}

    def show() -> Iterator[Panel]:
        rows = [
            [str(i), str(s.t), str(s.s), f"{s.alpha_bar:.6g}", "-" if s.variance is None else f"{s.variance:.6g}"]
            for i, s in enumerate(study.steps)
        ]
        title = f"Reverse process by {study.sampler}, {study.evidence}: {study.source}"
        yield Panel(title, ["step", "from t", "to t", "alpha_bar", "variance"], rows)

    return Outcome(reply, show, printed)


def _size_of_a_model(request: Reverse) -> str | None:
    """The guide's call takes a size or a model. (The command line lets one repeat the size that a model has.)"""
    size = {"width", "height"} & request.model_fields_set
    return f"A model brings a size of its own: leave out {min(size)}." if request.model is not None and size else None
