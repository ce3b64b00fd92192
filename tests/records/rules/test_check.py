"""Rules that no column can obey, and rules that no row can, are refused when the schema is made."""

from __future__ import annotations

import pytest

from reverie.errors import DataError, UsageError
from reverie.records import Schema, read_table


@pytest.fixture(scope="module")
def pbc2():
    return read_table("pbc2")


REFUSED = [
    (["age < foo"], "'foo' is no column"),
    (["sex = man"], "unknown level of sex 'man'"),
    (["status < dead"], "have no order"),
    (["age + sex < 3"], "cannot be reckoned with"),
    (["id = 3"], "only says who a patient is"),
    (["age never falls"], "is static"),
    (["drug = sex"], "different levels"),
    (["albumin = -3"], "its lower bound"),
    (["albumin <"], "lacks something"),
    (["albumin < platelets", "platelets < albumin"], "would be less than itself"),
    (["albumin < platelets", "platelets <= serChol", "serChol = albumin"], "would be less than itself"),
    (["albumin < platelets if sex = male", "platelets <= albumin"], "would be less than itself"),
    (["empty(serChol) if sex = male", "filled(serChol)"], "cannot be both"),
    (["albumin = 1 if sex = male", "albumin = 2 if sex = male"], "cannot be both"),
    (["histologic in (1, 2)", "histologic = 3 if sex = male"], "cannot be both"),
    (["histologic never falls", "histologic always falls"], "cannot do both"),
]


@pytest.mark.parametrize(("rules", "why"), REFUSED)
def test_rules_that_cannot_be_are_refused_by_name(pbc2, rules, why):
    text = pbc2.schema.model_copy(update={"rules": tuple(rules)}).yaml()
    with pytest.raises(UsageError, match=why) as caught:
        Schema.from_yaml(text, "pbc2.yaml")
    said = str(caught.value)
    assert "\n" not in said and all(rule in said for rule in rules)


def test_rules_that_can_all_be_true_are_kept(pbc2):
    rules = (
        "albumin < platelets",
        "albumin <= platelets",
        "empty(serChol) if sex = male",
        "filled(serChol) if sex = female",
    )
    schema = pbc2.schema.model_copy(update={"rules": rules})
    assert Schema.from_yaml(schema.yaml(), "pbc2.yaml").rules == rules


def test_a_rule_that_the_table_breaks_is_told_with_its_rows_and_refused_nowhere(pbc2):
    table = read_table("pbc2", pbc2.schema.model_copy(update={"rules": ("serBilir < albumin",)}))
    broken = pbc2.rows[(pbc2.frame["serBilir"] >= pbc2.frame["albumin"]).to_numpy()]
    said = next(note for note in table.notes if "serBilir < albumin" in note)
    assert f"broken in {len(broken)} of 1,945 rows (data rows {broken[0]}, {broken[1]}" in said
    assert table.frame.equals(pbc2.frame)


def test_what_one_column_tells_another_is_seen_in_the_table(pbc2):
    table = read_table("pbc2", pbc2.schema.model_copy(update={"rules": ("status tells status2",)}))
    assert table.schema.rules == ("status tells status2 (alive: 0, dead: 1, transplanted: 0)",)
    with pytest.raises(DataError, match=r"data row 7, column 'edema'.*strike the rule"):
        read_table("pbc2", pbc2.schema.model_copy(update={"rules": ("status tells edema",)}))
