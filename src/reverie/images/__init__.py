"""Files, arrays and folders of pictures to tensors in [-1, 1], and back."""

from reverie.images.animation import check_animation, save_animation, side_by_side
from reverie.images.codec import ImageCodec
from reverie.images.grid import check_output, contact_sheet, save_images, save_picture
from reverie.images.image_set import ImageSet
from reverie.images.pictures import read_picture
from reverie.images.png import data_url, png
from reverie.images.sizing import Fit, Pad, Size
from reverie.images.sources import read_images

__all__ = [
    "Fit",
    "ImageCodec",
    "ImageSet",
    "Pad",
    "Size",
    "check_animation",
    "check_output",
    "contact_sheet",
    "data_url",
    "png",
    "read_images",
    "read_picture",
    "save_animation",
    "save_images",
    "save_picture",
    "side_by_side",
]
