"""What is wrong with a request is said of the field as it was sent, in a sentence that stands alone."""

import json
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class Noise(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    steps: int = Field(100, le=2000, ge=1)
    name: Literal["linear", "cosine"] = "linear"
    beta: float | None = None


class Call(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    count: int = Field(alias="how-many")
    schedule: Noise | None = None
    where: str | list[str] = ""
    several: list[Noise] = Field([], max_length=2)
    figure: str | None = None
    quiet: bool = False

    @field_validator("figure")
    @classmethod
    def _ends(cls, value):
        if value and not value.endswith(".png"):
            raise ValueError("the name must end in .png")
        return value

    @model_validator(mode="after")
    def _not_both(self):
        if self.quiet and self.figure:
            raise ValueError("`figure` or `quiet`, not both")
        return self


class Cat(BaseModel):
    kind: Literal["cat"]
    age: int


class Dog(BaseModel):
    kind: Literal["dog"]
    age: int


def prepare(app):
    def call(body: Call) -> dict[str, int]:
        return {}

    def pet(body: Annotated[Cat | Dog, Field(discriminator="kind")]) -> dict[str, int]:
        return {}

    def query(steps: int, name: Literal["a", "b"] = "a") -> dict[str, int]:
        return {}

    app.add_api_route("/api/call", call, methods=["POST"], include_in_schema=False)
    app.add_api_route("/api/pet", pet, methods=["POST"], include_in_schema=False)
    app.add_api_route("/api/query", query, include_in_schema=False)


FAULTS = [
    ("call", {}, {"how-many": "how-many is needed."}),
    ("call", {"how-many": "3"}, {"how-many": "how-many must be a whole number."}),
    (
        "call",
        {"how-many": 3.5, "quiet": 1},
        {"how-many": "how-many must be a whole number.", "quiet": "quiet must be true or false."},
    ),
    ("call", {"how-many": 1, "color": 1}, {"color": "color is no field of this call: /docs tells which it has."}),
    ("call", {"how-many": 1, "schedule": {"steps": 5000}}, {"schedule.steps": "schedule.steps must be 2000 or less."}),
    ("call", {"how-many": 1, "schedule": {"name": "x"}}, {"schedule.name": "schedule.name must be 'linear' or 'cosine'."}),
    ("call", {"how-many": 1, "schedule": 5}, {"schedule": "schedule must be an object."}),
    ("call", {"how-many": 1, "where": 5}, {"where": "where must be text or must be a list."}),
    ("call", {"how-many": 1, "where": ["a", 5]}, None),
    ("call", {"how-many": 1, "several": [{}, {"steps": 0}]}, {"several.1.steps": "several.1.steps must be 1 or more."}),
    ("call", {"how-many": 1, "several": [{}] * 3}, {"several": "several must have 2 entries or fewer."}),
    ("call", {"how-many": 1, "figure": "a.gif"}, {"figure": "figure: the name must end in .png."}),
    ("call", {"how-many": 1, "figure": "a.png", "quiet": True}, {"body": "figure or quiet, not both."}),
    ("call", [], {"body": "the body must be an object."}),
    ("call", b"{", None),
    ("call", b"\xff\xfe", None),
    ("call", b"[" * 20_000, None),
    ("call", b"", {"body": "the body is needed."}),
    ("pet", {"kind": "cat", "age": "x"}, {"age": "age must be a whole number."}),
    ("pet", {"kind": "cow", "age": 3}, {"kind": "kind must be one of 'cat', 'dog'."}),
    ("pet", {"age": 3}, {"kind": "kind is needed."}),
    ("pet", {"kind": "dog"}, {"age": "age is needed."}),
]


@pytest.fixture
def called(serving):
    return serving(prepare)


def test_each_fault_is_said_where_it_was_sent(called):
    for path, body, expected in FAULTS:
        reply = called.call("POST", f"/api/{path}", body, {"content-type": "application/json"})
        assert reply.status in (400, 422) and reply.headers["content-type"] == "application/problem+json"
        problem = reply.json
        found = {error["field"]: error["message"] for error in problem.get("errors", [])}
        assert expected is None or (body, found) == (body, expected)
        assert problem["detail"].startswith(next(iter(found.values()), "The body cannot be read as JSON"))
        assert ("see errors" in problem["detail"]) == (len(found) > 1)


def test_a_query_is_told_by_its_names(called):
    problem = called.call("GET", "/api/query?steps=x&name=c").json
    assert [error["message"] for error in problem["errors"]] == ["steps must be a whole number.", "name must be 'a' or 'b'."]
    assert called.call("GET", "/api/query").json["detail"] == "steps is needed."


def test_what_is_no_http_is_told_so_as_every_error_is(site):
    for sent in (b"HELLO\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"\x16\x03\x01\r\n\r\n"):
        head, _, body = site.raw(sent).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400") and b"content-type: application/problem+json" in head.lower()
        assert json.loads(body)["detail"].startswith("This is no request of HTTP/1.1")


def test_what_the_framework_refuses_is_a_sentence_too(site):
    assert (
        site.call("GET", "/api/nothing").json["detail"] == "There is nothing at this address: /docs tells which there are."
    )
    assert site.call("PATCH", "/healthz").json["detail"].startswith("This address takes GET alone")
