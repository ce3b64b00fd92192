"""Folders of pictures that go together file by file: two views of each thing, and no classes.

    HR/7.png   LR/7x4.png    clean/7.png   noisy/7.png    rain/rain-7.png   norain/norain-7.png    A/7.png   B/7.png

Which of the two a model is to learn only its user knows. Words that no class is called by are enough; of others the names
of the files decide, and of words that classes are called by as well every file must have its other.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import PurePosixPath

from reverie.errors import DataError
from reverie.images.splits import split_of, words_of

__all__ = ["check_pairs", "pairs_beside"]

_DEGRADED = (
    r"nois[ey]|noised|blur(ry|red|s)?|haz[ey]|fogg?y?|rain(y|s)?|degraded|corrupt(ed)?|distorted|damaged|compressed|"
    r"artifacts|shadow(s|ed)?|masked|wet|moire"
)


@dataclass(frozen=True)
class _Words:
    """What two folders are called that go together, and the share of the files of the smaller one that must be called as
    some of the other are, at least; `all`: every file of both, and no third folder beside them."""

    one: re.Pattern[str]
    other: re.Pattern[str]
    share: float = 0.5
    all: bool = False

    @classmethod
    def of(cls, one: str, other: str, share: float = 0.5, all: bool = False) -> _Words:
        return cls(re.compile(one), re.compile(other), share, all)

    def has(self, first: str, second: str) -> bool:
        return any(self.one.fullmatch(a) and self.other.fullmatch(b) for a, b in ((first, second), (second, first)))


_TOGETHER = (
    _Words.of(r"hr|high(res(olution)?)|hq|highquality|gthr", r"lr|low(res(olution)?)|lq|lowquality|sr", share=0.0),
    _Words.of(r"clean|sharp|denoised|deblurred|restored|ground(truth)?|gt", _DEGRADED),
    _Words.of(r"sources?|src|originals?|orig|raw|before", r"targets?|tgt|dst|destination|edited|retouched|expert|after"),
    _Words.of(r"no(ise|blur|haze|fog|rain|shadow|moire)|without", _DEGRADED, all=True),
    _Words.of(r"clear|clean|dry", _DEGRADED, all=True),
    _Words.of(r"photos?|pictures?|real", r"sketch(es)?|edges?|drawings?|paintings?|cartoons?|line(art)?s?", all=True),
    _Words.of(r"rgb|vis|visible|vi|colou?r", r"n?ir|infrared|thermal|gr[ae]y(scale)?|lwir|sar", all=True),
    _Words.of(r"high|normal|over", r"low|under", all=True),
    _Words.of(r"a|left|day|summer|pre", r"b|right|night|winter|post", all=True),
    _Words.of("x", "y", all=True),
)
_CLASS = "class"
"""Folders that have this word in their names are classes, whatever else they say."""
_FILLERS = re.compile(r"bicubic|bilinear|unknown|mild|wild|difficult|images?|imgs?|pictures?|png|jpe?g|k|\d+")
_SCALE = re.compile(r"[ _.-]*[x\u00d7]\d+$", re.IGNORECASE)
_FEW = 8
"""Folders beside each other of which all are compared; of more, those that are called as pairs are."""
_NAMED = 3
"""Files of one name in two folders from which on that is no chance, if the names are more than running numbers."""


def check_pairs(name: str, paths: Sequence[PurePosixPath], folders: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The note on folders, of `folders` above each of `paths`, whose files are called alike though nothing else speaks for
    pairs. Raises DataError where folders beside each other hold what goes together."""
    notes: list[str] = []
    for siblings in _beside(paths, folders).values():
        likely = siblings if len(siblings) <= _FEW else list(filter(_speaks_of_pairs, siblings))
        for first, second in combinations(sorted(likely), 2):
            ones, others = siblings[first], siblings[second]
            words, pairs = _words(first, second), _pairs(ones, others, first, second)
            few, many = sorted((len(ones), len(others)))
            third = set(siblings) - {first, second, first + second}
            if first + second == "ab" and _are_counted(ones):  # in small letters they are as likely two classes
                continue
            if words and not (words.all and third) and len(pairs) >= (many if words.all else words.share * few):
                raise _together(name, first, second, pairs)
            if words is None and few == many == len(pairs) >= _NAMED and not _are_counted(ones):
                notes.append(
                    f"{first} and {second} hold files of the same names, as pairs do, and are read as classes: where they "
                    "are pairs, give the folder of one."
                )
    return tuple(notes[:1])


def _together(name: str, first: str, second: str, pairs: Sequence[tuple[PurePosixPath, PurePosixPath]]) -> DataError:
    such = f", as {pairs[0][0]} and {pairs[0][1]} do" if pairs else ""
    return DataError(
        f"{name} holds {first} and {second}, whose pictures go together in pairs{such}: give the folder of those to learn "
        f"from, or, if the two are classes, call them {_CLASS}_{first} and {_CLASS}_{second}."
    )


def pairs_beside(paths: Sequence[PurePosixPath]) -> tuple[str, ...]:
    """The note on files of one folder that go together by what their names say, if they are half of all or more."""
    words = [one for one in _TOGETHER if not one.all]
    by_name: dict[tuple[PurePosixPath, str], list[PurePosixPath]] = defaultdict(list)
    for path in paths:
        said = [w for w in words_of(path.stem) if any(p.fullmatch(w) for one in words for p in (one.one, one.other))]
        if len(said) == 1:
            by_name[path.parent, _without(path.stem, said)].append(path)
    pairs = [
        group
        for group in by_name.values()
        if len(group) == 2 and _words(*(path.stem for path in group), of=words) is not None
    ]
    if not pairs or 4 * len(pairs) < len(paths):
        return ()
    first, second = sorted(pairs[0])
    return (
        f"{2 * len(pairs):,} pictures go together in pairs by their names, as {first} and {second} do, and all are learned "
        "from: to learn from one of each pair, put those into a folder of their own.",
    )


def _beside(
    paths: Sequence[PurePosixPath], folders: Sequence[tuple[str, ...]]
) -> dict[tuple[str, ...], dict[str, list[PurePosixPath]]]:
    """By the folders above them, the folders beside each other with the pictures in and below each."""
    groups: dict[tuple[str, ...], dict[str, list[PurePosixPath]]] = defaultdict(lambda: defaultdict(list))
    for path, names in zip(paths, folders, strict=True):
        for depth, name in enumerate(names):
            groups[names[:depth]][name].append(path)
    return groups


def _speaks_of_pairs(name: str) -> bool:
    words = words_of(_SCALE.sub("", name))
    return any(p.fullmatch(w) for w in (*words, "".join(words)) for one in _TOGETHER for p in (one.one, one.other))


def _words(first: str, second: str, of: Iterable[_Words] = _TOGETHER) -> _Words | None:
    """What speaks for two names going together: they are called so, or what one says besides the other is. Of words that
    classes are called by as well, both names must say nothing else."""
    a, b = (
        [w for w in words_of(_SCALE.sub("", name)) if not (_FILLERS.fullmatch(w) or split_of(w))] for name in (first, second)
    )
    if _CLASS in a and _CLASS in b:
        return None
    whole = "".join(a), "".join(b)
    rest = "".join(w for w in a if w not in b), "".join(w for w in b if w not in a)
    return next((words for words in of if words.has(*whole) or (not words.all and words.has(*rest))), None)


def _are_counted(paths: Sequence[PurePosixPath]) -> bool:
    """Whether files are called by running numbers, as those of any two folders may be."""
    parts = [re.fullmatch(r"(\D*)(\d+)", path.stem) for path in paths]
    numbers = {int(part[2]) for part in parts if part}
    return all(parts) and len({part[1] for part in parts if part}) == 1 and max(numbers) - min(numbers) < 2 * len(numbers)


def _pairs(
    ones: Sequence[PurePosixPath], others: Sequence[PurePosixPath], *folders: str
) -> list[tuple[PurePosixPath, PurePosixPath]]:
    """Those that are called alike but for what their folders are called, and for a scale."""
    said = {word for folder in folders for word in words_of(folder) if not split_of(word)}
    by_name = {_without(path.stem, said): path for path in others}
    return [(path, by_name[name]) for path in ones if (name := _without(path.stem, said)) in by_name]


def _without(stem: str, said: Iterable[str]) -> str:
    """A file's name without these words and without a scale; as it is if nothing else is left."""
    said = set(said)
    rest = [word for word in words_of(_SCALE.sub("", stem)) if word not in said]
    return " ".join(rest) or stem
