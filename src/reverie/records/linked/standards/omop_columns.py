"""The columns of OMOP CDM v5.4, by table: their types, which are required, how long their text may be.

Facts of the published specification, held in the tests to the definitions of the library omop-cdm. An exclamation mark
requires a cell. The name tells the type but where one is given: x_id is whole, x_date a day, x_datetime a time, x_value and
x_reason text.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

__all__ = ["COLUMNS", "LOOKUPS", "TITLE", "Cell"]

TITLE = "OMOP CDM v5.4"

LOOKUPS = ("location", "care_site", "provider", "concept")
"""Tables that are about no person; each is there before what refers to it."""


@dataclass(frozen=True)
class Cell:
    """What stands in a column: its type, whether it must, and the longest text (0: any)."""

    dtype: pl.DataType
    required: bool = False
    length: int = 0


_DECLARED = {
    "person": """
        person_id! gender_concept_id! year_of_birth:int! month_of_birth:int day_of_birth:int birth_datetime race_concept_id!
        ethnicity_concept_id! location_id provider_id care_site_id person_source_value gender_source_value
        gender_source_concept_id race_source_value race_source_concept_id ethnicity_source_value ethnicity_source_concept_id
    """,
    "visit_occurrence": """
        visit_occurrence_id! person_id! visit_concept_id! visit_start_date! visit_start_datetime visit_end_date!
        visit_end_datetime visit_type_concept_id! provider_id care_site_id visit_source_value visit_source_concept_id
        admitted_from_concept_id admitted_from_source_value discharged_to_concept_id discharged_to_source_value
        preceding_visit_occurrence_id
    """,
    "condition_occurrence": """
        condition_occurrence_id! person_id! condition_concept_id! condition_start_date! condition_start_datetime
        condition_end_date condition_end_datetime condition_type_concept_id! condition_status_concept_id stop_reason:20
        provider_id visit_occurrence_id visit_detail_id condition_source_value condition_source_concept_id
        condition_status_source_value
    """,
    "drug_exposure": """
        drug_exposure_id! person_id! drug_concept_id! drug_exposure_start_date! drug_exposure_start_datetime
        drug_exposure_end_date! drug_exposure_end_datetime verbatim_end_date drug_type_concept_id! stop_reason:20
        refills:int quantity:float days_supply:int sig:text route_concept_id lot_number:50 provider_id visit_occurrence_id
        visit_detail_id drug_source_value drug_source_concept_id route_source_value dose_unit_source_value
    """,
    "procedure_occurrence": """
        procedure_occurrence_id! person_id! procedure_concept_id! procedure_date! procedure_datetime procedure_end_date
        procedure_end_datetime procedure_type_concept_id! modifier_concept_id quantity:int provider_id visit_occurrence_id
        visit_detail_id procedure_source_value procedure_source_concept_id modifier_source_value
    """,
    "measurement": """
        measurement_id! person_id! measurement_concept_id! measurement_date! measurement_datetime measurement_time:10
        measurement_type_concept_id! operator_concept_id value_as_number:float value_as_concept_id unit_concept_id
        range_low:float range_high:float provider_id visit_occurrence_id visit_detail_id measurement_source_value
        measurement_source_concept_id unit_source_value unit_source_concept_id value_source_value measurement_event_id
        meas_event_field_concept_id
    """,
    "observation": """
        observation_id! person_id! observation_concept_id! observation_date! observation_datetime
        observation_type_concept_id! value_as_number:float value_as_string:60 value_as_concept_id qualifier_concept_id
        unit_concept_id provider_id visit_occurrence_id visit_detail_id observation_source_value
        observation_source_concept_id unit_source_value qualifier_source_value value_source_value observation_event_id
        obs_event_field_concept_id
    """,
    "death": """
        person_id! death_date! death_datetime death_type_concept_id cause_concept_id cause_source_value
        cause_source_concept_id
    """,
    "location": """
        location_id! address_1:50 address_2:50 city:50 state:2 zip:9 county:20 location_source_value country_concept_id
        country_source_value:80 latitude:float longitude:float
    """,
    "care_site": """
        care_site_id! care_site_name:255 place_of_service_concept_id location_id care_site_source_value
        place_of_service_source_value
    """,
    "provider": """
        provider_id! provider_name:255 npi:20 dea:20 specialty_concept_id care_site_id year_of_birth:int gender_concept_id
        provider_source_value specialty_source_value specialty_source_concept_id gender_source_value
        gender_source_concept_id
    """,
    "concept": """
        concept_id! concept_name:255! domain_id:20! vocabulary_id:20! concept_class_id:20! standard_concept:1
        concept_code:50! valid_start_date! valid_end_date! invalid_reason:1
    """,
}

_TYPES = {"int": pl.Int64(), "float": pl.Float64(), "text": pl.String()}
_SUFFIXES = {"_id": pl.Int64(), "_date": pl.Date(), "_datetime": pl.Datetime("us")}


def _cell(name: str, said: str, required: bool) -> Cell:
    if said in _TYPES:
        return Cell(_TYPES[said], required)
    if said:
        return Cell(pl.String(), required, int(said))
    dtype = next((dtype for suffix, dtype in _SUFFIXES.items() if name.endswith(suffix)), None)
    return Cell(dtype, required) if dtype is not None else Cell(pl.String(), required, 50)


def _columns(text: str) -> dict[str, Cell]:
    cells = {}
    for word in text.split():
        name, _, said = word.rstrip("!").partition(":")
        cells[name] = _cell(name, said, word.endswith("!"))
    return cells


COLUMNS: dict[str, dict[str, Cell]] = {table: _columns(text) for table, text in _DECLARED.items()}
"""By table the columns of the standard, in its order."""
