"""FHIR R4: resources become rows and rows resources that its models take; what no table holds is counted by its path."""

import gzip
import json
from datetime import date, datetime

import polars as pl
import pytest

from reverie.errors import DataError, UsageError
from reverie.records.linked import is_linked, read_linked
from reverie.records.linked.standards import STANDARDS, parts_of
from reverie.records.linked.standards.fhir_columns import DATE_TIME, Seen
from reverie.records.linked.standards.fhir_files import Found, Source
from reverie.records.linked.standards.fhir_reading import Reader
from reverie.records.linked.standards.fhir_resources import RESOURCES
from reverie.records.linked.standards.fhir_taking import Taken, holds, left_of
from reverie.records.reading import Bounds
from reverie.sources import is_hospital

pytest.importorskip("fhir.resources")
LOINC = "http://loinc.org"


def test_resources_are_rows_of_stated_tables(resources, lines):
    place = lines(resources)
    assert is_linked(place) and is_hospital(place)  # and so can be trained on
    tables = read_linked(place)
    assert tables.standard == "fhir" and len(tables) == 2
    schema = {table.name: table for table in tables.schema.tables}
    assert {name: table.parent for name, table in schema.items()} == {
        "patients": None, "encounters": "patients", "conditions": "encounters", "observations": "encounters",
        "medication_requests": "encounters", "medication_administrations": "encounters", "procedures": "encounters",
        "observation_components": "observations", "codes": None, "units": None,
    }  # fmt: skip
    people = tables.frames["patients"].sort("patient_id")
    assert people["birth_date"].to_list() == [date(1960, 5, 1), date(1975, 1, 1)]
    assert people["deceased"].to_list() == [False, True] and people["death_time"][1] == datetime(2026, 1, 20, 9)
    stay = tables.frames["encounters"].row(0, named=True)
    assert (stay["start"], stay["end"]) == (datetime(2026, 1, 1, 7), datetime(2026, 1, 3, 11))  # in UTC
    assert stay["class"].endswith("v3-ActCode|IMP") and schema["encounters"].clock.kind == "interval"
    seen = {row["observation_id"]: row for row in tables.frames["observations"].iter_rows(named=True)}
    assert seen["o1"]["code"] == f"{LOINC}|2951-2" and (seen["o1"]["value"], seen["o1"]["unit"]) == (139.5, "mmol/L")
    assert seen["o3"]["code"] == "mood" and seen["o3"]["value_text"] == "well" and seen["o3"]["encounter_id"] is None
    assert tables.frames["observation_components"]["value"].to_list() == [127, 82]
    assert dict(tables.frames["units"].iter_rows())["mmHg"] == "http://unitsofmeasure.org|mm[Hg]"
    assert dict(tables.frames["codes"].iter_rows())[f"{LOINC}|2951-2"] == "Sodium"
    assert "dose" in tables.frames["medication_requests"].columns and "issued" not in tables.frames["observations"].columns


def test_what_no_table_holds_is_counted_by_its_path(resources, bundle):
    ward = {"resourceType": "Location", "id": "w"}
    resources[0] |= {"extension": [{"url": "x", "valueString": "y"}], "contained": [ward]}
    resources[3]["code"]["coding"].append({"system": "urn:icd", "code": "E11"})
    notes = read_linked(bundle([*resources, ward, {"resourceType": "Practitioner", "id": "p"}])).notes
    for said in (
        "It was read as FHIR R4: its files hold resources in JSON.",
        "Other resources were left alone: Location (1), Practitioner (1).",
        "Patient: left alone were contained (1), extension (1), name (1).",
        "Condition: left alone were code.coding (1).",
        "Observation: left alone were performer (1), referenceRange (1).",
        "patients.birth_date: 1 cell names a year or a month alone: its first day was taken.",
        "encounters.start: times of one zone (+01:00) were brought to UTC.",
    ):
        assert said in notes, notes


@pytest.mark.parametrize("name", ["out", "out.json"])
def test_fhir_goes_out_and_back(resources, lines, tmp_path, there_and_back, name):
    tables, written = there_and_back(lines(resources), tmp_path / name, patients=1)
    assert written.checked.startswith("10 resources held to the models of fhir.resources (R4B), 10 of them themselves")
    assert written.rows["observation_components"] == 2 and written.files == (7 if name == "out" else 1)
    if name == "out.json":
        from fhir.resources.R4B.bundle import Bundle

        whole = json.loads((tmp_path / name).read_text())
        assert len(Bundle.model_validate(whole).entry) == 10
    else:
        pressure = json.loads((tmp_path / name / "Observation.ndjson").read_text().splitlines()[1])
        quantity = pressure["component"][0]["valueQuantity"]
        assert quantity == {"value": 127.0, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}
    assert tables.frames["procedures"]["end"][0] == datetime(2026, 1, 2, 11)


def test_bundles_refer_by_addresses_and_lines_by_ids(resources, lines, bundle, same):
    inside = json.loads(json.dumps(resources))
    for each in inside:
        each["\0url"] = f"urn:uuid:{each.pop('id')}"
    text = json.dumps(inside)
    for each in resources:
        text = text.replace(f'"{each["resourceType"]}/{each["id"]}"', f'"urn:uuid:{each["id"]}"')
    same(read_linked(bundle(json.loads(text))), read_linked(lines(resources)))


def test_a_drug_is_read_from_the_medication_it_refers_to(resources, lines):
    request, given = (each for each in resources if each["resourceType"].startswith("Medication"))
    drug = {"resourceType": "Medication", "id": "d", "code": {"coding": [{"system": "urn:drugs", "code": "7"}]}}
    for each, reference in ((request, "Medication/d"), (given, "#d")):
        del each["medicationCodeableConcept"]
        each["medicationReference"] = {"reference": reference}
    given["contained"] = [json.loads(json.dumps(drug))]
    tables = read_linked(lines([*resources, drug]))
    assert tables.frames["medication_requests"]["code"].to_list() == ["urn:drugs|7"]
    assert tables.frames["medication_administrations"]["code"].to_list() == ["urn:drugs|7"]
    assert "MedicationAdministration: its drug read from a contained Medication (1)." in tables.notes
    (lost := json.loads(json.dumps(request)))["medicationReference"] = {"reference": "Medication/gone"}
    lost["id"] = "m2"
    tables = read_linked(lines([*resources, drug, lost], "more"))
    assert "Drugs by references to nothing, and left empty (1)." in tables.notes


def test_references_to_nobody_and_to_others_are_told(resources, lines):
    resources[4]["subject"] = {"reference": "Group/g"}
    resources[6]["subject"] = {"reference": "Patient/nobody"}
    resources[5]["encounter"] = {"reference": "#inside"}
    notes = read_linked(lines([*resources, resources[3]])).notes
    for said in (
        "Observation: of no Patient, and left out (1).",
        "Observation.subject: refers to a Group, which is not followed (1).",
        "Observation.encounter: refers to something contained, which is not followed (1).",
        "Condition: the same as one before, and kept once (1).",
        "observations.patient_id: 1 cell names no row of patients ('nobody').",
    ):
        assert said in notes, notes


def test_ids_of_two_resources_that_differ_are_refused(resources, lines):
    other = {**resources[4], "valueQuantity": {"value": 1}}
    with pytest.raises(DataError, match=r"Observation.ndjson, line 4: the Observation o1 stands in several resources"):
        read_linked(lines([*resources, other]))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"resourceType": "Patient", "id": "a"', r"broken.ndjson, line 2 is not JSON \(Expecting ',' delimiter at column"),
        ('{"id": "a"}', "broken.ndjson, line 2 is no FHIR resource, for it has no resourceType: correct it"),
        ('{"resourceType": "Patient", "x": NaN}', "line 2 is not JSON .*NaN is no number"),
        ("[" * 100_000, "line 2 is (nested deeper than can be read|not JSON)"),
        ('{"resourceType": "Observation", "id": "o", "subject": {"reference": "Patient/a"}, "effectiveDateTime": "noon"}',
         "broken.ndjson: Observation o has 'noon' for its time, which is no date or time of FHIR"),
        ('{"resourceType": "Bundle", "entry": [7]}', "line 2: the entries of its Bundle are no list of objects"),
    ],
)  # fmt: skip
def test_broken_files_are_named_with_their_line(tmp_path, text, sentence):
    place = tmp_path / "broken.ndjson"
    place.write_text('{"resourceType": "Patient", "id": "a"}\n' + text + "\n")
    with pytest.raises(DataError, match=sentence):
        read_linked(place)


def test_packed_lines_are_read_and_half_of_them_are_not(resources, lines, tmp_path, same):
    place = lines(resources)
    for file in place.iterdir():
        with gzip.open(tmp_path / f"{file.name}.gz", "wb") as packed:
            packed.write(file.read_bytes())
    (packed := tmp_path / "packed").mkdir()
    for file in tmp_path.glob("*.gz"):
        file.rename(packed / file.name)
    same(read_linked(place), read_linked(packed))
    half = packed / "Observation.ndjson.gz"
    half.write_bytes(half.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"packed/Observation.ndjson.gz is not a whole gzip file"):
        read_linked(packed)


@pytest.mark.parametrize("name", ["array.json", "array.json.gz", "bundle.json.gz", "each.jsonl.gz", "each.json"])
def test_one_file_is_read_in_every_form_it_comes_in(resources, lines, bundle, tmp_path, same, name):
    text = "\n".join(map(json.dumps, resources)) if name.startswith("each") else json.dumps(resources)
    text = bundle(resources).read_text() if name.startswith("bundle") else text
    place = tmp_path / name
    place.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    same(read_linked(place), read_linked(bundle(resources) if name.startswith("bundle") else lines(resources)))


def test_a_next_page_that_is_not_there_is_told(resources, tmp_path):
    def page(name, own, after, part):
        links = [{"relation": "self", "url": own}, *([{"relation": "next", "url": after}] if after else [])]
        entries = [{"resource": resource} for resource in part]
        (tmp_path / name).write_text(json.dumps({"resourceType": "Bundle", "link": links, "entry": entries}))

    page("a.json", "http://s/1", "http://s/2", resources)
    told = "a.json names a next page ('http://s/2') that is not among what was read"
    assert any(told in note for note in read_linked(tmp_path / "a.json").notes)
    page("b.json", "http://s/2", None, [])
    assert not any("next page" in note for note in read_linked(tmp_path).notes)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"resourceType": "Bundle", "type": "collection"}', "empty.json holds an empty Bundle: give FHIR resources"),
        ('{"resourceType": "Practitioner", "id": "p"}', "empty.json holds no Patient"),
    ],
)
def test_what_holds_nobody_is_refused(tmp_path, text, sentence):
    (tmp_path / "empty.json").write_text(text)
    with pytest.raises(UsageError, match=sentence):
        read_linked(tmp_path / "empty.json")


def test_rows_that_are_no_resources_are_refused(resources, lines, tmp_path):
    tables = read_linked(lines(resources))
    write, frames = STANDARDS["fhir"].write, dict(tables.frames)
    stays = frames["encounters"]
    for change, error, sentence in (
        (stays.with_columns(colour=1), UsageError, "encounters has the column colour, for which Encounter has no place"),
        (
            stays.drop("class"),
            DataError,
            "encounters, data row 1: Encounter e1 is not as .* .class: Field required",
        ),
        (stays.with_columns(encounter_id=pl.lit("a b")), DataError, "Encounter a b is not as FHIR R4 wants it .id: String"),
        (stays.drop("encounter_id"), UsageError, "encounters has no column encounter_id, the id of its resources"),
    ):
        with pytest.raises(error, match=sentence):
            write([{**frames, "encounters": change}], tmp_path / "no")
    with pytest.raises(DataError, match="observation_components: there is no observation o2 in the same part"):
        write(
            [{"patients": frames["patients"], "observation_components": frames["observation_components"]}], tmp_path / "no"
        )
    with pytest.raises(UsageError, match="it has no patients with patient_id"):
        write([{"encounters": stays}], tmp_path / "no")
    assert not (tmp_path / "no").exists()
    whole = frames["observations"].with_columns(value=pl.lit(float("inf")))
    with pytest.raises(DataError, match="observations, data row 1, column 'value': 'inf' is no number"):
        write([{**frames, "observations": whole}], tmp_path / "no")
    nameless = frames["patients"].with_columns(patient_id=pl.lit(None, pl.String))
    with pytest.raises(DataError, match="data row 1, column 'patient_id': the cell is empty, and it is the id"):
        write([{**frames, "patients": nameless}], tmp_path / "no")
    odd = frames["patients"].with_columns(death_time=pl.lit("never"))
    with pytest.raises(DataError, match="patients, data row 1, column 'death_time': 'never' is no date or time"):
        write([{**frames, "patients": odd}], tmp_path / "no")
    written = write([{**frames, "encounters": stays.drop("status")}], tmp_path / "yes")
    assert written.notes == ['1 resource has no status: "unknown" was written.']


@pytest.fixture
def ward():
    """Many encounters and observations in two parts, all alike but for ids, times and numbers."""

    def part(first):
        keys = [f"k{n}" for n in range(first, first + 30)]
        times = [datetime(2026, 1, 1 + n % 28, 8) for n in range(30)]
        about = {"patient_id": ["p"] * 30, "status": ["final"] * 30}
        stays = pl.DataFrame({"encounter_id": keys, "class": "urn:x|IMP", "start": times, "reason": "pain", **about})
        seen = {
            "observation_id": keys,
            "encounter_id": keys,
            "code": "urn:x|NA",
            "time": times,
            "value": 1.0 * first,
            **about,
        }
        parts = pl.DataFrame({"observation_id": keys, "code": "urn:x|K", "value": 2.0, "unit": "mg"})
        tables = {"encounters": stays, "observations": pl.DataFrame(seen), "observation_components": parts}
        return {
            "patients": pl.DataFrame({"patient_id": ["p"] if not first else []}, schema={"patient_id": pl.String}),
            **tables,
        }

    return [part(0), part(30)]


def test_resources_that_are_alike_are_checked_by_one_of_them(ward, tmp_path):
    from fhir.resources.R4B import get_fhir_model_class

    written = STANDARDS["fhir"].write(ward, tmp_path / "out")
    assert "121 resources held" in written.checked and "3 of them themselves" in written.checked
    for path in (tmp_path / "out").iterdir():
        for line in path.read_text().splitlines():
            get_fhir_model_class(path.stem).model_validate_json(line)


@pytest.mark.parametrize(
    ("table", "column", "cell", "said"),
    [
        ("encounters", "encounter_id", "a b", "Encounter a b is not as FHIR R4 wants it .id: String"),
        ("encounters", "class", None, "Encounter k51 is not as .*class: Field required"),
        ("encounters", "reason", "", "Encounter k51 is not as .*text: String"),
        ("encounters", "class", "urn:x| IMP", "Encounter k51 is not as .*code: String"),
        ("encounters", "start", datetime(1, 1, 1), None),
        ("observations", "status", "\t", "Observation k51 is not as .*status: String"),
        ("observation_components", "code", None, "Observation k51 is not as .*code: Field required"),
        ("observation_components", "unit", "", "Observation k51 is not as .*unit: String"),
    ],
)
def test_the_one_that_is_not_alike_is_found(ward, tmp_path, table, column, cell, said):
    """Of a part that is not the first, in the middle of rows that are right."""
    frame = ward[1][table]
    cells = frame[column].to_list()
    cells[21] = cell
    ward[1][table] = frame.with_columns(pl.Series(column, cells, dtype=frame.schema[column]))
    if said is None:
        STANDARDS["fhir"].write(ward, tmp_path / "out")
        assert '"start":"0001-01-01T00:00:00Z"' in (tmp_path / "out" / "Encounter.ndjson").read_text()
        return
    with pytest.raises(DataError, match=f"data row 22: {said}"):
        STANDARDS["fhir"].write(ward, tmp_path / "out")


def test_texts_are_written_as_json_has_them(ward, tmp_path):
    odd = 'a "b" \\ c\n\u2028 é \t'
    ward[0]["encounters"] = ward[0]["encounters"].with_columns(reason=pl.lit(odd))
    STANDARDS["fhir"].write(ward, tmp_path / "out")
    lines = (tmp_path / "out" / "Encounter.ndjson").read_text().split("\n")
    assert json.loads(lines[0])["reasonCode"] == [{"text": odd}] and len(lines) == 61
    assert read_linked(tmp_path / "out").frames["encounters"]["reason"][0] == odd


def test_parts_hold_whole_patients(resources, lines):
    tables = read_linked(lines(resources))
    first, second = parts_of(tables, 1)
    assert first["patients"]["patient_id"].to_list() == ["a"] and second["patients"]["patient_id"].to_list() == ["b"]
    assert second["observations"]["observation_id"].to_list() == ["o3"] and not second["observation_components"].height
    assert "codes" in first and "codes" not in second
    assert all(sum(part[n].height for part in (first, second) if n in part) == f.height for n, f in tables.frames.items())


def test_a_diagnosis_that_is_older_than_its_stay_is_the_patients(resources, lines):
    resources[3]["onsetDateTime"] = "2015-06-01"
    (condition,) = (table for table in read_linked(lines(resources)).schema.tables if table.name == "conditions")
    assert condition.parent == "patients" and condition.to("encounters") is not None


ODD = (None, 7, "x", [], {}, [7], [[]], {"a": 1}, True, {"reference": "Patient/a", "type": "Patient", "display": "A"})


def changes(resource):
    """A resource with each of its parts made something else."""

    def places(node, path=()):
        items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for step, below in items:
            yield (*path, step)
            yield from places(below, (*path, step))

    for path in places(resource):
        for value in ODD if path != ("resourceType",) else ():
            changed = json.loads(json.dumps(resource))
            node = changed
            for step in path[:-1]:
                node = node[step]
            node[path[-1]] = json.loads(json.dumps(value))
            yield path, changed


def test_what_is_remembered_of_elements_is_what_columns_read_of_them(resources):
    """Each resource twice by what is remembered, and by its columns one after the other."""
    source = Source([], "ward", Bounds())
    for each in resources:
        declared = RESOURCES[each["resourceType"]]
        seen, plain = Seen(resolve=source.resolve), Seen(resolve=source.resolve)
        taken = Taken(declared, seen, declared.name, frozenset({"id", "resourceType"}))
        for path, changed in changes(each):
            for _ in range(2):
                row = [None] * len(taken.places)
                left = taken.read(json.loads(json.dumps(changed)), row)
                node, cells = json.loads(json.dumps(changed)), {}
                for column in declared.columns:
                    column.read(node, cells, plain, declared.name)
                lost = [path for key, value in node.items() if key in taken.roots for path in left_of(key, value)]
                lost += [
                    key for key, value in node.items() if key not in {*taken.roots, "id", "resourceType"} and holds(value)
                ]
                assert row == [cells.get(name) for name in taken.places], path
                assert sorted(left) == sorted(lost), path
                assert (seen.displays, seen.units, seen.odd) == (plain.displays, plain.units, plain.odd), path


def test_a_later_version_of_the_same_resource_is_kept_once(resources, lines, bundle):
    again = {**json.loads(json.dumps(resources[4])), "meta": {"versionId": "2"}}
    for name, place in (("lines", lines), ("b.json", bundle)):
        tables = read_linked(place(json.loads(json.dumps([*resources, again])), name))
        assert tables.frames["observations"].height == 3
        assert "Observation: the same as one before, and kept once (1)." in tables.notes


def test_whatever_stands_in_a_place_is_read_or_left_alone(resources):
    """Each part of each resource made something else: no cell, or a sentence."""
    tried = 0
    reader = Reader(Source([], "ward", Bounds()))
    for each in resources:
        for path, changed in changes(each):
            if path == ("id",) and changed["id"] == "x":
                continue  # two of one id are refused
            tried += 1
            if path != ("id",):
                changed["id"] = f"n{tried}"
            reader.add(Found(changed, "ward"))
    for rows in reader.rows.values():
        for place, dtype in enumerate(rows.resource.cells.values()):
            for row in rows.cells if dtype is DATE_TIME else ():  # what is no time is refused with its sentence
                row[place] = None
    frames = reader.content("ward").frames
    assert sum(frame.height for frame in frames.values()) > tried / 2 > 500
