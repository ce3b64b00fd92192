"""What is wrong with the fields of a request: the place as it was sent, and one sentence that stands alone.

    {"field": "schedule.steps", "message": "schedule.steps must be 2000 or less."}

The value itself is never repeated: it may be a patient's.
"""

from __future__ import annotations

import re
from typing import Any

from fastapi.exceptions import RequestValidationError

from reverie.operations.request import is_of_type

__all__ = ["faults"]

MOST = 100
LONGEST = 120  # characters of a place: its names are the caller's
SAID = {
    "missing": "is needed",
    "extra_forbidden": "is no field of this call: /docs tells which it has",
    "greater_than_equal": "must be {ge} or more",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be {le} or less",
    "less_than": "must be less than {lt}",
    "finite_number": "must be a finite number",
    "string_too_short": "must have {min_length} characters or more",
    "string_too_long": "must have {max_length} characters or fewer",
    "too_short": "must have {min_length} or more entries",
    "too_long": "must have {max_length} entries or fewer",
    "literal_error": "must be {expected}",
    "union_tag_invalid": "must be one of {expected_tags}",
    "union_tag_not_found": "is needed",
    "none_required": "must be null",
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float", "int_parsing_size"), "must be a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "must be a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "must be true or false"),
    **dict.fromkeys(("string_type", "string_unicode"), "must be text"),
    **dict.fromkeys(("list_type", "tuple_type", "set_type"), "must be a list"),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type", "mapping_type"), "must be an object"),
}


def faults(error: RequestValidationError) -> list[dict[str, str]]:
    """One entry for each place. What is allowed in several ways at one place says all of them, but for other types where one
    of the right type has a fault of its own."""
    said: dict[tuple[str, str], list[str]] = {}
    found = [(*_fault(fault, error.body), is_of_type(fault["type"])) for fault in error.errors()[:MOST]]
    valued = {place for place, _, _, of_type in found if not of_type}
    for place, subject, predicate, of_type in found:
        if not (of_type and place in valued):
            said.setdefault((place, subject), []).append(predicate.rstrip("."))
    return [
        {"field": place, "message": f"{subject} {' or '.join(dict.fromkeys(predicates))}."}
        for (place, subject), predicates in said.items()
    ]


def _fault(fault: dict[str, Any], body: Any) -> tuple[str, str, str]:
    """Where, and a sentence in two parts: what, and what is wrong with it."""
    kind, more, where = fault["type"], fault.get("ctx", {}), str(fault["loc"][0])
    if kind == "json_invalid":
        return "body", "the body", f"is no JSON: {str(more.get('error', '')).lower()}"
    parts = _place(fault, body)
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        parts = [*parts, str(more["discriminator"]).strip("'")]
    place = ".".join(parts)[:LONGEST]
    if kind in ("value_error", "assertion_error"):
        reason = str(more.get("error", fault["msg"])).replace("`", "")
        subject, _, predicate = reason.partition(" ")
        return (place, f"{place}:", reason) if place else (where, subject, predicate)
    predicate = SAID[kind].format(**more) if kind in SAID else re.sub(r"^Input should (be )?", "must be ", str(fault["msg"]))
    return place or where, place or f"the {where}", f"{predicate[0].lower()}{predicate[1:]}"


def _place(fault: dict[str, Any], body: Any) -> list[str]:
    """The path to the field in what was sent: what is found there, without the names of the types that were tried."""
    where, *path = fault["loc"]
    if where != "body":
        return [str(part) for part in path]
    found: list[str] = []
    here = body
    for i, part in enumerate(path):
        if _holds(here, part):
            here = here[part]
        elif not (fault["type"] == "missing" and i == len(path) - 1):
            continue
        found.append(str(part))
    return found


def _holds(here: Any, part: str | int) -> bool:
    if isinstance(here, dict):
        return part in here
    return isinstance(here, list | tuple) and isinstance(part, int) and part < len(here)
