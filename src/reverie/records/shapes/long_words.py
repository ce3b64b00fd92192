"""What columns are called where a row is one test of a visit, or one code.

    PARAMCD, itemid, measurement_concept_id    the test
    icd_code, drug, procedure                  the code
    AVAL, valuenum, result                     the value
    valueuom, LBSTRESU                         its unit
    specimen, VSPOS                            of what it was
    LBSEQ, row_id                              the number of the row

Names propose, and only that; what stands in the columns decides (long_roles.py).
"""

from __future__ import annotations

import re

from reverie.records.column_names import words

__all__ = ["CODE", "COUNT", "TEST", "VALUE", "names_count", "names_part", "names_test", "says_unit", "says_value"]

TEST = {
    "test", "item", "itemid", "param", "paramcd", "parameter", "parametre", "concept", "variable", "label", "measurement",
    "analyte", "component", "loinc", "lab", "biomarker", "marker", "feature", "attribute", "measure", "vital", "signal",
    "question", "observation", "scale",
}  # fmt: skip
CODE = {
    "icd", "icd9", "icd10", "icd11", "code", "codes", "diagnosis", "diagnoses", "dx", "diag", "atc", "atc5", "drug",
    "medication", "procedure", "proc", "cpt", "ops", "snomed", "condition", "comorbidity", "symptom", "ndc", "rxnorm",
    "phecode",
}  # fmt: skip
VALUE = {
    "value", "values", "valuenum", "val", "aval", "avalc", "result", "results", "numeric", "reading", "answer", "response",
    "score",
}  # fmt: skip
UNIT = {"unit", "units", "uom", "u", "valueuom", "orresu", "stresu", "lborresu", "lbstresu", "vsorresu", "vsstresu"}
PART = {
    "specimen", "spec", "fluid", "sample", "position", "method", "location", "timepoint", "laterality", "eye", "side",
    "system",
}  # fmt: skip
COUNT = {"id", "seq", "row", "nr", "no", "index", "number", "num", "seqnum", ""}

_TESTS = re.compile(r"(testcd|test|paramcd|param|conceptid|itemid|(lab|test|item|vital|drug|event)name)$")
_VALUES = re.compile(r"(stresn|stresc|orres|aval|avalc|result|value)$")


def names_test(column: str) -> bool:
    """Whether a column by its name tells tests apart, or codes, and does not hold their values."""
    named = bool((TEST | CODE) & set(words(column))) or bool(_TESTS.search(column.lower()))
    return named and not says_value(column)


def says_value(column: str) -> bool:
    """Whether a column by its name holds what was found."""
    said = VALUE & set(words(column)) or _VALUES.search(column.lower())
    return bool(said) and not says_unit(column)


def says_unit(column: str) -> bool:
    """Whether a column by its name holds the unit of the value."""
    return bool(UNIT & set(words(column)))


def names_part(column: str) -> bool:
    """Whether a column by its name says of what of a patient a test was: the specimen, the side."""
    return bool(PART & set(words(column))) or column.lower().endswith(("spec", "pos", "tpt", "lat"))


def names_count(column: str) -> bool:
    """Whether a column by its name numbers rows."""
    return bool(COUNT & set(words(column))) or column == "" or column.lower().endswith(("seq", "id"))
