"""Names that clients may write: plain, relative, in one normal form."""

import os
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.operations.fields import below
from reverie.service import names
from reverie.service.problems import Problem
from reverie.service.settings import Settings
from reverie.service.workspace import Workspace

CSV = (".csv",)


@given(st.text(st.sampled_from("./\\~:%\x00 aA\u0301\uff0e") | st.characters(codec="utf-8"), max_size=40))
def test_a_name_that_is_taken_is_plain(name):
    try:
        parts = names.parts(name)
    except Problem as problem:
        assert problem.status == 422
        return
    assert 1 <= len(parts) <= names.DEPTH
    for part in parts:
        assert names.allowed(part)
        assert part not in (".", "..")
        assert not part.startswith(".")
        assert not set(part) & set('/\\:*?"<>|\x00')
        assert len(os.fsencode(part)) < 250
        assert unicodedata.is_normalized("NFC", part)


@given(st.text(st.sampled_from("./\\~:%\x00 aC\u0301\uff0e") | st.characters(codec="utf-8"), max_size=40))
def test_a_name_as_others_write_it_is_one_below_the_workspace_or_none(name):
    """What requests take: one slash before it and backslashes in it change nothing, and all else stays refused."""
    try:
        parts = names.parts(below(name))
    except (Problem, ValueError):
        return
    assert names.parts("/".join(parts)) == parts and below("/".join(parts)) == "/".join(parts)
    assert below("/" + "/".join(parts)) == below("\\".join(parts)) == "/".join(parts)
    assert "".join(parts) == unicodedata.normalize("NFC", name).replace("\\", "/").replace("/", "")


REFUSED = [
    *("/", "//a.csv", "\\\\host\\a.csv", "/\\a.csv", "C:\\a.csv", "c:a.csv", "~/a.csv", "~root/a.csv", "/~/a.csv"),
    *("/C:/a.csv", "/..", "/../a.csv", "\\..\\a.csv", "..\\a.csv", "a\\..\\..\\b.csv", "/a/./b.csv", "a.csv/", "a.csv\\"),
    *("/a.csv\\\\", "/.reverie/jobs.db", "\\.reverie\\jobs.db", "/a.csv ", "/a.csv.", "/ a.csv", "/a\x00.csv"),
    *("/a\n.csv", "/con.csv", "\\nul", "file:///a.csv", "/a//b.csv", "a\\\\b.csv", "/a/b/c/d/e.csv", "/%2e%2e/a.csv"),
]


@pytest.mark.parametrize("name", REFUSED)
def test_what_leads_elsewhere_is_refused_however_it_is_written(name):
    with pytest.raises((Problem, ValueError)):
        names.parts(below(name))


def test_suffixes_are_compared_in_any_case_and_need_a_stem():
    assert names.ends("A.CSV", CSV)
    assert not names.ends("a.csv.exe", CSV)
    assert not names.ends("acsv", CSV)
    assert names.ends("runs/any name", ())


def test_a_name_says_which_suffixes_it_may_have(tmp_path):
    store = Workspace(tmp_path, Settings())
    with pytest.raises(Problem, match=r"\.csv"):
        store.open("tables/good.txt", CSV)
