"""The OpenAPI document is whole, and what a client could notice of it is kept beside this file.

After a wanted change of the API, renew the outline and read the difference:

    .venv/bin/python tests/service/test_document.py
"""

import json
import re
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

KEPT = Path(__file__).with_name("openapi.txt")
PROBLEM = "{application/problem+json:{schema:Problem}}"
WORDING = {"description", "title", "example", "examples", "summary"}
METHODS = {"get", "put", "post", "delete"}


def made() -> bytes:
    from reverie.service.app import create_app
    from reverie.service.settings import Settings

    with TemporaryDirectory() as folder:
        app = create_app(Settings(workspace=Path(folder)))
        text = app.state.document()
        app.state.jobs.close()
    return text


def outline(document: dict) -> str:
    """A line for each call and each type: names, types, bounds, defaults and answers, without the wording."""
    calls = []
    for path, method, found in operations(document):
        asked = [
            f"{p['in']} {p['name']}{'!' if p.get('required') else ''} {brief(p['schema'])}"
            for p in found.get("parameters", ())
        ]
        body = [f"body {brief(found['requestBody'])}"] if "requestBody" in found else []
        answers = {status: brief(reply.get("content", {})) for status, reply in found["responses"].items()}
        errors = [status for status, answer in answers.items() if answer == PROBLEM]
        told = [f"{status} {answer}" for status, answer in answers.items() if status not in errors]
        lines = [*asked, *body, *told, f"problems {' '.join(sorted(errors))}"]
        calls.append(f"{method.upper()} {path} {found['operationId']}\n" + "".join(f"  {line}\n" for line in lines))
    types = [f"{name} {brief(schema)}\n" for name, schema in document["components"]["schemas"].items()]
    return "".join([*sorted(calls), *sorted(types)])


def brief(schema) -> str:
    """A schema in little: strict JSON without its wording, whose references are names."""
    text = json.dumps(_without(schema), separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    return re.sub(r'\{"\$ref":"#/components/schemas/(\w+)"\}', r"\1", text).replace('"', "")


def _without(part, names: bool = False):
    if isinstance(part, dict):
        kept = part if names else {key: value for key, value in part.items() if key not in WORDING}
        return {key: _without(value, key == "properties") for key, value in kept.items()}
    return [_without(value) for value in part] if isinstance(part, list) else part


@pytest.fixture(scope="module")
def document() -> dict:
    return json.loads(made())


def operations(document: dict) -> list[tuple[str, str, dict]]:
    return [(path, method, found) for path, methods in document["paths"].items() for method, found in methods.items()]


def test_the_document_is_the_one_that_is_kept(document):
    assert outline(document).splitlines() == KEPT.read_text().splitlines(), "the API has changed: renew it as said above"


def test_a_changed_call_changes_the_outline(document):
    for path in (
        ("paths", "/api/samples", "post", "requestBody", "required"),
        ("components", "schemas", "Sample", "properties", "count"),
    ):
        changed = json.loads(json.dumps(document))
        place = changed
        for step in path[:-1]:
            place = place[step]
        del place[path[-1]]
        assert outline(changed) != outline(document)


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
    KEPT.write_text(outline(json.loads(made())))
