"""One code as each standard writes it.

    FHIR  http://loinc.org|2951-2        OMOP  LOINC, 2951-2 in concept        MEDS  MEASUREMENT//LOINC//2951-2

MEDS has one column for what kind of event it is and for its code: the first word tells the kind, where it is one of those
that are known; codes LOINC/2951-2, as made from OMOP, tell it by their vocabulary. A code of MEDS that tells none is kept
whole, as words.
"""

from __future__ import annotations

__all__ = [
    "LOCAL", "MEASURED", "MEASURES", "OBSERVED", "OHDSI", "ORDERED", "WORDS", "kind_of", "of_meds", "to_meds", "token_of",
    "vocabulary_of",
]  # fmt: skip

OHDSI = "https://fhir-terminology.ohdsi.org"
"""The system of concepts by their numbers."""
LOCAL = "local"
"""The vocabulary of codes of systems that OMOP has no name for, and of words."""

_SYSTEMS = {
    "http://snomed.info/sct": "SNOMED",
    "http://loinc.org": "LOINC",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "RxNorm",
    "http://hl7.org/fhir/sid/icd-10-cm": "ICD10CM",
    "http://hl7.org/fhir/sid/icd-10": "ICD10",
    "http://hl7.org/fhir/sid/icd-9-cm": "ICD9CM",
    "http://www.cms.gov/Medicare/Coding/ICD10": "ICD10PCS",
    "http://hl7.org/fhir/sid/ndc": "NDC",
    "http://hl7.org/fhir/sid/cvx": "CVX",
    "http://www.ama-assn.org/go/cpt": "CPT4",
    "http://www.whocc.no/atc": "ATC",
    "http://unitsofmeasure.org": "UCUM",
}
"""The systems of FHIR, and the vocabularies of OMOP that they are."""
_VOCABULARIES = {name: system for system, name in _SYSTEMS.items()}

WORDS = {"conditions": "CONDITION", "drugs": "DRUG", "procedures": "PROCEDURE"}
ORDERED, MEASURED, OBSERVED = "DRUG_ORDER", "MEASUREMENT", "OBSERVATION"
"""The first words of codes that are written."""
MEASURES = (MEASURED, "LAB", "VITAL", "VITALS")
_KINDS = {
    **dict.fromkeys(("CONDITION", "DIAGNOSIS"), "conditions"),
    **dict.fromkeys(("DRUG", "MEDICATION", "DRUG_ORDER", "PRESCRIPTION"), "drugs"),
    "PROCEDURE": "procedures",
    **dict.fromkeys((*MEASURES, OBSERVED), "findings"),
}
"""What the first word of a code of MEDS says of its event."""
_OF_VOCABULARY = {
    **dict.fromkeys(("ICD10CM", "ICD10", "ICD9CM"), "conditions"),
    **dict.fromkeys(("RxNorm", "NDC", "ATC", "CVX"), "drugs"),
    **dict.fromkeys(("ICD10PCS", "CPT4"), "procedures"),
    "LOINC": "findings",
}
"""What a vocabulary says that is of one kind."""


def vocabulary_of(token: str) -> tuple[str, str]:
    """(vocabulary, code) of a token, as OMOP's concept has them."""
    system, bar, code = token.rpartition("|")
    return (_SYSTEMS[system], code) if bar and system in _SYSTEMS else (LOCAL, token)


def token_of(vocabulary: str, code: str) -> str:
    """The token of a code of a vocabulary."""
    if vocabulary == LOCAL:
        return code
    return f"{_VOCABULARIES.get(vocabulary, vocabulary)}|{code}"


def kind_of(code: str) -> str | None:
    """Which table in common an event of MEDS is of, by its code; None where that tells none."""
    word = code.partition("//")[0]
    if word.upper() in _KINDS:
        return _KINDS[word.upper()]
    return _OF_VOCABULARY.get(code.partition("/")[0])


def of_meds(code: str) -> str:
    """The token of a code of MEDS."""
    word, _, rest = code.partition("//")
    if word in (*WORDS.values(), ORDERED, MEASURED, OBSERVED) and rest:
        vocabulary, slashes, within = rest.rpartition("//")
        if not slashes:
            return rest
        return token_of(vocabulary, within) if vocabulary in _VOCABULARIES or ":" in vocabulary else rest
    vocabulary, _, within = code.partition("/")
    return token_of(vocabulary, within) if vocabulary in _VOCABULARIES and within else code


def to_meds(token: str, word: str, kind: str) -> str:
    """The code of MEDS of a token; `word` is the first where it does not tell its kind itself."""
    system, bar, code = token.rpartition("|")
    if not bar and kind_of(token) == kind:
        return token
    return f"{word}//{_SYSTEMS.get(system, system)}//{code}" if system else f"{word}//{token}"
