"""Pictures in the page, as PNG inside the file: rows of pictures with a caption each."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
from PIL import Image

__all__ = ["pictures"]


def pictures(figure: Mapping[str, Any]) -> str:
    """Rows of pictures, each enlarged without blur.

    rows [{"label": text, "pixels": uint8 lists [N, H, W, C], "captions": [N]}]; with "stacked" the i-th of every row stand
    one above the other, as pairs to be compared.
    """
    rows = figure["rows"]
    if not figure.get("stacked"):
        return "".join(f'<div class="pictures"><p>{escape(row["label"])}</p>{"".join(_cells(row))}</div>' for row in rows)
    labels = "above: " + "; below: ".join(escape(row["label"]) for row in rows)
    columns = zip(*(_cells(row) for row in rows), strict=True)
    pairs = "".join(f'<span class="pair">{"".join(column)}</span>' for column in columns)
    return f'<div class="pictures"><p>{labels}</p>{pairs}</div>'


def _cells(row: Mapping[str, Any]) -> list[str]:
    captions = row.get("captions") or [""] * len(row["pixels"])
    found = []
    for i, (pixels, caption) in enumerate(zip(row["pixels"], captions, strict=True)):
        named = f"{row['label']}, {i + 1}"
        found.append(
            f'<span class="picture"><img alt="{escape(named)}" src="{_png(pixels)}"><span>{escape(caption)}</span></span>'
        )
    return found


def _png(pixels: Any) -> str:
    array = np.asarray(pixels, np.uint8)
    image = Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array)
    buffer = io.BytesIO()
    image.save(buffer, "png")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
