"""Archives hold what their folders hold; hostile ones are one sentence, and nothing of them is written."""

import io
import lzma
import struct
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image

from reverie.errors import DataError
from reverie.images import read_images, trees
from reverie.sources import is_table

PIXELS = np.random.default_rng(6).integers(0, 256, (6, 5, 7, 3), dtype=np.uint8)
NAMES = ["train/cat/a.png", "train/cat/b.png", "train/dog/c.png", "val/dog/d.png", "README.md"]


def encoded(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


FILES = {name: encoded(pixels) if name.endswith("png") else b"about" for name, pixels in zip(NAMES, PIXELS, strict=False)}


def write(path, files, method=zipfile.ZIP_DEFLATED):
    """An archive of files, of the kind that its name says."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", method) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return path
    with tarfile.open(
        path, next((f"w:{kind}" for kind in ("gz", "bz2", "xz") if path.name.endswith((kind, kind[0] + kind[-1]))), "w")
    ) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tgz", "a.tar.bz2", "a.tar.xz", "a.txz"])
def test_an_archive_is_read_as_its_folder_is(tmp_path, name):
    for inside, content in FILES.items():
        (tmp_path / "folder" / inside).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "folder" / inside).write_bytes(content)
    path, folder = write(tmp_path / name, FILES), read_images(tmp_path / "folder")
    for source in (path, tmp_path / "in"):
        if not source.exists():
            source.mkdir()
            path.rename(source / name)
        found = read_images(source)
        assert found.fingerprint == folder.fingerprint and found.classes == folder.classes == ("cat", "dog")
        assert found.notes == folder.notes and "val is left out" in found.notes[0] and "1 file passed over" in found.notes[1]
        assert not is_table(source)


def test_a_cache_of_an_archive_is_read_again_and_hangs_on_the_archive(tmp_path):
    path = write(tmp_path / "a.zip", FILES)
    first = read_images(path, cache=tmp_path / "cache")
    assert isinstance(first.pixels, np.memmap) and np.array_equal(first.pixels, PIXELS[:3])
    (kept,) = (tmp_path / "cache").glob("*.npy")
    before = kept.stat().st_mtime_ns
    assert np.array_equal(read_images(path, cache=tmp_path / "cache").pixels, PIXELS[:3])
    assert kept.stat().st_mtime_ns == before
    write(path, {"x.png": encoded(PIXELS[5])})
    assert np.array_equal(read_images(path, cache=tmp_path / "cache").pixels, PIXELS[5:])


def test_shards_of_webdataset_are_one_set_with_its_classes(tmp_path):
    for shard in range(3):
        files = {}
        for i in range(2):
            files |= {f"{i:04d}.png": encoded(PIXELS[2 * shard + i]), f"{i:04d}.cls": str((shard + i) % 3).encode()}
        write(tmp_path / f"set-train-{shard:06d}.tar", {**files, "0000.json": b"{}"})
    write(tmp_path / "set-val-000000.tar", {"0.png": encoded(PIXELS[0])})
    found = read_images(tmp_path)
    assert np.array_equal(found.pixels, PIXELS) and found.labels.tolist() == [0, 1, 1, 2, 2, 0]
    assert found.classes == ("0", "1", "2")
    assert found.notes[0].startswith("set-val-000000.tar is left out") and found.notes[1] == "3 files passed over: .json."
    write(tmp_path / "a.tar", {"1.png": encoded(PIXELS[0]), "1.cls": b"4", "2.png": encoded(PIXELS[1])})
    with pytest.raises(DataError, match=r"a\.tar/2\.png has no \.cls file beside it"):
        read_images(tmp_path / "a.tar")


def test_classes_beside_pictures_are_read_whatever_the_case_of_their_suffix(tmp_path):
    write(
        tmp_path / "a.tar",
        {f"{i}.{end}": told for i in range(2) for end, told in (("PNG", encoded(PIXELS[i])), ("CLS", b"%d.0" % (9 + i)))},
    )
    found = read_images(tmp_path / "a.tar")
    assert found.classes == ("9", "10") and found.notes == ()


def test_labels_in_json_tell_the_classes_where_nothing_else_does(tmp_path):
    files = {}
    for i, told in enumerate((b'{"id": 1, "label": 7}', b'{"label": 3}', b'{"label": 7}')):
        files |= {f"{i}.png": encoded(PIXELS[i]), f"{i}.json": told}
    write(tmp_path / "a.tar", files)
    found = read_images(tmp_path / "a.tar")
    assert found.labels.tolist() == [1, 0, 1] and found.classes == ("3", "7") and found.notes == ()
    write(tmp_path / "b.tar", {**files, **{f"{i}.cls": b"cat" for i in range(3)}})
    assert read_images(tmp_path / "b.tar").classes == ("cat",)
    write(tmp_path / "c.tar", {name: b"{" if name == "0.json" else content for name, content in files.items()})
    assert read_images(tmp_path / "c.tar").labels is None


@pytest.mark.parametrize(
    ("name", "content"), [("1.json", b'{"id": 2}'), ("1.json", b"["), ("1.cls", b" "), ("1.cls", b"\xff")]
)
def test_a_file_that_says_no_class_is_named(tmp_path, name, content):
    suffix, told = name[1:], b'{"label": "a"}' if name.endswith("json") else b"a"
    files = {f"{i}.png": encoded(PIXELS[i]) for i in range(3)} | {f"{i}{suffix}": told for i in range(3)} | {name: content}
    write(tmp_path / "a.tar", files)
    with pytest.raises(DataError, match=rf"a\.tar/{name} says no class, a number or a word, as others do"):
        read_images(tmp_path / "a.tar")


def test_several_archives_that_are_no_shards_are_refused(tmp_path):
    write(tmp_path / "cats.zip", FILES)
    write(tmp_path / "dogs.zip", FILES)
    with pytest.raises(DataError, match=r"several archives, cats\.zip and dogs\.zip: give one of them"):
        read_images(tmp_path)


def test_names_that_lead_elsewhere_lead_nowhere(tmp_path):
    outside = tmp_path / "in"
    outside.mkdir()
    names = ["../a.png", "/etc/b.png", "..\\..\\c.png", ".hidden/d.png", "__MACOSX/._e.png"]
    files = {name: encoded(pixels) for name, pixels in zip(names, PIXELS, strict=False)}
    for name in ("a.zip", "a.tar"):
        found = read_images(write(outside / name, {"x/y.png": encoded(PIXELS[5]), "x/../x/z.png": encoded(PIXELS[5])}))
        assert len(found) == 2
        with pytest.raises(DataError, match="beside its sub-folders"):
            read_images(write(outside / name, files))
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.tar", "a.zip", "in"]


def test_links_and_holes_in_a_tar_are_not_followed(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name, kind in (("1.png", tarfile.SYMTYPE), ("2.png", tarfile.LNKTYPE), ("3.png", tarfile.FIFOTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
    with pytest.raises(DataError, match=r"a\.tar holds no pictures"):
        read_images(tmp_path / "a.tar")


def test_links_are_told_and_not_followed(tmp_path):
    folder = tmp_path / "folder"
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(FILES["train/cat/a.png"])
    folder.mkdir()
    (folder / "cat").symlink_to(tmp_path / "cat")
    with pytest.raises(
        DataError, match="no pictures but what may be in cat, and links to folders are not followed: give the"
    ):
        read_images(folder)
    (folder / "round").symlink_to(folder)
    (tmp_path / "dog").rename(folder / "dog")
    (folder / "dog/2.png").symlink_to(tmp_path / "cat/1.png")  # of a file is that file
    found = read_images(folder)
    told = "2 links passed over, for links are not followed: cat and round. Put what they lead to in that place to read it."
    assert found.classes == ("dog",) and len(found) == 2 and found.notes == (told,)
    with tarfile.open(tmp_path / "a.tar.xz", "w:xz") as archive:
        archive.add(folder, "x")
    assert "3 links passed over" in read_images(tmp_path / "a.tar.xz").notes[-1]
    (tmp_path / "cat/1.png").unlink()
    with pytest.raises(DataError, match=r"dog/2\.png is a link that leads nowhere: mend it"):
        read_images(folder)


def test_xz_in_several_streams_is_read_and_one_that_asks_for_much_memory_is_refused(tmp_path, monkeypatch):
    content = write(tmp_path / "a.tar", FILES).read_bytes()
    path = tmp_path / "b.tar.xz"
    path.write_bytes(lzma.compress(content[:700]) + lzma.compress(content[700:]) + bytes(8))
    assert read_images(path).fingerprint == read_images(tmp_path / "a.tar").fingerprint
    monkeypatch.setattr(trees, "_XZ_MEMORY", 2**20)
    with pytest.raises(DataError, match=r"b\.tar\.xz takes more than 1 MiB of memory to unpack: unpack it, and give the"):
        read_images(path)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(trees, "_GRACE", 1 << 16)
    for name in ("a.zip", "a.tar.gz", "a.tar.xz"):
        path = write(tmp_path / name, {"x.png": bytes(1 << 20)})
        with pytest.raises(DataError, match=rf"{name} unpacks to [\d,]+ bytes or more, [\d,]+ times its size"):
            read_images(path)
    monkeypatch.setattr(trees, "MAX_FILE_BYTES", 100)
    with pytest.raises(DataError, match=r"a\.tar/train/cat/a\.png has [\d,]+ bytes, more than the 100"):
        read_images(write(tmp_path / "a.tar", FILES))


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tar.xz"])
def test_a_damaged_archive_is_one_sentence(tmp_path, name):
    path = write(tmp_path / name, FILES)
    content = path.read_bytes()
    for cut in (
        content[: min(len(content) // 2, 700)],
        content[:10],
        b"",
        b"no archive",
        content[:200] + bytes(100) + content[300:],
    ):
        path.write_bytes(cut)
        with pytest.raises(DataError, match=r"a\.(zip|tar)"):
            read_images(path)


@pytest.mark.parametrize(("name", "called"), [("a.tar.gz", "b.tar"), ("a.tar", "b.tar.gz"), ("a.tar.xz", "b.tgz")])
def test_what_an_archive_is_packed_by_its_content_says(tmp_path, name, called):
    write(tmp_path / name, FILES).rename(tmp_path / called)
    assert read_images(tmp_path / called).classes == ("cat", "dog")


def test_an_archive_behind_a_password_or_without_pictures_is_refused(tmp_path):
    path = write(tmp_path / "a.zip", {"a.png": b"x"})
    content = path.read_bytes()
    at = content.index(b"PK\x01\x02") + 8
    path.write_bytes(content[:at] + struct.pack("<H", 1) + content[at + 2 :])
    with pytest.raises(DataError, match="locked by a password: unpack it"):
        read_images(path)
    with pytest.raises(DataError, match=r"holds no pictures \(1 file passed over: \.npz\): unpack"):
        read_images(write(tmp_path / "b.zip", {"a.npz": b"x"}))


def test_a_class_whose_picture_is_missing_is_named(tmp_path):
    write(tmp_path / "a.tar", {"1.png": encoded(PIXELS[0]), "1.cls": b"4", "2.cls": b"5"})
    found = read_images(tmp_path / "a.tar")
    assert len(found) == 1 and found.notes == ("2.cls says a class and has no picture beside it: passed over.",)
