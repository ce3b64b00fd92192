"""How large a Parquet file is when unpacked, by its own footer: before any page of it is.

    pages ... | footer | its length, 4 bytes, little-endian | PAR1

The footer is a FileMetaData in Thrift's compact protocol (parquet.thrift; thrift-compact-protocol.md). Of the tree, by the
numbers of its fields: 4 row groups -> 1 column chunks -> 3 what is in them -> 6 bytes when unpacked.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

__all__ = ["Damaged", "unpacked"]

_DEEP = 16
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 12
_WHOLE = (4, 5, 6)


class Damaged(Exception):
    """The footer is not one."""


def unpacked(path: Path, longest: int) -> int:
    """Bytes of all pages, unpacked, as the file says; its footer has at most `longest` bytes. Raises Damaged and OSError."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 8))
        end = file.read(8)
        length = int.from_bytes(end[:4], "little")
        if end[4:] != b"PAR1" or length > size - 8:
            raise Damaged("it has no footer")
        if length > longest:
            raise Damaged(f"its footer is longer than {longest:,} bytes")
        file.seek(size - 8 - length)
        content = file.read(length)
    try:
        groups = _Compact(content).struct(0)[4]
        return sum(chunk[3][6] for group in groups for chunk in group[1])
    except (IndexError, KeyError, TypeError, struct.error) as error:
        raise Damaged("its footer cannot be read") from error


class _Compact:
    """Values one after the other, each of which says how long it is."""

    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    def struct(self, depth: int) -> dict[int, Any]:
        """Values by the numbers of their fields."""
        fields, number = {}, 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._whole()
            kind = head & 15
            fields[number] = kind == _TRUE if kind in (_TRUE, _FALSE) else self._value(kind, depth + 1)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if depth > _DEEP:
            raise Damaged("its footer is nested too deeply")
        if kind in (_TRUE, _FALSE, _BYTE):  # one byte each, as the elements of a list
            return self._byte()
        if kind in _WHOLE:
            return self._whole()
        if kind in (_DOUBLE, _BINARY):  # neither is asked for
            length = 8 if kind == _DOUBLE else self._natural()
            self._at += length
            return None
        if kind in (_LIST, _SET):
            head = self._byte()
            count = head >> 4 if head >> 4 < 15 else self._natural()
            return [self._value(head & 15, depth + 1) for _ in range(count)]
        if kind == _STRUCT:
            return self.struct(depth)
        raise Damaged("its footer holds a value of an unknown kind")

    def _byte(self) -> int:
        byte = self._content[self._at]
        self._at += 1
        return byte

    def _natural(self) -> int:
        """7 bits a byte, the lowest first; the 8th says that more come."""
        number = shift = 0
        while True:
            byte = self._byte()
            number |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return number
            if shift > 63:
                raise Damaged("its footer holds a number that is too long")

    def _whole(self) -> int:
        """Zigzag: 0, -1, 1, -2 and so on."""
        number = self._natural()
        return (number >> 1) ^ -(number & 1)
