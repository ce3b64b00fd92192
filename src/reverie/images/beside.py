"""What lies beside pictures and is none of them: masks, annotations, depths, told by the names of folders and files.

    images/7.png    masks/7.png         a folder called so, beside pictures
    x/7.png         y/7.png             y beside x, where their files are called alike
    cat/7.png       cat/masks/7.png     the same below them
    7.png           7_mask.png          a file called as a picture, and so; also mask_7.png beside image_7.png

A folder that is called so is one of classes where nothing else speaks for masks: no_mask/ beside mask/ is.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from reverie.images.splits import is_part, listed, split_of, words_of

__all__ = ["is_of_pictures", "is_plainly_of_pictures", "without_masks"]

_PICTURES = re.compile(
    r"images?|imgs?|pictures?|pics?|photos?|jpe?gimages|jpe?g|png|raw|rgb|inputs?|data|originals?|frames|scans|samples"
)
_OTHERS = re.compile(
    r"masks?|labels?|ann(otation|ot)?s?|seg(mentation)?s?(class|object)?|gts?|ground|truth|groundtruth|trimaps?|depths?|"
    r"targets?|mattes?|normals|bbox(es)?|heatmaps?|manuals?|outputs?"
)
_INPUT, _OUTPUT = "x", "y"
"""What arrays are called too: of folders, letters say it only where they stand beside each other."""
_FILLERS = re.compile(r"class|object|png|jpe?g|images?|imgs?|binary|instance|semantic|maps?|fine|coarse|part|st|nd|\d+")
_MASK = re.compile(
    r"(?P<picture>.+?)[ _.-]+(?:mask|masks|seg|segm|segmentation|gt|groundtruth|ground_truth|label|labels|annotation|"
    r"trimap|matte|depth|target|output)(?:[ _.-]*\d+)?",
    re.IGNORECASE,
)
_MASK_FIRST = re.compile(
    r"(?:masks?|seg|segmentation|gt|labels?|annotation|trimap|depth|target|output)[ _.-]*(?P<picture>\d.*)", re.IGNORECASE
)
_PICTURE = re.compile(r"(?P<picture>.+?)[ _.-]+(?:image|img|picture|photo|input|rgb|original|scan)", re.IGNORECASE)
_PICTURE_FIRST = re.compile(r"(?:image|img|picture|photo|input|rgb|original|scan)[ _.-]*(?P<picture>\d.*)", re.IGNORECASE)
HALF = 0.5
"""Of the files of a folder that are called as pictures beside it are, to be taken for their masks."""


def is_of_pictures(name: str) -> bool:
    """Whether a folder is called as those of pictures are, so that its name, where it is the only one, is no class."""
    words = [word for word in words_of(name) if not word.isdigit()]
    return bool(words) and all(word == _INPUT or _PICTURES.fullmatch(word) for word in words)


def is_plainly_of_pictures(name: str) -> bool:
    """Whether a folder is called images or the like, which no class is, whatever lies beside it."""
    return re.fullmatch("(images?|imgs?)", name.lower()) is not None


def without_masks(paths: Sequence[PurePosixPath]) -> tuple[list[PurePosixPath], tuple[str, ...]]:
    """The paths of pictures without what only lies beside them, and the note on what is left out."""
    left: dict[str, list[PurePosixPath]] = defaultdict(list)
    for prefix, groups in _siblings(paths).items():
        others = {name for name in groups if name is not None and _is_other(name, groups)}
        rest = {name: files for name, files in groups.items() if name not in others}
        for name in others if rest else ():
            if any(word in (n or "").lower() for n in rest for word in _spoken(name)):
                continue
            if all(n is None or _speaks_of_pictures(n) or is_part(n) for n in rest) or _match(groups[name], rest.values()):
                left[str(PurePosixPath(*prefix, name))] += groups[name]
    gone = {path for files in left.values() for path in files}
    stems = {(path.parent, name) for path in paths for name in _called(path.stem)}
    named = [path for path in paths if path not in gone and _is_mask(path, stems)]
    gone |= set(named)
    if not gone:
        return list(paths), ()
    notes = []
    if left:
        are = "is" if len(left) == 1 else "are"
        notes.append(
            f"{listed(sorted(left))} {are} left out ({_count(left.values())}), for what is called so beside pictures is not "
            "learned from: to learn from it, give its folder."
        )
    if named:
        notes.append(
            f"{_count([named])} left out for being called as masks of others are, such as {named[0]}: to learn from them, "
            "put them into a folder of their own."
        )
    return [path for path in paths if path not in gone], tuple(notes)


def _siblings(
    paths: Sequence[PurePosixPath],
) -> dict[tuple[str, ...], dict[str | None, list[PurePosixPath]]]:
    """By folder, its files by the sub-folder that they are in; of None, those in it."""
    groups: dict[tuple[str, ...], dict[str | None, list[PurePosixPath]]] = defaultdict(lambda: defaultdict(list))
    suspicious = {
        path.parts[:i]
        for path in paths
        for i, name in enumerate(path.parts[:-1])
        if _spoken(name) or _OUTPUT in words_of(name)
    }
    for path in paths:
        folders = path.parts[:-1]
        for depth in range(len(path.parts)):
            if (prefix := path.parts[:depth]) in suspicious:
                groups[prefix][folders[depth] if depth < len(folders) else None].append(path)
    return groups


def _is_other(name: str, beside: Iterable[str | None]) -> bool:
    """Whether a folder is called as those of masks are: what its name says besides, others beside it say too."""
    if _is_output(name, beside):
        return True
    shared = {word for other in beside if other not in (None, name) for word in words_of(other or "")}
    rest = (word for word in words_of(name) if not (_OTHERS.fullmatch(word) or _FILLERS.fullmatch(word) or split_of(word)))
    return bool(_spoken(name)) and all(word in shared for word in rest)


def _is_output(name: str, beside: Iterable[str | None]) -> bool:
    """Whether a folder is called y, and all beside it just so but for an x in that place, or as masks are."""
    swapped = [_INPUT if word == _OUTPUT else word for word in words_of(name)]
    others = [words_of(other or "") for other in beside if other != name and not _spoken(other or "")]
    return _OUTPUT in words_of(name) and bool(others) and all(words == swapped for words in others)


def _speaks_of_pictures(name: str) -> bool:
    return any(map(_PICTURES.fullmatch, words_of(name)))


def _spoken(name: str) -> list[str]:
    return [word for word in words_of(name) if _OTHERS.fullmatch(word)]


def _match(files: Sequence[PurePosixPath], others: Iterable[Sequence[PurePosixPath]]) -> bool:
    """Whether files are called as others are, as masks are called as their pictures."""
    pictures = {name for paths in others for path in paths for name in _called(path.stem)}
    masks = [(path.stem, _MASK.fullmatch(path.stem) or _MASK_FIRST.fullmatch(path.stem)) for path in files]
    pairs = [name in pictures or bool(match and match["picture"] in pictures) for name, match in masks]
    return sum(pairs) >= HALF * len(pairs)


def _is_mask(path: PurePosixPath, stems: set[tuple[PurePosixPath, str]]) -> bool:
    match = _MASK.fullmatch(path.stem) or _MASK_FIRST.fullmatch(path.stem)
    return bool(match) and (path.parent, match["picture"]) in stems


def _called(stem: str) -> Iterable[str]:
    """What masks of a picture may go by: its name, and what that says beside that it is one of a picture."""
    yield stem
    if match := _PICTURE.fullmatch(stem) or _PICTURE_FIRST.fullmatch(stem):
        yield match["picture"]


def _count(groups: Iterable[Sequence[PurePosixPath]]) -> str:
    count = sum(map(len, groups))
    return f"{count:,} {'picture' if count == 1 else 'pictures'}"
