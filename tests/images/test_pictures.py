"""Odd pictures are handled, or refused with one sentence that names the file."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from reverie.errors import DataError, UsageError
from reverie.images import read_picture
from reverie.images.pictures import FORMATS
from reverie.modality import PICTURES

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (5, 7, 3), dtype=np.uint8)
GREY = RGB[:, :, 0]


def encoded(image, format="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, format=format, **options)
    return buffer.getvalue()


def png_header(width, height):
    """A PNG that promises width x height 8-bit grey pixels and holds none."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


# --- what is handled ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF"])
def test_lossless_formats_keep_every_pixel(format):
    assert np.array_equal(read_picture(encoded(Image.fromarray(RGB), format)), RGB)
    assert np.array_equal(read_picture(encoded(Image.fromarray(GREY), format)), GREY[..., None])


@pytest.mark.parametrize(("format", "options"), [("JPEG", {"quality": 95}), ("WEBP", {"lossless": True}), ("GIF", {})])
def test_other_formats_decode_near_the_picture(format, options):
    smooth = np.broadcast_to(np.arange(0, 160, 10, dtype=np.uint8)[None, :, None], (16, 16, 3))
    pixels = read_picture(encoded(Image.fromarray(np.ascontiguousarray(smooth)), format, **options))
    assert pixels.shape == (16, 16, 3)
    assert np.abs(pixels.astype(int) - smooth).max() <= 6


def test_a_file_is_read_by_its_content_not_its_suffix(tmp_path):
    path = tmp_path / "truly_a_png.jpg"
    path.write_bytes(encoded(Image.fromarray(RGB)))
    assert np.array_equal(read_picture(path), RGB)
    assert np.array_equal(read_picture(str(path)), RGB)


def test_every_suffix_that_pillow_has_for_a_format_that_is_read_is_looked_for():
    assert {suffix for suffix, format in Image.registered_extensions().items() if format in FORMATS} <= set(PICTURES)


def test_a_palette_becomes_its_colours():
    image = Image.fromarray(RGB).quantize(35)
    assert np.array_equal(read_picture(encoded(image)), np.asarray(image.convert("RGB")))


def test_a_palette_with_a_transparent_entry_lies_over_white():
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 0, 0])
    image.putpixel((1, 0), 1)
    pixels = read_picture(encoded(image, transparency=0))
    assert pixels.tolist() == [[[255, 255, 255], [200, 0, 0]]]


def test_alpha_is_laid_over_white():
    rgba = np.array([[[100, 50, 0, 0], [100, 50, 0, 255], [100, 50, 0, 128]]], np.uint8)
    expected = np.rint(rgba[..., :3] * (rgba[..., 3:] / 255) + 255 * (1 - rgba[..., 3:] / 255))
    assert np.abs(read_picture(encoded(Image.fromarray(rgba))) - expected).max() <= 1
    assert np.array_equal(read_picture(rgba), expected)
    la = Image.merge("LA", (Image.new("L", (1, 1), 0), Image.new("L", (1, 1), 0)))
    assert read_picture(encoded(la)).tolist() == [[[255]]]


def test_cmyk_becomes_rgb():
    red = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    for format in ("TIFF", "JPEG"):
        pixel = read_picture(encoded(red, format))[4, 4].astype(int)
        assert pixel[0] > 200 and pixel[1] < 60 and pixel[2] < 60, format


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_not_clipped(format):
    deep = np.array([[0, 257, 32768, 65535]], np.uint16)
    assert read_picture(encoded(Image.fromarray(deep), format)).ravel().tolist() == [0, 1, 128, 255]
    assert read_picture(deep).ravel().tolist() == [0, 1, 128, 255]


def test_a_bit_picture_is_black_and_white():
    assert read_picture(encoded(Image.fromarray(np.array([[True, False]])))).ravel().tolist() == [255, 0]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied(orientation):
    upright = np.zeros((16, 24), np.uint8)
    upright[:8, :8] = 255  # the corner at the top left tells all eight apart with the shape
    upright[:8, 8:16] = 128
    undo = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: lambda a: a.T,
        6: lambda a: np.rot90(a, 1),
        7: lambda a: np.rot90(a, 2).T,
        8: lambda a: np.rot90(a, -1),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(undo[orientation](upright)))
    assert np.array_equal(read_picture(encoded(stored, exif=exif))[..., 0], upright)


def test_one_pixel_is_a_picture():
    assert read_picture(encoded(Image.new("RGB", (1, 1), (1, 2, 3)))).tolist() == [[[1, 2, 3]]]
    assert read_picture(np.array([[0.5]])).tolist() == [[[128]]]


def test_the_first_view_of_a_phones_picture_is_the_picture():
    first, second = Image.new("RGB", (16, 16), "red"), Image.new("RGB", (16, 16), "blue")
    pixels = read_picture(encoded(first, "MPO", save_all=True, append_images=[second]))
    assert pixels[8, 8, 0] > 200 and pixels[8, 8, 2] < 60


def test_channels_are_made_as_asked():
    assert np.array_equal(read_picture(GREY, channels=3), np.repeat(GREY[..., None], 3, 2))
    assert np.array_equal(read_picture(RGB, channels=1)[..., 0], np.asarray(Image.fromarray(RGB).convert("L")))
    with pytest.raises(UsageError, match="channels must be 1"):
        read_picture(RGB, channels=2)


def test_floats_are_read_on_the_scale_they_lie_on():
    assert read_picture(np.array([[0.0, 0.5, 1.0]])).ravel().tolist() == [0, 128, 255]
    assert read_picture(np.array([[-1.0, 0.0, 1.0]])).ravel().tolist() == [0, 128, 255]


# --- what is refused ----------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("size", [(50_000, 50_000), (12_000, 9_000), (8_001, 8_000)])
def test_a_bomb_is_refused_by_its_header(size, tmp_path):
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(*size))
    with pytest.raises(DataError, match=r"bomb\.png .*pixels") as caught:
        read_picture(path)
    assert "damaged" not in str(caught.value)  # refused before decoding, which would have found it cut short


def test_importing_leaves_pillows_own_limit_alone():
    assert Image.MAX_IMAGE_PIXELS == 89_478_485


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP"])
@pytest.mark.parametrize("keep", [0.2, 0.6, 0.95])
def test_a_truncated_file_is_refused(format, keep, tmp_path):
    noise = Image.fromarray(RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    content = encoded(noise, format)
    path = tmp_path / "cut.img"
    path.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(DataError, match=r"cut\.img (is|has)"):
        read_picture(path)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::PIL.Image.DecompressionBombWarning")
def test_flipped_bytes_never_raise_anything_but_a_sentence():
    for format in ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP"):
        content = encoded(Image.fromarray(RNG.integers(0, 256, (12, 12, 3), dtype=np.uint8)), format)
        for _ in range(60):
            damaged = bytearray(content)
            for place in RNG.integers(0, len(content), 3):
                damaged[place] = RNG.integers(0, 256)
            try:
                pixels = read_picture(bytes(damaged))
            except DataError:
                continue
            assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] in (1, 3)


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "TIFF"])
def test_several_frames_are_refused(format):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    with pytest.raises(DataError, match="more than one frame"):
        read_picture(encoded(frames[0], format, save_all=True, append_images=frames[1:]))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"not a picture at all", "not a picture in any of the formats"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture in any of the formats"),
        (encoded(Image.new("RGB", (4, 4)), "ICO"), "not a picture in any of the formats"),  # a decoder that is not named
        (encoded(Image.new("RGB", (4, 4)), "PDF"), "not a picture in any of the formats"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer to a picture that Git LFS keeps: fetch it"),
        (b"\n<!DOCTYPE html><title>404</title>", "a page of the web and no picture: fetch the picture again"),
        (b"\0\0\0\x20ftypavif", "an AVIF picture, .* save it as PNG"),
        (b"\0\0\0\x20ftypheic", "a HEIC picture, .* save it as PNG"),
    ],
    ids=["empty", "text", "svg", "ico", "pdf", "lfs", "page", "avif", "heic"],
)
def test_what_is_not_a_picture_is_refused_by_name(content, sentence, tmp_path):
    path = tmp_path / "odd.png"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"odd\.png (is )?{sentence}"):
        read_picture(path)


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(DataError, match=r"gone\.png does not exist"):
        read_picture(tmp_path / "gone.png")
    with pytest.raises(DataError, match="is not a file"):
        read_picture(tmp_path)


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.array([[0.0, np.nan]]), "1 values that are not finite"),
        (np.array([[0.0, np.inf]]), "1 values that are not finite"),
        (np.array([[0.0, 200.0]]), r"from 0 to 200, .*divide it by 255"),
        (np.array([[-3.0, 1.0]]), r"from -3 to 1, .*rescale"),
        (np.array([[0, 256]]), "from 0 to 256"),
        (np.array([[-1, 3]]), "from -1 to 3"),
        (np.zeros((0, 4)), "empty"),
        (np.zeros((4, 4, 2)), r"shape \(4, 4, 2\)"),
        (np.zeros(4), r"shape \(4,\)"),
        (np.array([["a"]]), "<U1 values"),
        (np.zeros((2, 2), complex), "complex128 values"),
        (np.array([[object()]]), "object values"),
        (np.array([[-7.0]], np.float32), "from -7 to -7"),
    ],
)
def test_arrays_that_are_no_picture_are_refused(array, sentence):
    with pytest.raises(DataError, match=sentence):
        read_picture(array)


def test_a_float_tiff_out_of_range_is_refused():
    with pytest.raises(DataError, match="from 0 to 1000"):
        read_picture(encoded(Image.fromarray(np.array([[0, 1000]], np.float32)), "TIFF"))


def test_a_whole_number_tiff_of_32_bits_is_refused():
    with pytest.raises(DataError, match="8 or 16 bits"):
        read_picture(encoded(Image.fromarray(np.array([[0, 100_000]], np.int32)), "TIFF"))
