"""The policy under which a report's page is shown: its own script and style, each by its hash, and nothing else.

    a page is one file that needs no other; what it holds is written into its policy when it is served

It stands in an origin of its own (`sandbox`), so that even a page that another hand has put there can ask this server for
nothing, and only a page of this server may frame it.
"""

from __future__ import annotations

import base64
import hashlib
import re

__all__ = ["page_headers"]

ELEMENTS = {kind: re.compile(rf"<{kind}>(.*?)</{kind}>".encode(), re.DOTALL) for kind in ("script", "style")}


def page_headers(page: bytes) -> dict[str, str]:
    """The headers of the answer that holds this page."""
    allowed = {kind: _hashes(found.findall(page)) for kind, found in ELEMENTS.items()}
    policy = (
        f"default-src 'none'; script-src {allowed['script']}; style-src {allowed['style']}; img-src data:; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'self'; sandbox allow-scripts"
    )
    return {
        "content-security-policy": policy,
        "x-frame-options": "SAMEORIGIN",
        "cross-origin-opener-policy": "unsafe-none",  # browsers refuse a page of its own origin that asks for more
    }


def _hashes(texts: list[bytes]) -> str:
    """What a policy calls them; 'none' where there are none."""
    digests = (base64.b64encode(hashlib.sha256(text).digest()).decode() for text in texts)
    return " ".join(f"'sha256-{digest}'" for digest in digests) or "'none'"
