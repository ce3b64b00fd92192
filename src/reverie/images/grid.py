"""Pictures to look at and to keep: contact sheets, single files, arrays.

Small pictures are enlarged by whole pixels, never smoothed, so that what is seen is what the model made.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from reverie.drawing.pictures import visible
from reverie.errors import DataError, UsageError
from reverie.files import write_atomically, writing
from reverie.images.png import check_png, png

__all__ = ["check_output", "contact_sheet", "save_images", "save_picture"]

_VISIBLE = 64  # pixels a side, below which a picture is enlarged
_WIDEST = 4096  # pixels a side of a sheet, above which pictures are not enlarged further
_OURS = re.compile(r"sample-\d{5,}\.png")


def contact_sheet(pixels: np.ndarray, columns: int | None = None, scale: int | None = None, pad: int = 2) -> Image.Image:
    """All pictures in reading order on one sheet, on white, as far as they can be seen (drawing.pictures.visible).

    Args:
        pixels: uint8 or uint16 [N, H, W, C].
        columns: pictures a row; as square as can be by default.
        scale: how many pixels of the sheet one pixel becomes; by default enough to make a side of about 64.
        pad: white pixels between and around pictures.
    """
    pixels = visible(_checked(pixels))
    count, height, width, channels = pixels.shape
    columns = math.ceil(math.sqrt(count)) if columns is None else columns
    if columns < 1 or pad < 0 or (scale is not None and scale < 1):
        raise UsageError(f"a sheet needs columns >= 1, scale >= 1 and pad >= 0, not {columns}, {scale} and {pad}.")
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    if scale is None:
        room = _WIDEST // max(columns * width, rows * height)
        scale = max(1, min(_VISIBLE // max(height, width), room))
    cell_h, cell_w = height * scale + pad, width * scale + pad
    sheet = np.full((rows * cell_h + pad, columns * cell_w + pad, channels), 255, np.uint8)
    for i, picture in enumerate(pixels):
        top, left = pad + i // columns * cell_h, pad + i % columns * cell_w
        sheet[top : top + height * scale, left : left + width * scale] = picture.repeat(scale, 0).repeat(scale, 1)
    return _image(sheet)


def save_picture(image: Image.Image | np.ndarray, path: Path | str) -> Path:
    """Writes one picture (PIL, or uint8 [H, W, 1, 3 or 4]) as PNG, whole or not at all. Returns the path."""
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise UsageError(f"pictures are written as PNG: name the output {path.with_suffix('.png').name}, not {path.name}.")
    image = image if isinstance(image, Image.Image) else _image(_checked(image[None])[0])
    with writing(path) as temporary:
        image.save(temporary, format="PNG")
    return path


def save_images(pixels: np.ndarray, path: Path | str, labels: Mapping[str, np.ndarray] | np.ndarray | None = None) -> Path:
    """Writes uint8 or uint16 [N, H, W, C] in the form that the path's suffix names; returns the path.

    .png a contact sheet; .npy the array; .npz the array as `images` and the labels, if any, as `labels`, or whatever goes
    with each picture by its name; no suffix a folder of sample-00000.png, sample-00001.png ... (those left there by an
    earlier call are removed, other files stay).
    """
    pixels = _checked(pixels)
    path = check_output(path, pixels.shape[3])
    match path.suffix.lower():
        case ".png":
            save_picture(contact_sheet(pixels), path)
        case ".npy":
            with writing(path) as temporary:
                np.save(temporary, pixels, allow_pickle=False)
        case ".npz":
            beside = labels if isinstance(labels, Mapping) else {} if labels is None else {"labels": labels}
            arrays: dict[str, Any] = {**beside, "images": pixels}
            with writing(path) as temporary:
                np.savez_compressed(temporary, **arrays)  # older numpy stores every keyword as an array
        case _:
            _save_folder(pixels, path)
    return path


def check_output(path: Path | str, channels: int = 3) -> Path:
    """The path, if pictures of so many channels can be saved under that name; for use before the work is done.

    Raises UsageError otherwise.
    """
    path = Path(path)
    if path.suffix.lower() not in ("", ".png", ".npy", ".npz"):
        raise UsageError(f"{path.name}: pictures are saved as .png, .npy, .npz or to a folder (no suffix).")
    if not path.suffix:
        check_png(channels)
    return path


def _save_folder(pixels: np.ndarray, folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file: choose another name for the folder of pictures.")
    folder.mkdir(parents=True, exist_ok=True)
    names = {f"sample-{i:05d}.png": picture for i, picture in enumerate(pixels)}
    for old in folder.iterdir():
        if _OURS.fullmatch(old.name) and old.name not in names:
            old.unlink()
    for name, picture in names.items():
        write_atomically(folder / name, png(picture))


def _checked(pixels: np.ndarray) -> np.ndarray:
    pixels = np.asarray(pixels)
    if pixels.dtype not in (np.uint8, np.uint16) or pixels.ndim != 4 or 0 in pixels.shape:
        raise DataError(
            f"pictures to save are uint8 or uint16 of shape [N, H, W, C] with N >= 1, not {pixels.dtype} of shape "
            f"{list(pixels.shape)}."
        )
    return pixels


def _image(picture: np.ndarray) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(picture[:, :, 0] if picture.shape[2] == 1 else picture))
