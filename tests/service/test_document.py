"""The OpenAPI document is whole, and is the one that is kept beside this file.

After a wanted change of the API, renew the kept one and read the difference:

    .venv/bin/python tests/service/test_document.py
"""

import json
import re
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

KEPT = Path(__file__).with_name("openapi.json")
METHODS = {"get", "put", "post", "delete"}


def made() -> bytes:
    from reverie.service.app import create_app
    from reverie.service.settings import Settings

    with TemporaryDirectory() as folder:
        app = create_app(Settings(workspace=Path(folder)))
        text = app.state.document()
        app.state.jobs.close()
    return text


@pytest.fixture(scope="module")
def document() -> dict:
    return json.loads(made())


def operations(document: dict) -> list[tuple[str, str, dict]]:
    return [(path, method, found) for path, methods in document["paths"].items() for method, found in methods.items()]


def test_the_document_is_the_one_that_is_kept(document):
    assert document == json.loads(KEPT.read_bytes()), "the API has changed: see how to renew the kept document above"


def test_what_is_served_is_the_document(steady, document):
    reply = steady.call("GET", "/openapi.json")
    assert reply.headers["content-type"] == "application/json"
    assert reply.json == document


def test_every_operation_is_named_grouped_and_explained(document):
    ids = [found["operationId"] for _, _, found in operations(document)]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", id) for id in ids)
    groups = {tag["name"] for tag in document["tags"]}
    for path, method, found in operations(document):
        assert method in METHODS
        assert len(found["tags"]) == 1, path
        assert set(found["tags"]) <= groups
        assert found["summary"]


def test_every_operation_tells_what_its_errors_look_like(document):
    assert document["components"]["schemas"]["Problem"]["required"] == ["type", "title", "status", "detail"]
    for path, _, found in operations(document):
        errors = {status: reply for status, reply in found["responses"].items() if status[0] in "45d"}
        assert "default" in errors
        for status, reply in errors.items():
            if path != "/readyz":
                assert list(reply["content"]) == ["application/problem+json"], (path, status)


def test_how_to_enter_is_told(document):
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert document["security"] == [{"key": []}, {}]
    assert {path for path, _, found in operations(document) if found.get("security") == []} == {"/healthz", "/readyz"}


def test_the_guides_four_calls_are_there(document):
    paths = {(path, method) for path, method, _ in operations(document)}
    below = "/api/diffusion"
    assert paths >= {
        (f"{below}/analyze-diffusion-process", "post"),
        (f"{below}/demonstrate-forward-diffusion", "post"),
        (f"{below}/demonstrate-reverse-diffusion", "post"),
        (f"{below}/diffusion-statistics", "get"),
    }


def test_every_reference_leads_somewhere(document):
    def references(part) -> list[str]:
        if isinstance(part, dict):
            own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
            return own + [found for value in part.values() for found in references(value)]
        return [found for value in part for found in references(value)] if isinstance(part, list) else []

    for reference in references(document):
        place = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_nothing_of_the_machine_is_in_the_document():
    assert not re.search(rb"/tmp|/home|/work|/root", made())


if __name__ == "__main__":
    KEPT.write_bytes(made())
