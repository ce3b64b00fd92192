"""Pictures inside calls: what is not strictly one small picture is one sentence, at little cost."""

from __future__ import annotations

import base64
import io
import resource
import signal
import struct
import threading
import time
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from reverie.errors import DataError
from reverie.service import bounded
from reverie.service.problems import Problem
from reverie.service.settings import Settings

LIMITS = Settings(base64_bytes=400_000, pixels=250_000, decode_bytes=2**28, decode_seconds=20)
PICTURE = np.random.default_rng(0).integers(0, 256, (12, 9, 3), dtype=np.uint8)


def encoded(image=None, format="PNG", **options) -> bytes:
    buffer = io.BytesIO()
    (Image.fromarray(PICTURE) if image is None else image).save(buffer, format=format, **options)
    return buffer.getvalue()


def url(content: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64," + base64.b64encode(content).decode()


def refused(text: str, limits: Settings = LIMITS) -> str:
    """The sentence."""
    with pytest.raises((DataError, Problem)) as caught:
        bounded.from_base64(text, limits)
    message = str(caught.value)
    assert message.startswith("image_base64") and message.endswith(".") and "\n" not in message
    return message


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def bomb(width: int, height: int, rows: bytes) -> bytes:
    """A PNG whose header promises width x height."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("kind", "format"), [("png", "PNG"), ("jpeg", "JPEG"), ("webp", "WEBP")])
def test_a_data_url_or_bare_base64_of_the_three_kinds_is_read(kind, format):
    content = encoded(format=format)
    for text in (url(content, kind), base64.b64encode(content).decode()):
        pixels = bounded.from_base64(text, LIMITS)
        assert pixels.shape == (12, 9, 3) and (format != "PNG" or np.array_equal(pixels, PICTURE))


def test_what_the_url_says_is_what_it_must_be():
    assert "JPEG" in refused(url(encoded(), "jpeg"))
    for format in ("GIF", "BMP", "TIFF"):
        refused(base64.b64encode(encoded(format=format)).decode())
        refused(url(encoded(format=format)))


GOOD = base64.b64encode(encoded()).decode()


@pytest.mark.parametrize(
    "text",
    [
        "data:image/svg+xml;base64," + GOOD,
        "data:image/png," + GOOD,
        "data:image/png;charset=utf-8;base64," + GOOD,
        "DATA:image/png;base64," + GOOD,
        "data:text/html;base64," + GOOD,
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        " " + GOOD,
        GOOD + "\n",
        GOOD[:76] + "\n" + GOOD[76:],
        GOOD.rstrip("=") + "=" * 3,
        GOOD + "A",
        "=" + GOOD,
        GOOD[:8] + "=" + GOOD[9:],
        GOOD.replace(GOOD[20], "-", 1),
        GOOD[:20] + "é" + GOOD[21:],
        GOOD[:20] + "\0" + GOOD[21:],
        "data:image/png;base64,",
        "====",
        "",
    ],
)
def test_what_is_not_strict_base64_of_a_picture_is_refused(text):
    refused(text)


@given(st.text(max_size=60))
def test_text_of_any_kind_is_a_picture_or_a_sentence(text):
    refused(text)


@given(st.integers(0, len(GOOD) - 1), st.characters(), st.sampled_from(["put", "cut", "drop"]))
def test_a_changed_letter_never_raises_anything_but_a_sentence(place, letter, how):
    text = {
        "put": GOOD[:place] + letter + GOOD[place + 1 :],
        "cut": GOOD[:place],
        "drop": GOOD[:place] + GOOD[place + 1 :],
    }[how]
    try:
        pixels = bounded.from_base64(url(b"") + text, LIMITS)
    except (DataError, Problem):
        return
    assert pixels.dtype == np.uint8


def test_the_length_is_checked_before_anything_is_decoded(monkeypatch):
    monkeypatch.setattr(bounded.base64, "b64decode", lambda *_, **__: pytest.fail("decoded"))
    with pytest.raises(Problem) as caught:
        bounded.from_base64("A" * 400_001, LIMITS)
    assert caught.value.status == 413 and "400,000" in caught.value.detail


@pytest.mark.parametrize("size", [(50_000, 50_000), (501, 500), (2**31 - 1, 1)])
def test_a_bomb_is_refused_by_its_header(size, monkeypatch):
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    assert "pixels" in refused(url(bomb(*size, b"\0" * 100)))


def test_a_header_that_understates_costs_no_more_than_it_says():
    rows = b"\0" * 200_000_000  # behind a header of 10 x 10
    try:
        pixels = bounded.from_base64(url(bomb(10, 10, rows)), LIMITS)
    except DataError:
        return
    assert pixels.shape == (10, 10, 1)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9])
def test_a_truncated_picture_is_refused(format, keep):
    content = encoded(Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)), format)
    refused(base64.b64encode(content[: int(len(content) * keep)]).decode())


@pytest.mark.parametrize("format", ["PNG", "WEBP"])
def test_several_frames_are_refused(format):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    assert "frame" in refused(url(encoded(frames[0], format, save_all=True, append_images=frames[1:]), format.lower()))


# --- memory and time ----------------------------------------------------------------------------------------------------


def test_a_ceiling_on_memory_ends_as_a_sentence_and_is_taken_away():
    before = resource.getrlimit(resource.RLIMIT_AS)
    with pytest.raises(DataError, match=r"a\.png takes more memory"), bounded.confined("a.png", 2**26, 20):
        np.ones(2**28, np.uint8)
    assert resource.getrlimit(resource.RLIMIT_AS) == before
    assert np.ones(2**27, np.uint8).sum() == 2**27


def test_a_timer_ends_as_a_sentence_though_decoders_catch_exceptions():
    def endless() -> None:
        while True:
            try:
                time.sleep(0.01)
            except Exception:
                continue

    with pytest.raises(DataError, match=r"a\.png takes longer"), bounded.confined("a.png", 2**30, 0.1):
        endless()
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_another_timer_and_its_handler_come_back():
    rung = []
    handler = signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
    signal.setitimer(signal.ITIMER_REAL, 500)
    try:
        with bounded.confined("a.png", 2**30, 20):
            pass
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 500
        signal.raise_signal(signal.SIGALRM)
        assert rung == [1]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)


def test_a_thread_decodes_without_a_timer():
    found = []
    thread = threading.Thread(target=lambda: found.append(bounded.from_base64(GOOD, LIMITS)))
    thread.start()
    thread.join()
    assert np.array_equal(found[0], PICTURE)


def test_a_file_has_the_same_limits():
    assert np.array_equal(bounded.from_file(io.BytesIO(encoded()), LIMITS, "a.png"), PICTURE)
    assert bounded.from_file(io.BytesIO(encoded(format="TIFF")), LIMITS, "a.tif").shape == (12, 9, 3)
    for content, words in ((bomb(501, 500, b"\0"), "pixels"), (b"\0" * (8 * 250_000 + 1), "bytes"), (b"", "empty")):
        with pytest.raises(DataError, match=rf"a\.png .*{words}"):
            bounded.from_file(io.BytesIO(content), LIMITS, "a.png")
