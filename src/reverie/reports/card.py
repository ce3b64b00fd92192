"""The model card: what was made, from what, how, with which versions, for what it may be used and for what not.

After Mitchell et al. 2019 (Model cards for model reporting). Facts come from the run, judgements from the verdict.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import yaml
from safetensors.torch import save

from reverie.evaluation.linked import Sides
from reverie.evaluation.tables import Tables
from reverie.models import Model
from reverie.plain import number_of
from reverie.records.schema import Schema
from reverie.reports.verdict import KINDS, Verdict

__all__ = ["card", "of_model", "of_patients", "of_schema", "versions"]

LIBRARIES = (
    "reverie", "torch", "numpy", "polars", "scikit-learn", "scipy", "statsmodels", "lifelines", "opacus",
)  # fmt: skip

INTENDED = {
    "patients": "Developing and rehearsing analyses, teaching, testing software, and other work for which the verdict above "
    "finds the synthetic patients good. Results that matter are to be confirmed on real patients.",
    "pictures": "Demonstrations and studies of diffusion models, and work for which the verdict finds the pictures good.",
}
LIMITS = {
    "patients": (
        "Synthetic patients are no patients: they must not be used to decide about a person.",
        "Synthetic is not anonymous. The attacks of the report were tried and reached what it says; others may reach more. "
        "A guarantee needs training with differential privacy (--epsilon, on one table of visits).",
        "What is rare in the source is rarer or absent in what a model makes; small subgroups are not to be relied on.",
        "Biases of the source, in who was seen, measured and treated, are learned with everything else.",
        "The report sums up real patients and may name some of them by identifier: keep it where the source is kept.",
    ),
    "pictures": (
        "The measures rest on the features named with them, and see nothing that those do not see.",
        "Nearest training pictures are found by pixels or features: a copy that was moved or turned may stay unseen.",
        "The report shows pictures of the source: keep it where the source is kept.",
    ),
}


def of_model(model: Model) -> dict[str, Any]:
    """The facts of a model: settings, size, fingerprints, versions."""
    weights = {name: value.detach().cpu().contiguous() for name, value in model.denoiser.module.state_dict().items()}
    config, parent = model.config, model.config.parent
    begun = {} if parent is None else {"begun from": f"{parent.name}, of {parent.steps:,} steps ({parent.digest[:12]})"}
    return {
        "fingerprint of the source": config.source.fingerprint,
        "sha256 of the weights": hashlib.sha256(save(weights)).hexdigest(),
        "parameters": sum(value.numel() for value in weights.values()),
        "seed of the training": config.seed,
        **begun,
        "settings": config.told(),
        "versions": versions(),
    }


def of_schema(schema: Schema) -> list[dict[str, Any]]:
    """What each column is; `made` is whether the synthetic one holds anything where the real one does."""
    return [
        {"name": c.name, "role": c.role, "kind": c.kind, "levels": len(c.levels), "missing": round(c.missing, 4)}
        | ({} if c.made else {"made": False})
        for c in schema.shown
    ]


def of_patients(
    sides: Tables | Sides, source: str, seed: int, what: str, made: str, notes: Sequence[str], columns: Sequence[Any]
) -> dict[str, Any]:
    """The facts of patients, of one table or of linked ones, on each side.

    Args:
        what: in words, what stands between their number and what they stand beside.
        made: in words, where the synthetic ones are from.
    """
    counts = {f"{which} patients": sides.sizes(which) for which in ("synthetic", "training", "held-out")}
    ours, trained, held = counts.values()
    drawn = sides.drawn_of if isinstance(sides, Tables) else ""
    return {
        "kind": "patients",
        "summary": f"{number_of(ours, 'synthetic patient')} {what}beside {trained:,} of the training and {held:,} held out. "
        f"Seed {seed}.",
        "source": source,
        "seed": seed,
        **counts,
        "synthetic": f"{number_of(ours, 'patient')} {made}",
        **({"compared": drawn} if drawn else {}),
        "notes": list(notes),
        "columns": list(columns),
    }


def card(title: str, about: Mapping[str, Any], verdict: Verdict, cautions: Sequence[str]) -> str:
    """The card as Markdown."""
    kind = str(about["kind"])
    skipped = {"kind", "summary", "notes", "columns", "settings", "versions"}
    facts = [f"- {name}: {_told(value)}" for name, value in about.items() if name not in skipped]
    lines = [f"# {title.replace('Report on', 'Model card:', 1)}", "", str(about["summary"]), "", verdict.headline, ""]
    for of, name in KINDS.items():
        if sentences := [s.text for s in verdict.of(of)] + (list(cautions) if of == "look" else []):
            lines += [f"## {name}", "", *(f"- {text}" for text in sentences), ""]
    lines += ["## Intended use", "", INTENDED[kind], "", "## Limits", "", *(f"- {text}" for text in LIMITS[kind]), ""]
    lines += ["## Data", "", *facts, ""]
    if notes := about.get("notes"):
        lines += [*(f"- {note}" for note in notes), ""]
    if columns := about.get("columns"):
        lines += ["| column | role | kind | levels | missing |", "|---|---|---|---|---|"]
        for c in columns:
            kind = c["kind"] if c.get("made", True) else f"{c['kind']}, not made"
            lines += [_row(c["name"], c["role"], kind, c["levels"] or "", f"{100 * c['missing']:.1f} %")]
        lines += [""]
    if settings := about.get("settings"):
        lines += ["## Settings", "", "```yaml", yaml.safe_dump(settings, sort_keys=False).rstrip(), "```", ""]
    used = about.get("versions") or versions()
    lines += ["## Versions", "", *(f"- {name} {number}" for name, number in used.items()), ""]
    return "\n".join(lines)


def versions() -> dict[str, str]:
    """Of Python, and of every library that has a part in the numbers."""
    numbers = {"Python": platform.python_version()}
    for name in LIBRARIES:
        try:
            numbers[name] = version(name)
        except PackageNotFoundError:
            continue
    return numbers


def _row(*cells: Any) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _told(value: Any) -> str:
    return f"{value:,}" if type(value) is int and value > 9999 else str(value)
