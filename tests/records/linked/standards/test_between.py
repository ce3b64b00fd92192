"""From one standard to another: what they have in common comes back, by whichever it went; what has no place is named."""

from collections import Counter
from datetime import datetime, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from reverie.errors import ReverieError, UsageError
from reverie.records.linked import read_linked
from reverie.records.linked.standards import STANDARDS, converted, origin_of, parts_of, write_tables
from reverie.records.linked.standards.between import codings
from reverie.records.linked.standards.between.common import Common, table
from reverie.records.linked.standards.between.conversion import WAYS
from reverie.records.linked.standards.fhir_resources import RESOURCES
from reverie.records.linked.standards.omop_columns import COLUMNS
from reverie.records.linked.standards.stated import schema_of
from reverie.records.linked.tables import LinkedTables

pytest.importorskip("fhir.resources")
pytest.importorskip("meds")
LOINC, SNOMED, ACT = "http://loinc.org", "http://snomed.info/sct", "http://terminology.hl7.org/CodeSystem/v3-ActCode"


def at(day, hour=0):
    return datetime(2026, 1, day, hour)


def frame(name, *rows):
    cells = pl.DataFrame(rows, infer_schema_length=None)
    return table(name, cells, **{column: pl.col(column) for column in cells.columns})


@pytest.fixture
def shared():
    """Three people, visits that overlap and one without an end, and events with every column that is in common."""
    about = {"person": "1", "visit": "11"}
    seen = [
        {"code": f"{LOINC}|2951-2", "start": at(1, 9), "measured": True, "value": 139.1, "unit": "mmol/L", **about},
        {"code": f"{LOINC}|6301-6", "start": at(2), "measured": True, "value": 1.0, "comparator": "<", **about},
        {"code": "mood", "start": at(3), "measured": False, "value_text": "a // b", "person": "3"},
        {"code": "urn:x|smoking", "start": at(3), "measured": False, "value_code": f"{SNOMED}|266919005", **about},
        {"code": "|17", "start": at(4), "measured": False, "person": "2", "visit": "13"},
    ]
    given = {"dose": 500.0, "unit": "mg", "route": "by mouth"}
    rx = "http://www.nlm.nih.gov/research/umls/rxnorm"
    events = {
        "conditions": [
            {"code": f"{SNOMED}|44054006", "start": at(1), "end": at(9), **about},
            {"code": "E11", "start": at(2), **about},
        ],
        "drugs": [
            {"code": f"{rx}|860975", "start": at(1, 10), "ordered": True, **given, **about},
            {"code": f"{rx}|860975", "start": at(1, 11), "end": at(1, 12), "ordered": False, **given, **about},
        ],
        "procedures": [{"code": f"{SNOMED}|80146002", "start": at(2, 10), "end": at(2, 11), **about}],
        "findings": seen,
    }
    people = [
        {
            "person": "1",
            "sex": "female",
            "birth": datetime(1960, 5, 1),
            "marital_status": "urn:m|M",
            "race": "r",
            "ethnicity": "e",
        },
        {"person": "2", "sex": "male", "birth": datetime(1975, 3, 2), "dead": True, "death": at(20, 9)},
        {"person": "3", "sex": "other", "birth": datetime(1990, 1, 1)},
    ]
    stay = {"class": f"{ACT}|IMP", "type": "urn:t|2", "reason": "pain", "admitted_from": "urn:a|er", "discharged_to": "home"}
    visits = [
        {"visit": "11", "person": "1", "start": at(1, 8), "end": at(3, 12), **stay},
        {"visit": "12", "person": "1", "start": at(2, 8), "end": at(2, 9), "class": f"{ACT}|AMB"},
        {"visit": "13", "person": "2", "start": at(4, 7), "class": f"{ACT}|EMER"},
    ]
    frames = {
        name: frame(name, *({"id": str(100 * n + i), **row} for i, row in enumerate(rows)))
        for n, (name, rows) in enumerate(events.items())
    }
    frames |= {"people": frame("people", *people), "visits": frame("visits", *visits)}
    return Common.of(frames, {f"{LOINC}|2951-2": "Sodium", f"{SNOMED}|44054006": "Diabetes"}, Counter(), [])


def written(shared, name, place):
    """Tables of a standard of what is in common, written and read again."""
    standard = STANDARDS[name]
    content = WAYS[name][1](shared, standard.title)
    schema = schema_of(standard.tables, content.frames, standard.title)
    standard.write(parts_of(LinkedTables(content.frames, schema, "ward"), 2), place)
    return read_linked(place), content.notes


@pytest.mark.parametrize(
    ("name", "without"),
    [
        ("meds", {}),
        ("omop", {"people": ["marital_status"], "visits": ["type", "reason"]}),
        ("fhir", {"people": ["race", "ethnicity"], "findings": ["measured"]}),
    ],
)
def test_what_is_in_common_comes_back(shared, tmp_path, name, without):
    tables, notes = written(shared, name, tmp_path / name)
    assert tables.standard == name and len(tables) == 3
    again = WAYS[name][0](tables.frames)
    for of, first in shared.frames.items():
        kept = [c for c in first.columns if c != "id" and c not in without.get(of, [])]
        assert_frame_equal(again.frames[of].select(kept).sort(kept), first.select(kept).sort(kept))
    assert {token: again.words.get(token) for token in shared.words} == shared.words
    left = [
        f"{of}.{c} ({n})"
        for of, columns in without.items()
        for c in columns
        if (n := shared.frames[of][c].count()) and c != "measured"
    ]
    assert all(any(each in note for note in notes if note.startswith("Left out")) for each in left), notes


def test_every_standard_becomes_every_other(meds, omop, resources, lines, tmp_path):
    """Persons and events are as many, and in kind."""
    kinds = {
        "meds": lambda t: Counter(codings.kind_of(c) or "findings" for c in t.frames["events"]["code"]),
        "omop": lambda t: Counter({kind: sum(t.frames[n].height for n in names if n in t.frames) for kind, names in {
            "conditions": ["condition_occurrence"], "drugs": ["drug_exposure"], "procedures": ["procedure_occurrence"],
            "findings": ["measurement", "observation"]}.items()}),
        "fhir": lambda t: Counter({kind: sum(t.frames[n].height for n in names if n in t.frames) for kind, names in {
            "conditions": ["conditions"], "drugs": ["medication_requests", "medication_administrations"],
            "procedures": ["procedures"], "findings": ["observations", "observation_components"]}.items()}),
    }  # fmt: skip
    for place in (omop, lines(resources)):
        tables = read_linked(place)
        before = kinds[tables.standard](tables)
        for to in {"meds", "omop", "fhir"} - {tables.standard}:
            made = converted(tables, STANDARDS[tables.standard], STANDARDS[to])
            out = tmp_path / f"{tables.standard}-{to}"
            STANDARDS[to].write(parts_of(made, 1), out)
            again = read_linked(out)
            assert again.standard == to and len(again) == len(tables)
            assert kinds[to](again) == before
    back = converted(read_linked(meds), STANDARDS["meds"], STANDARDS["fhir"])
    assert Counter(back.frames["observations"]["code"]) == {
        "LAB//Na": 3, "LAB//K": 1, "NOTE": 1, "HOSPITAL_ADMISSION//ER": 1
    }  # fmt: skip
    assert back.frames["encounters"]["class"].to_list() == ["HOSPITAL_ADMISSION//ER", "HOSPITAL_ADMISSION//WARD"]


def test_meds_codes_come_back_as_they_were(meds, tmp_path):
    """By way of FHIR: codes that no standard but MEDS has are words there."""
    tables = read_linked(meds)
    STANDARDS["fhir"].write(parts_of(converted(tables, STANDARDS["meds"], STANDARDS["fhir"])), tmp_path / "fhir")
    again = converted(read_linked(tmp_path / "fhir"), STANDARDS["fhir"], STANDARDS["meds"])
    codes = set(tables.frames["events"]["code"]) - {"NOTE", "HOSPITAL_ADMISSION//ER"}
    assert codes <= set(again.frames["events"]["code"]) and "OBSERVATION//NOTE" in set(again.frames["events"]["code"])
    assert set(again.frames["stays"]["admission"]) == {"HOSPITAL_ADMISSION//ER", "HOSPITAL_ADMISSION//WARD"}
    notes = converted(tables, STANDARDS["meds"], STANDARDS["fhir"]).notes
    assert "2 events are taken for findings: no word and no vocabulary tells what it is." in notes
    (left,) = (note for note in notes if note.startswith("Left out"))
    for said in ("rows of statics (2)", "subjects.split (3)", "subjects.HEIGHT (1)"):
        assert said in left


@pytest.mark.parametrize(
    "token",
    [
        f"{LOINC}|2951-2",
        "urn:x|a/b",
        "http://x.example/y|7",
        "|7",
        "words of a code",
        "https://fhir-terminology.ohdsi.org|8",
    ],
)
@pytest.mark.parametrize(
    ("kind", "word"), [("findings", "MEASUREMENT"), ("drugs", "DRUG_ORDER"), ("conditions", "CONDITION")]
)
def test_a_code_of_meds_tells_its_kind_and_its_token(token, kind, word):
    code = codings.to_meds(token, word, kind)
    assert codings.of_meds(code) == token and codings.kind_of(code) == kind
    assert codings.token_of(*codings.vocabulary_of(token)) == token


def test_codes_as_made_from_omop_tell_their_kind():
    assert codings.of_meds("LOINC/2951-2") == f"{LOINC}|2951-2" and codings.kind_of("LOINC/2951-2") == "findings"
    assert codings.kind_of("RxNorm/860975") == "drugs" and codings.kind_of("SNOMED/44054006") is None


def test_concepts_are_not_guessed(omop, resources, lines, tmp_path):
    made = converted(read_linked(lines(resources)), STANDARDS["fhir"], STANDARDS["omop"])
    condition, concept = made.frames["condition_occurrence"].row(0, named=True), made.frames["concept"]
    assert condition["condition_concept_id"] == 0 and condition["condition_source_value"] == "44054006"
    own = concept.filter(pl.col("concept_id") == condition["condition_source_concept_id"]).row(0, named=True)
    assert own["concept_id"] > 2_000_000_000 and own["vocabulary_id"] == "SNOMED" and own["concept_name"] == "Diabetes"
    tables = read_linked(omop)
    codes = converted(tables, STANDARDS["omop"], STANDARDS["fhir"]).frames
    assert codes["conditions"]["code"].to_list() == [f"{SNOMED}|44054006", "home code 7"]
    assert Counter(codes["observations"]["code"]) == {
        f"{LOINC}|2951-2": 2, f"{codings.OHDSI}|3023103": 1, f"{codings.OHDSI}|4275495": 1
    }  # fmt: skip
    again = converted(converted(tables, STANDARDS["omop"], STANDARDS["fhir"]), STANDARDS["fhir"], STANDARDS["omop"])
    assert 3023103 in again.frames["measurement"]["measurement_concept_id"]  # a number without a vocabulary stays


def test_what_never_was_is_not_brought_on(resources, lines):
    cancelled = {**resources[8], "id": "g2", "status": "not-done"}
    wrong = {**resources[3], "id": "c2", "verificationStatus": {"coding": [{"code": "entered-in-error"}]}}
    made = converted(read_linked(lines([*resources, cancelled, wrong])), STANDARDS["fhir"], STANDARDS["omop"])
    assert made.frames["drug_exposure"].height == 2 and made.frames["condition_occurrence"].height == 1
    for name in ("medication_administrations", "conditions"):
        assert f"{name}: 1 row was left out, whose status says that it never was." in made.notes


def test_what_a_standard_wants_and_rows_have_not_is_told(shared):
    people, visits, drugs = (shared.frames[name] for name in ("people", "visits", "drugs"))
    odd = people.with_columns(
        birth=pl.when(pl.col("person") != "3").then("birth"), death=pl.lit(None, pl.Datetime("us")), sex=pl.lit("female")
    )
    lost = drugs.with_columns(start=pl.lit(None, pl.Datetime("us")), visit=pl.Series(["11", None]))
    frames = {
        **shared.frames,
        "people": odd,
        "drugs": lost,
        "visits": visits.with_columns(start=pl.col("start") + timedelta(0)),
    }
    content = WAYS["omop"][1](Common.of(frames, {}, Counter(), []), "OMOP")
    for said in (
        "1 patient was left out with all of theirs, without a birth, which OMOP wants.",
        "1 death was left out, without a time, which OMOP wants.",
        "drugs: 1 row has no time: that of the start of the visit was taken.",
        "drugs: 1 row was left out, without a time, which OMOP wants.",
        "findings: 1 row was left out, of no patient who is there.",
        "1 visit has no end: the day of the start was taken.",
    ):
        assert said in content.notes, content.notes
    assert content.frames["drug_exposure"]["drug_exposure_start_datetime"].to_list() == [at(1, 8)]
    fhir = WAYS["fhir"][1](Common.of(frames, {}, Counter(), []), "FHIR")
    assert "drugs: 1 row was left out, without a time, which FHIR wants." in fhir.notes


def test_numbers_of_64_bits_are_rounded_and_told(shared):
    value = pl.when(pl.col("unit") == "mmol/L").then(0.123456789012).otherwise("value")
    frames = {**shared.frames, "findings": shared.frames["findings"].with_columns(value=value)}
    notes = WAYS["meds"][1](Common.of(frames, {}, Counter(), []), "MEDS").notes
    assert "1 number was rounded to 32 bits, as MEDS keeps them." in notes


def test_nobody_with_a_birth_cannot_be_omop(resources, lines):
    for each in resources:
        each.pop("birthDate", None)
    with pytest.raises(UsageError, match=r"no patient has a date of birth, without which OMOP CDM v5.4 knows no person"):
        converted(read_linked(lines(resources)), STANDARDS["fhir"], STANDARDS["omop"])


def test_tables_of_a_standard_in_plain_files_are_still_of_it(resources, lines, omop, tmp_path):
    for place in (lines(resources), omop):
        tables = read_linked(place)
        write_tables(parts_of(tables), tmp_path / tables.standard, ".csv")
        plain = read_linked(tmp_path / tables.standard)
        assert origin_of(plain) is STANDARDS[tables.standard]
        made = converted(plain, origin_of(plain), STANDARDS["meds"])
        first = converted(tables, STANDARDS[tables.standard], STANDARDS["meds"])
        assert Counter(made.frames["events"]["code"]) == Counter(first.frames["events"]["code"])
    assert origin_of(LinkedTables({"a": pl.DataFrame({"b": [1]})}, plain.schema, "x")) is None


@pytest.mark.parametrize("name", ["meds", "omop", "fhir"])
def test_a_column_that_is_missing_is_empty_or_asked_for(shared, name):
    """As of plain files that somebody has edited: each of all columns left out by itself."""
    frames = WAYS[name][1](shared, name).frames
    whole = WAYS[name][0](frames)
    refused = set()
    for of, first in frames.items():
        for column in first.columns:
            try:
                again = WAYS[name][0]({**frames, of: first.drop(column)})
            except ReverieError as error:
                assert column in str(error) and of in str(error)
                refused.add((of, column))
                continue
            assert {n: f.columns for n, f in again.frames.items()} == {n: f.columns for n, f in whole.frames.items()}
    assert (
        refused
        == {
            "meds": {("subjects", "subject_id")},
            "omop": {
                (of, c) for of, cells in COLUMNS.items() for c, cell in cells.items() if of in frames and cell.required
            },
            "fhir": {(each.table, each.key) for each in RESOURCES.values()},
        }[name]
    )
    with pytest.raises(UsageError, match=r"there is no patient in these tables"):
        first = next(iter(frames))
        WAYS[name][0]({first: frames[first].clear()})
