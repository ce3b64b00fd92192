"""The page as one file without a server: its modules and styles, and an empty place for what the server has answered.

The page itself fills that place with the answers that its view was given (page/lib/recording.js), so nothing that it shows
has to be sent anywhere to be saved.
"""

from __future__ import annotations

import re
from functools import cache

from reverie.giveaway import bundle, data, document
from reverie.service.assets import PAGE, SHARED, place

__all__ = ["RECORDING", "saved_page"]

RECORDING = "recording"
"""The id of the block that the page fills."""
ENTRY = "saved.js"
STYLE = re.compile(r'<link rel="stylesheet" href="static/([^"]+)">')
BODY = re.compile(r"<body>\n(.*)</body>", re.S)


@cache
def saved_page() -> str:
    """The text of the file, with null in the place of the recording."""
    index = _text("index.html")
    found = BODY.search(index)
    assert found is not None, "the page has a body"
    modules = {name: _text(name) for name in _modules()}
    style = "\n".join(_text(name) for name in STYLE.findall(index))
    blocks = {RECORDING: data(None)}
    return document("Reverie", style, found[1], bundle(modules, ENTRY), blocks, early=[_text("theme.js")])


def _modules() -> list[str]:
    """Those of the page: its entrances, its library and its views."""
    found = [path for folder in ("lib", "views") for path in (PAGE / folder).rglob("*.js")]
    return sorted([ENTRY, "main.js", *SHARED, *(path.relative_to(PAGE).as_posix() for path in found)])


def _text(name: str) -> str:
    return place(name).read_text("utf-8")
