"""A hole in a picture of any size, filled at that size.

    a window around the hole -> the model's size -> filled (restoring.py) -> the window's size -> pasted into the hole

Every pixel outside the hole stays as it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from reverie.errors import UsageError
from reverie.images import read_images
from reverie.images.levels import most_of
from reverie.images.sizing import resized
from reverie.models.pictures import PictureModel
from reverie.models.restoring import fitted, hole_of, inpaint, levels_of

__all__ = ["Window", "inpaint_whole"]

SEEN = 8 / 255
"""A pixel of the model of which more than this share lies in a hole of the picture at its own size is made anew."""


@dataclass(frozen=True)
class Window:
    """The part of a picture that a model sees at once, of the model's shape and as large as the picture allows.

    Attributes:
        top, left, height, width: in pixels of the picture.
    """

    top: int
    left: int
    height: int
    width: int

    @classmethod
    def around(cls, model: PictureModel, hole: np.ndarray) -> Window:
        """That which has the hole, bool [h, w], as near to its middle as may be.

        Raises UsageError for a hole that is not there, or does not fit into it.
        """
        if not hole.any():
            raise UsageError("the mask has no white: paint white what is to be made anew.")
        codec, (high, wide) = model.codec, hole.shape
        scale = min(high / codec.height, wide / codec.width)
        size = max(1, round(codec.height * scale)), max(1, round(codec.width * scale))
        corner: list[int] = []
        for axis, (part, whole) in enumerate(zip(size, hole.shape, strict=True)):
            places = np.flatnonzero(hole.any(1 - axis))
            if (reach := int(places[-1] - places[0] + 1)) > part:
                side = ("high", "wide")[axis]
                raise UsageError(
                    f"the hole is {reach} pixels {side}, and the model sees {part} of this picture at once: paint a smaller "
                    "one, or leave `own_size` out."
                )
            corner.append(int(np.clip((places[0] + places[-1] + 1 - part) // 2, 0, whole - part)))
        return cls(corner[0], corner[1], *size)

    def cut(self, pixels: np.ndarray) -> np.ndarray:
        """The part, [height, width, ...]."""
        return pixels[self.top : self.top + self.height, self.left : self.left + self.width]

    def pasted(self, picture: np.ndarray, made: np.ndarray, hole: np.ndarray) -> np.ndarray:
        """`picture` [h, w, C] as often as there are made ones [N, H, W, C], each enlarged into its hole; all else stays."""
        whole = np.repeat(picture[None], len(made), 0)
        inside = self.cut(hole)
        for page, new in zip(whole, made, strict=True):
            self.cut(page)[inside] = resized(new, (self.height, self.width), "stretch")[inside]
        return whole


def inpaint_whole(
    model: PictureModel, picture: np.ndarray, mask: np.ndarray, *args: Any, **settings: Any
) -> tuple[np.ndarray, np.ndarray]:
    """(pictures [N, h, w, C] of the picture's own size with the hole filled, the hole [h, w]): the part around it is brought
    to the model's size, filled, and pasted back; every pixel outside the hole stays.

    Args:
        mask: [h, w, c] or [h, w], white where something new is to be, see hole_of.
        args, settings: those of `inpaint` after the hole.
    """
    hole_of(model, mask, picture)  # says where the sizes differ
    picture = read_images(picture[None], channels=model.codec.channels, bits=model.codec.bits).pixels[0]
    hole = read_images(levels_of(mask)[None], channels=1).pixels[0, :, :, 0] >= 128
    window = Window.around(model, hole)
    part = fitted(model, window.cut(picture))
    share = fitted(model, window.cut(hole)[:, :, None] * np.uint8(255), channels=1)[:, :, 0]  # in the bits of the model
    seen = share > most_of(share) * SEEN
    return window.pasted(picture, inpaint(model, part, seen, *args, **settings), hole), hole
