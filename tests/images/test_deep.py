"""Pictures of 16 bits, with alpha or a pad colour come out as documented, and are kept as they are where it is asked."""

import io
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

import reverie
from reverie.errors import DataError, UsageError
from reverie.images import ImageCodec, ImageSet, contact_sheet, read_images, read_picture, save_images
from reverie.images.png import png, stored

WIDE = np.random.default_rng(7).integers(0, 65536, (5, 7, 4)).astype(np.uint16)
WIDE[0, :, 3], WIDE[1, :, 3] = 65535, 0
ROUNDED = np.rint(WIDE / 257).astype(np.uint8)
TINY = {"network.width": 8, "network.groups": 4, "network.blocks": 1, "training.batch": 16}


def png16(pixels, extra=b""):
    """A PNG of 16 bits a channel, written by hand: 1 grey, 2 grey with alpha, 3 colour, 4 colour with alpha."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    height, width, channels = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def tiff16(pixels, order, planes=1):
    """An uncompressed TIFF of 16 bits a channel in colour, in either order of bytes, its channels together (1) or said to
    lie one after the other (2)."""
    height, width, channels = pixels.shape
    mark, data = (b"II", pixels.astype("<u2")) if order == "<" else (b"MM", pixels.astype(">u2"))
    bits_at = 8 + 2 + 10 * 12 + 4
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, channels, bits_at), (259, 3, 1, 1), (262, 3, 1, 2)]
    tags += [
        (273, 4, 1, bits_at + 8),
        (277, 3, 1, channels),
        (278, 4, 1, height),
        (279, 4, 1, data.nbytes),
        (284, 3, 1, planes),
    ]

    def entry(tag, kind, count, value):
        short = kind == 3 and count == 1
        return struct.pack(f"{order}HHI", tag, kind, count) + (
            struct.pack(f"{order}HH", value, 0) if short else struct.pack(f"{order}I", value)
        )

    directory = struct.pack(f"{order}H", len(tags)) + b"".join(entry(*tag) for tag in tags) + bytes(4)
    head = mark + struct.pack(f"{order}HI", 42, 8) + directory
    return head + struct.pack(f"{order}4H", *[16] * 4) + data.tobytes()


@pytest.mark.parametrize("kind", ["png", "tiff <", "tiff >"])
def test_16_bits_in_colour_are_divided_by_257_and_rounded(kind):
    colour = WIDE[:, :, :3]
    content = png16(colour) if kind == "png" else tiff16(colour, kind[-1])
    assert np.array_equal(read_picture(content), ROUNDED[:, :, :3])
    assert np.array_equal(read_picture(content, bits=16), colour)
    assert np.array_equal(read_picture(content, channels=4, bits=16)[:, :, 3], np.full((5, 7), 65535))


def test_a_tiff_that_is_not_decoded_rightly_is_refused():
    with pytest.raises(DataError, match=r"keeps each channel of 16 bits by itself, .*: save it with its channels together"):
        read_picture(tiff16(WIDE[:, :, :3], "<", planes=2))
    with pytest.raises(DataError, match=r"of more than 4 channels, say: save all as one array \[N, H, W, C\]"):
        read_picture(tiff16(np.concatenate([WIDE, WIDE], 2), ">"))


def test_12_bits_kept_in_16_are_said_to_be_nearly_black(tmp_path):
    for name, bits in (("12.png", 4), ("16.png", 0)):
        (tmp_path / name).write_bytes(png16(WIDE[:, :, :1] >> bits))
    (note,) = read_images(tmp_path / "12.png").notes
    assert "1 of 1 pictures, none of which is brighter than 16 of 255: `bits=16`" in note
    for name in (tmp_path, tmp_path / "16.png"):
        assert not any("brighter" in note for note in read_images(name).notes)


def test_16_bits_with_alpha_are_laid_over_white_or_kept():
    content = png16(WIDE)
    assert np.array_equal(read_picture(content, channels=4), ROUNDED)
    assert np.array_equal(read_picture(content, channels=4, bits=16), WIDE)
    flat = read_picture(content)
    assert np.array_equal(flat[0], ROUNDED[0, :, :3]) and (flat[1] == 255).all()
    grey = np.ascontiguousarray(WIDE[:, :, 2:])
    assert np.array_equal(read_picture(png16(grey), bits=16)[0, :, 0], grey[0, :, 0])
    assert np.array_equal(read_picture(png16(grey), channels=4)[..., [0, 3]], ROUNDED[:, :, 2:])
    assert np.array_equal(read_picture(png16(WIDE[:, :, :1]), bits=16), WIDE[:, :, :1])


def test_a_colour_that_stands_for_nothing_is_transparent():
    wide = WIDE[:, :, :3].copy()
    body = b"tRNS" + wide[2, 3].astype(">u2").tobytes()
    content = png16(wide, struct.pack(">I", 6) + body + struct.pack(">I", zlib.crc32(body)))
    alpha = read_picture(content, channels=4)[:, :, 3]
    assert alpha[2, 3] == 0 and (alpha == 255).sum() == alpha.size - 1
    assert (read_picture(content)[2, 3] == 255).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_16_bits_are_turned_upright_as_8_are(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    body = b"eXIf" + exif.tobytes().removeprefix(b"Exif\0\0")
    extra = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    buffer = io.BytesIO()
    Image.fromarray(ROUNDED[:, :, :3]).save(buffer, format="PNG", exif=exif)
    assert np.array_equal(read_picture(png16(WIDE[:, :, :3], extra)), read_picture(buffer.getvalue()))


def test_a_damaged_picture_of_16_bits_is_one_sentence():
    with pytest.raises(DataError, match="is damaged or cut short"):
        read_picture(png16(WIDE)[:90])


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("bits", [8, 16])
def test_png_of_any_depth_is_read_back(channels, bits, tmp_path):
    pixels = (WIDE if bits == 16 else ROUNDED)[:, :, :channels]
    for content in (png(pixels), stored(pixels)):
        assert np.array_equal(read_picture(content, channels=channels, bits=bits), pixels)
    save_images(np.stack([pixels, pixels]), tmp_path / "folder")
    assert np.array_equal(read_images(tmp_path / "folder", channels=channels, bits=bits).pixels[1], pixels)


@pytest.mark.parametrize("bits", [8, 16])
def test_decoding_inverts_encoding_at_any_depth(bits):
    levels = np.arange(2**bits).astype(np.uint8 if bits == 8 else np.uint16).reshape(1, -1, 16, 1)
    codec = ImageCodec(*levels.shape[1:], bits=bits)
    x = codec.encode(levels)
    assert np.array_equal(codec.decode(x), levels) and x.min() == -1 and x.max() == 1
    assert ImageCodec.from_config(codec.config) == codec and ("bits" in codec.config) == (bits == 16)
    assert torch.allclose(x.flatten().diff().double(), torch.tensor(codec.step, dtype=torch.float64), atol=2e-7)


def test_sizes_are_brought_at_16_bits_as_at_8():
    ramp = np.add.outer(np.arange(24), np.arange(32))[None, :, :, None] * np.array([1, 2, 3], np.uint16)
    for size in ((9, 11), (30, 40)):
        plain = read_images(ramp.astype(np.uint8), size=size, channels=3).pixels.astype(int)
        deep = read_images(ramp.astype(np.uint16) * 257, size=size, channels=3, bits=16).pixels
        assert abs(deep / 257 - plain).max() <= 1
    grown = read_images(np.full((1, 4, 4, 5), 777, np.uint16), size=9, channels=5, bits=16).pixels
    assert grown.shape == (1, 9, 9, 5) and (grown == 777).all()


def test_what_is_transparent_lends_no_colour_to_what_is_beside_it():
    pixels = np.zeros((1, 8, 8, 4), np.uint16)
    pixels[..., :4, :] = [1000, 2000, 3000, 65535]
    pixels[..., 4:, :3] = 60000  # of no opacity
    small = read_images(pixels, size=2, channels=4, bits=16).pixels[0]
    assert abs(small[:, 0, :3].astype(int) - [1000, 2000, 3000]).max() <= 2 and small[0, 0, 3] > 55000


@pytest.mark.parametrize(
    ("pad", "channels", "corner"),
    [
        (None, 3, [255, 255, 255]),
        ("black", 3, [0, 0, 0]),
        ("#102030", 3, [16, 32, 48]),
        ("#102030", 4, [16, 32, 48, 255]),
        ("transparent", 4, [255, 255, 255, 0]),
        ("red", 1, [76]),
    ],
)
def test_the_colour_around_padded_pictures_is_the_one_asked_for(pad, channels, corner):
    found = read_images(ROUNDED[None, :, :, :3], size=9, channels=channels, fit="pad", pad=pad)
    assert found.pixels[0, 0, 0].tolist() == corner
    deep = read_images(ROUNDED[None, :, :, :3], size=9, channels=channels, fit="pad", pad=pad, bits=16)
    assert deep.pixels[0, 0, 0].tolist() == [257 * level for level in corner]


def test_what_cannot_be_padded_or_deep_is_refused():
    for options, sentence in (
        ({"pad": "black"}, "brought to size by crop: say `fit` pad"),
        ({"fit": "pad", "pad": "blakc"}, "not 'blakc'"),
        ({"fit": "pad", "pad": "transparent"}, "transparent is a `pad` of pictures with alpha: ask for 4"),
        ({"bits": 12}, "8 or 16 bits"),
        ({"bits": True}, "8 or 16 bits"),
    ):
        with pytest.raises(UsageError, match=sentence):
            read_images(ROUNDED[None, :, :, :3], size=9, **options)
    with pytest.raises(UsageError, match="PNG holds pictures of 1, 3 or 4 channels, and these have 5"):
        png(np.zeros((2, 2, 5), np.uint8))
    with pytest.raises(UsageError, match="and these have 5: "):
        save_images(np.zeros((1, 2, 2, 5), np.uint8), "nowhere")


def test_what_no_screen_shows_is_shown_as_far_as_it_can_be():
    assert contact_sheet(np.zeros((2, 8, 8, 6), np.uint16)).mode == "RGB"
    assert contact_sheet(np.zeros((2, 8, 8, 2), np.uint8)).mode == "L"
    assert contact_sheet(ROUNDED[None]).mode == "RGBA"


def test_a_model_of_such_pictures_makes_such_pictures(tmp_path, shown):
    pixels = np.random.default_rng(8).integers(0, 65536, (24, 8, 8, 5)).astype(np.uint16)
    with shown():
        model = reverie.train(pixels, tmp_path / "run", steps=1, settings=TINY, channels=5, bits=16)
    assert (tmp_path / "run/samples/step-1.png").is_file()
    made = reverie.load(tmp_path / "run").sample(2)
    assert made.shape == (2, 8, 8, 5) and made.dtype == np.uint16
    assert np.array_equal(made, model.sample(2)) and ImageSet(made).pixels is made


def test_what_files_lose_is_counted_with_what_keeps_it_and_also_from_the_cache(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    clear, opaque = np.full((5, 7, 4), 255, np.uint8), np.full((5, 7, 4), 255, np.uint8)
    clear[0, 0, 3] = 254
    for name, content in {"a": png16(WIDE), "b": png16(WIDE[:, :, :1]), "c": png16(WIDE[:, :, :3])}.items():
        (folder / f"{name}.png").write_bytes(content)
    Image.fromarray(clear).save(folder / "d.png")
    Image.fromarray(opaque).save(folder / "e.png")
    bits = "Of 16 bits a channel 8 are kept in 3 of 5 pictures: `bits=16` keeps them all."
    alpha = "Alpha is laid over white in 2 of 5 pictures: `channels=4` keeps it."
    for _ in range(2):
        assert read_images(folder, cache=tmp_path / "kept").notes == (bits, alpha)
    assert read_images(folder).notes == (bits, alpha)
    assert read_images(folder, bits=16).notes == (alpha,)
    assert read_images(folder, channels=4).notes == (bits,)
    assert read_images(folder, channels=3, bits=8).notes == ()  # asked for
    assert read_images(folder / "d.png").notes == (alpha.replace("2 of 5", "1 of 1"),)
    assert read_images([Image.fromarray(clear), Image.fromarray(opaque)]).notes == (alpha.replace("2 of 5", "1 of 2"),)
