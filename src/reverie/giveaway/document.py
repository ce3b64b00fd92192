"""One HTML file with all that it needs inside, and a policy in its head that the browser keeps: no connection of any kind,
no script but those whose hashes it names, no picture but those inside.

What comes from people (titles, names of classes, answers of a server) is escaped, or stands in blocks of data that no
browser runs; no text can end such a block, for "<" is written as an escape there.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from reverie.errors import UsageError

__all__ = ["LIMIT", "data", "document", "script_text", "too_large"]

LIMIT = 6_000_000
"""The most bytes of a page: what mail and chat let through, and a telephone opens at once."""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>
{style}</style>
{head}</head>
<body>
{body}{blocks}{script}</body>
</html>
"""
POLICY = (
    "default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data: blob:; worker-src blob:; "
    "connect-src 'none'; base-uri 'none'; form-action 'none'"
)


def document(
    title: str, style: str, body: str, script: str, blocks: Mapping[str, tuple[str, str]], early: Sequence[str] = ()
) -> str:
    """The text of the file.

    Args:
        title: plain text.
        style, body: CSS and HTML of our own.
        script: of our own, run when the rest is there; `early` are run before the first paint.
        blocks: data by the id of their elements, each a media type and a text that `data` or `script_text` made.
    """
    scripts = [script_text(each) for each in (*early, script)]
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(each.encode()).digest()).decode()}'" for each in scripts)
    *first, last = (f"<script>{each}</script>\n" for each in scripts)
    return PAGE.format(
        policy=POLICY.format(scripts=hashes),
        title=html.escape(title),
        style=style,
        head="".join(first),
        body=body,
        blocks="".join(f'<script type="{kind}" id="{name}">{text}</script>\n' for name, (kind, text) in blocks.items()),
        script=last,
    )


def data(value: Any) -> tuple[str, str]:
    """A block of JSON."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return "application/json", text.replace("<", "\\u003c")


def script_text(text: str) -> str:
    """A script as it may stand inside an element: the same program, with nothing in it that ends the element."""
    return re.sub(r"<(?=/script|script|!--)", r"\\x3c", text, flags=re.I)


def too_large(page: str, remedy: str) -> None:
    """Raises UsageError, with both sizes, for a page of more than LIMIT bytes."""
    size = len(page.encode())
    if size > LIMIT:
        raise UsageError(f"the page would have {size / 1e6:.1f} MB, and {LIMIT / 1e6:.0f} MB is the most: {remedy}.")
