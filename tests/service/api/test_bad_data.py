"""The corpora of broken tables and odd pictures, through the API: handled, or one sentence; never a fault of the server."""

from __future__ import annotations

import base64
import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reverie.records.reading import SUFFIXES
from reverie.service import context

TESTS = Path(__file__).parents[2]


def corpus(name: str):
    """Another test file, for what it keeps."""
    path = TESTS / name
    spec = importlib.util.spec_from_file_location(f"corpus_{path.stem}", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TABLES = corpus("records/test_bad_tables.py")
PICTURES = corpus("images/test_pictures.py")


def one_sentence(reply, words, name=None) -> None:
    assert reply.status_code == 422, reply.text
    problem = reply.json()
    detail = problem["detail"]
    assert problem["type"] in ("/problems/data", "/problems/unreadable"), problem
    assert TABLES.is_one_sentence(detail) and all(word in detail for word in words), detail
    assert "/tmp" not in detail and ".reverie" not in detail and (name is None or name in detail), detail


@pytest.mark.parametrize("fault", TABLES.CORPUS)
def test_a_broken_table_is_refused_in_one_sentence_with_its_place(fault, client, root):
    name, content, words = TABLES.CORPUS[fault]
    if not name.endswith(context.TABLES):
        reply = client.post("/api/tables/describe", json={"table": name})
        assert reply.status_code == 422 and "must end in" in reply.json()["detail"]
        return
    TABLES.written(root, name, content)
    one_sentence(client.post("/api/tables/describe", json={"table": name}), words, name)


def test_all_tables_are_read_that_the_command_line_reads_but_those_that_cannot_be_bounded():
    assert {*SUFFIXES} - {*context.TABLES} == {".xls", ".ods"} and {*context.TABLES} <= {*SUFFIXES}


def test_a_table_in_another_form_is_read_and_says_so(client, root):
    text = TABLES.text().replace(",", ";")
    (root / "a.txt").write_bytes(("Export of X\n" + text).encode("utf-16"))
    told = client.post("/api/tables/describe", json={"table": "a.txt"}).json()
    assert told["patients"] == 12
    assert told["notes"][:2] == ["The file is in UTF-16.", "Cells are separated by semicolons."]


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b"PK\x03\x04", "unreadable"), (b"", "unreadable"), (b"id,year,lab\n1,0,5\n1,0,6\n", "usage")],
)
def test_a_file_that_no_choice_makes_readable_is_told_apart(content, kind, client, root):
    (root / "a.csv").write_bytes(content)
    reply = client.post("/api/tables/describe", json={"table": "a.csv", "duplicates": "refuse"})
    assert (reply.status_code, reply.json()["type"]) == (422, f"/problems/{kind}")


def test_training_refuses_a_broken_table_and_writes_nothing(client, root):
    TABLES.written(root, "a.csv", TABLES.CORPUS["infinity"][1])
    reply = client.post("/api/trainings", json={"source": "a.csv", "out": "runs/a", "steps": 1})
    one_sentence(reply, TABLES.CORPUS["infinity"][2], "a.csv")
    assert not (root / "runs" / "a").exists()


def ask(client, **body):
    return client.post("/api/diffusion/demonstrate-forward-diffusion", json={"timesteps": [0], **body})


def odd_pictures() -> dict[str, tuple[str, bytes]]:
    """By what is odd: a name with its suffix, and the content; all of them can be read."""
    encoded, rgb = PICTURES.encoded, Image.fromarray(PICTURES.RGB)
    exif = Image.Exif()
    exif[0x0112] = 6
    deep = Image.fromarray(np.array([[0, 257, 32768, 65535]], np.uint16))
    return {
        "palette": ("a.png", encoded(rgb.quantize(35))),
        "transparent palette": ("a.png", encoded(rgb.quantize(35), transparency=0)),
        "alpha": ("a.png", encoded(rgb.convert("RGBA"))),
        "CMYK": ("a.jpg", encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG")),
        "16 bits": ("a.png", encoded(deep)),
        "16 bits, TIFF": ("a.tif", encoded(deep, "TIFF")),
        "one bit": ("a.png", encoded(Image.fromarray(np.array([[True, False]])))),
        "turned by EXIF": ("a.jpg", encoded(Image.new("RGB", (24, 16)), "JPEG", exif=exif)),
        "one pixel": ("a.png", encoded(Image.new("RGB", (1, 1)))),
        "wrong suffix": ("a.jpg", encoded(rgb)),
        "very flat": ("a.png", encoded(Image.new("L", (3000, 1)))),
    }


@pytest.mark.parametrize("oddity", odd_pictures())
def test_an_odd_picture_is_handled(oddity, client, root):
    name, content = odd_pictures()[oddity]
    (root / name).write_bytes(content)
    from_file = ask(client, image_path=name)
    assert from_file.status_code == 200, from_file.text
    if not name.endswith(".tif"):
        inside = ask(client, image_base64=base64.b64encode(content).decode())
        assert inside.status_code == 200 and inside.json()["images"] == from_file.json()["images"]
    if oddity == "turned by EXIF":
        assert from_file.json()["metadata"]["original_shape"] == [24, 16, 3]


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.png", b"", "is empty"),
        ("a.png", b"not a picture", "not a picture"),
        ("a.png", PICTURES.png_header(50_000, 50_000), "pixels"),
        ("a.png", PICTURES.png_header(4001, 4000), "16,000,000"),
        ("a.png", PICTURES.encoded(Image.fromarray(PICTURES.RGB))[:60], "damaged"),
        ("a.jpg", PICTURES.encoded(Image.new("RGB", (64, 64)), "JPEG")[:300], "damaged"),
        ("a.gif", b"GIF89a", "a.gif"),
        ("a.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
    ],
)
def test_a_bad_picture_is_one_sentence(name, content, words, client, root):
    (root / name).write_bytes(content)
    reply = ask(client, image_path=name)
    assert reply.status_code == 422 and reply.json()["type"] == "/problems/data"
    assert name in reply.json()["detail"] and words in reply.json()["detail"] and str(root) not in reply.text


def test_bytes_inside_a_call_have_the_same_faults(client):
    for content in (b"not a picture", PICTURES.png_header(50_000, 50_000)):
        reply = ask(client, image_base64="data:image/png;base64," + base64.b64encode(content).decode())
        assert reply.status_code == 422 and reply.json()["detail"].startswith("image_base64")


def test_a_picture_inside_a_call_that_is_too_long_is_413_before_it_is_a_job(client):
    reply = ask(client, image_base64="A" * 16_000_004)
    assert reply.status_code == 413 and client.jobs.tasks == []
