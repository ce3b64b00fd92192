"""What the command line trains on by its name, the service does too: pictures in archives and in files of arrays."""

import io
import tarfile
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
from safetensors.numpy import save_file

from reverie.images import png, read_images
from reverie.modality import ARCHIVES, IMAGE_FILES
from reverie.service.context import source
from reverie.service.names import ends
from reverie.service.routes.files import UPLOADED
from reverie.service.settings import Settings
from reverie.service.workspace import Workspace

DIGITS = read_images("digits").pixels[:3]
FILES = {f"{i}.png": png(picture) for i, picture in enumerate(DIGITS)}


def zipped(path):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in FILES.items():
            archive.writestr(name, content)


def tarred(path):
    with tarfile.open(path, f"w:{'gz' if path.suffix == '.gz' else ''}") as archive:
        for name, content in FILES.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def tensors(path):
    save_file({"images": DIGITS}, path)


@pytest.mark.parametrize(
    ("name", "write"),
    [("some.zip", zipped), ("some.tar", tarred), ("some.tar.gz", tarred), ("some.safetensors", tensors)],
)
def test_a_file_of_many_pictures_is_trained_on_by_its_name(tmp_path, name, write):
    workspace = Workspace(tmp_path / "root", Settings(free_bytes=0))
    (workspace.root / "data").mkdir()
    write(workspace.root / "data" / name)
    work = SimpleNamespace(workspace=workspace, folder=tmp_path, settings=Settings())
    opened = source(work, f"data/{name}", {})
    assert np.array_equal(opened.pictures.pixels, DIGITS) and opened.pictures.name == f"data/{name}"


def test_all_that_pictures_are_read_from_by_name_can_be_uploaded():
    assert all(ends(f"some{suffix}", UPLOADED) for suffix in IMAGE_FILES) and set(ARCHIVES) <= set(IMAGE_FILES)
