"""The index of a workspace in object storage: which names there are, and which content each has.

It is replaced whole, by a conditional put, so a change of many names is seen at once or not at all, whoever is killed; two
that change it at one time come one after the other. Contents are uploaded before, under keys of their own.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import stat
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import TypeVar

from reverie.errors import DamagedError
from reverie.service.objects.store import Away, Changed, Store, waiting
from reverie.service.problems import Problem

__all__ = ["Catalogue", "Content", "Index"]

LONGEST = 30.0
"""Seconds that a change waits for others."""
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Content:
    """What a name stands for. `job` and `attempt` made it; no job: it was uploaded."""

    key: str
    bytes: int
    modified: float
    job: str | None = None
    attempt: int = 0

    @property
    def sha256(self) -> str:
        return self.key[:64]


@dataclass(frozen=True)
class Index:
    """Contents by name, which is the path of a file below the workspace's root."""

    identity: str
    files: dict[str, Content] = field(default_factory=dict)

    def kind(self, name: str) -> int:
        """S_IFREG, S_IFDIR, or 0 if nothing has this name."""
        if name in self.files:
            return stat.S_IFREG
        return stat.S_IFDIR if any(each.startswith(f"{name}/") for each in self.files) else 0

    def below(self, name: str) -> dict[str, Content]:
        """The contents of a folder, by their names in it."""
        return {each[len(name) + 1 :]: content for each, content in self.files.items() if each.startswith(f"{name}/")}

    def write(self) -> bytes:
        return json.dumps({"identity": self.identity, "files": {n: asdict(c) for n, c in self.files.items()}}).encode()

    @classmethod
    def read(cls, text: bytes) -> Index:
        """Raises DamagedError for what is not as it was written; a name never leads out of the root."""
        try:
            found = json.loads(text)
            files = {name: Content(**content) for name, content in found["files"].items()}
            if not found["identity"].isalnum() or not all(map(_stays, files)):
                raise ValueError
            if not all(content.key.replace("-", "").isalnum() and len(content.key) > 64 for content in files.values()):
                raise ValueError
            return cls(found["identity"], files)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DamagedError("the index of the object storage is damaged: it is not what was written.") from error


def _stays(name: str) -> bool:
    return "\\" not in name and "\0" not in name and not {"", ".", ".."} & {*name.split("/")}


class Catalogue:
    """The index as it is now, and its changes; safe to use from several threads."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._lock = threading.Lock()
        self._version: str | None = None
        self._index = Index("")
        store.begin(Index(secrets.token_hex(8)).write())

    def now(self) -> Index:
        """Asks the store each time; it answers with the content only where that has changed."""
        with self._lock:
            if found := self.store.index(self._version):
                self._index, self._version = Index.read(found[1]), found[0]
            return self._index

    def read(self, what: Callable[[Index], Result]) -> Result:
        """Contents may be replaced and deleted between the index and the reading: then it is looked at once more."""
        for _ in range(3):
            try:
                return what(self.now())
            except FileNotFoundError:
                continue
        raise Away

    def change(self, edit: Callable[[dict[str, Content]], Result], uploaded: Iterable[Content] = ()) -> Result:
        """Lets `edit` alter the files of the index, and makes that the index; contents without a name are deleted.

        What `edit` raises passes, and nothing has changed; what was `uploaded` for it is deleted. It is called once more if
        others were quicker, or if the answer to an earlier time was lost: then it finds what it wrote.
        """
        try:
            return self._change(edit)
        except Problem as problem:
            if not isinstance(problem, Away):  # else it may have been done
                self._drop(content.key for content in uploaded)
            raise

    def _change(self, edit: Callable[[dict[str, Content]], Result]) -> Result:
        for _ in waiting(LONGEST):
            before = self.now()
            version = self._version
            files = dict(before.files)
            result = edit(files)
            if files == before.files:
                return result
            assert version is not None
            try:
                self.store.replace_index(version, Index(before.identity, files).write())
            except Changed:
                continue
            self._drop({content.key for content in before.files.values()})
            return result
        raise Away

    def sweep(self) -> None:
        """Deletes what uploads left that were killed."""
        self._drop(self.store.abandoned())

    def _drop(self, keys: Iterable[str]) -> None:
        """Deletes those of the contents that the index does not name: no change ever will again."""
        keys = {*keys}
        with contextlib.suppress(Away):  # the next sweep finds them
            if keys := keys - {content.key for content in self.now().files.values()}:
                self.store.delete(keys)
