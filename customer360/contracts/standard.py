"""First pass: does the document follow the Open Data Contract Standard, key by key?

`open-data-contract-standard` describes the keys and their types but drops misspelled nested ones; they are reported here. Keys of the
standard that state a rule we would not enforce are refused, because a rule that is silently ignored is worse than none.
"""

from __future__ import annotations

from typing import Any, Union, get_args, get_origin

from open_data_contract_standard.model import CustomProperty, OpenDataContractStandard
from pydantic import BaseModel, ValidationError

from customer360.contracts.document import Document, Path_
from customer360.contracts.problems import did_you_mean

_SUITE = "put the rule in great_expectations/expectations/<system>/<object>.json"
_NESTED = "declare each inner field as a field of its own, with its dotted path as physicalName"

# model of the standard -> keys that would have no effect here, and what to write instead
_WITHOUT_EFFECT: dict[str, dict[str, str]] = {
    "SchemaObject": {"quality": _SUITE, "relationships": "write the relationship at its field"},
    "SchemaProperty": {
        "quality": _SUITE,
        "logicalTypeOptions": _SUITE,
        "enum": _SUITE,
        "properties": _NESTED,
        "items": _NESTED,
        "map": _NESTED,
        "transformLogic": "contracts describe sources; transformations belong in dbt_project/",
        "encryptedName": "classify the field as personal; masking follows",
    },
    "ServiceLevelAgreementProperty": {
        "schedule": "write the cron as value of the property schedule",
        "element": "agreements hold for the whole source",
    },
    "Server": dict.fromkeys(
        ("host", "port", "account", "warehouse", "serviceName", "endpointUrl"),
        "put it in the connection's URI (C360_CONN_<NAME>), not in the contract",
    ),
    "Relationship": {"from": "a relationship starts at the field it stands at"},
}


def check(document: Document) -> bool:
    """Report unknown and useless keys and values of the wrong type; whether the shape is right, so that meaning can be checked."""
    _walk(document, (), document.data, OpenDataContractStandard)
    try:
        OpenDataContractStandard.model_validate(_without_unknown(document.data), strict=True)
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_input=False):
            path = _clean(detail["loc"], document.data)
            document.report(path, f"{path[-1] if path else 'contract'}: {detail['msg'].lower()}", "see the Open Data Contract Standard v3")
        return False
    return True


def _walk(document: Document, path: Path_, value: Any, model: type[BaseModel]) -> None:
    if not isinstance(value, dict):
        return  # pydantic names the wrong type
    known = {info.alias or name: info.annotation for name, info in model.model_fields.items()}
    useless = _WITHOUT_EFFECT.get(model.__name__, {})
    for key, child in value.items():
        where = (*path, key)
        if key in useless:
            document.report(where, f"{key} would have no effect here", useless[key])
        elif key not in known:
            document.report(where, f"unknown key {key!r}", did_you_mean(key, set(known) - set(useless)))
        elif child is not None and not (model is CustomProperty and key == "value"):
            _walk_into(document, where, child, known[key])


def _walk_into(document: Document, path: Path_, value: Any, annotation: Any) -> None:
    for model in _models(annotation):
        if isinstance(value, list):
            for position, item in enumerate(value):
                _walk(document, (*path, position), item, model)
        else:
            _walk(document, path, value, model)
        return


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The models an annotation names, the one for a mapping first: `Team | list[TeamMember]` → Team, TeamMember."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) is not None or get_origin(annotation) is Union:
        return [model for part in get_args(annotation) for model in _models(part)]
    return []


def _without_unknown(data: dict[str, Any]) -> dict[str, Any]:
    """Unknown keys at the top, which the model refuses, were reported already."""
    known = {info.alias or name for name, info in OpenDataContractStandard.model_fields.items()}
    return {key: value for key, value in data.items() if key in known}


def _clean(location: tuple[str | int, ...], data: Any) -> Path_:
    """Where an error of pydantic stands, without the names of union members, which lead nowhere in the document."""
    path: list[str | int] = []
    for part in location:
        in_mapping = isinstance(data, dict) and part in data
        in_list = isinstance(data, list) and isinstance(part, int) and part < len(data)
        if in_mapping or in_list:
            data = data[part]
            path.append(part)
    return tuple(path)
