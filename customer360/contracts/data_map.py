"""The data map (docs/data-map.md), written from the contracts: what we take from where, how often, and who may read it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta

from customer360.contracts import vocabulary as words
from customer360.contracts.model import Extract, Field, FieldRef, SourceContract, SourceObject

_PROTOCOLS = {
    "postgresql": "PostgreSQL, `COPY`",
    "api": "HTTPS, REST",
    "local": "files in a folder",
    "s3": "files in an object store (S3)",
    "sftp": "files over SFTP",
    "kafka": "message bus (Kafka)",
    "amqp": "message bus (RabbitMQ)",
    "webhook": "webhook",
}


def render(contracts: Mapping[str, SourceContract]) -> str:
    """The whole page as Markdown; the same contracts give the same text."""
    lines = [
        "# Data map",
        "",
        "Written by `customer360 contracts data-map` from `contracts/`; do not edit. Times are UTC.",
        "",
        *_overview(contracts),
        *_personal(contracts),
        *_classifications(contracts),
    ]
    for contract in contracts.values():
        lines += _system(contract)
    return "\n".join(lines).rstrip() + "\n"


def render_objects(contract: SourceContract, names: Collection[str]) -> str:
    """Some objects of one source, as in the data map."""
    lines = [line for obj in contract.objects if obj.name in names for line in _object(contract, obj)]
    return "\n".join(lines).rstrip()


def _overview(contracts: Mapping[str, SourceContract]) -> Iterator[str]:
    yield from ("## Source systems", "", "| system | what | protocol | schedule (cron) | fresh within | objects | owner | may read raw |")
    yield "|---|---|---|---|---|---|---|---|"
    for contract in contracts.values():
        cells = [
            f"[{contract.system}](#{contract.system})",
            contract.title,
            _PROTOCOLS[contract.kind],
            f"`{contract.schedule}`",
            _span(contract.freshness),
            str(len(contract.objects)),
            f"{contract.owner} ({contract.owner_address})",
            ", ".join(f"`{role}`" for role in contract.readers),
        ]
        yield _row(cells)
    yield ""
    yield "Analysts (`c360_analyst`) read the schema `marts` alone, where personal fields are masked."
    yield "The steward reads the fields of raw that are not personal."
    yield ""


def _personal(contracts: Mapping[str, SourceContract]) -> Iterator[str]:
    yield from ("## Where personal data stands", "", "| kind | fields |", "|---|---|")
    found: dict[str, list[str]] = {}
    for contract in contracts.values():
        for obj in contract.objects:
            for field in obj.fields:
                if field.is_personal:
                    found.setdefault(field.classification, []).append(f"`{obj.full_name}.{field.name}`")
    for classification in sorted(found):
        yield _row([f"{classification}: {words.CLASSIFICATIONS[classification]}", ", ".join(found[classification])])
    yield ""
    yield "Fields that a source sends and no contract declares are kept in `_extra` and count as personal."
    yield ""


def _classifications(contracts: Mapping[str, SourceContract]) -> Iterator[str]:
    identity: dict[str, list[str]] = {}
    for contract in contracts.values():
        for obj in contract.objects:
            for field in obj.fields:
                if field.semantic_type:
                    identity.setdefault(field.semantic_type, []).append(f"`{obj.full_name}.{field.name}`")
    yield from ("## What identity reads", "", "| semantic type | fields |", "|---|---|")
    for semantic_type in sorted(identity):
        yield _row([semantic_type, ", ".join(identity[semantic_type])])
    yield ""


def _system(contract: SourceContract) -> Iterator[str]:
    yield from (f"## {contract.system}", "", f"{contract.title}, version {contract.version}. {contract.description}", "")
    for obj in contract.objects:
        yield from _object(contract, obj)


def _object(contract: SourceContract, obj: SourceObject) -> Iterator[str]:
    yield from (
        f"### {obj.full_name}",
        "",
        f"{obj.description} Grain: {obj.grain}. Table `raw.{obj.table}`, key `{', '.join(obj.key)}`.".strip(),
        "",
    )
    yield f"Read: {_how(contract, obj)}."
    if obj.entity is not None:
        yield ""
        yield f"Identity: {_entity(obj)}."
    yield from (
        "",
        "| field | at the source | type | required | classification | meaning | points to | what |",
        "|---|---|---|---|---|---|---|---|",
    )
    for field in obj.fields:
        yield _row(_field(obj, field))
    yield ""


def _how(contract: SourceContract, obj: SourceObject) -> str:
    extract = obj.extract
    parts = [f"{_PROTOCOLS[contract.kind]} (`{obj.source_name}`)"]
    if extract.files:
        compressed = f", {extract.compression}" if extract.compression else ""
        parts = [f"{_PROTOCOLS[contract.kind]}, `{extract.files}` ({extract.format}{compressed})"]
    parts.append(_order(extract))
    if extract.lookback:
        parts.append(f"looking back {_span(extract.lookback)}")
    deletes = extract.deletes
    if deletes.flag:
        parts.append(f"deletes by the flag `{deletes.flag}`")
    if deletes.sweep:
        parts.append(f"deletes by a sweep of all keys (`{deletes.sweep}`)")
    if deletes.snapshot:
        parts.append("deletes by absence from a snapshot")
    return ", ".join(parts)


def _order(extract: Extract) -> str:
    if extract.changes:
        return f"every change, through the publication `{extract.changes.publication}`"
    if extract.cursor:
        return f"by `{extract.cursor}`"
    return "as they come" if extract.stream else "in full"


def _entity(obj: SourceObject) -> str:
    entity = obj.entity
    if entity is None:
        return ""
    text = f"each row adds to a {entity.kind} of `{entity.of}`" if entity.of else f"each row describes a {entity.kind}"
    text += f", record key `{', '.join(entity.key)}`"
    if entity.where:
        text += ", where " + " and ".join(f"`{name}` is `{value}`" for name, value in entity.where.items())
    return text


def _field(obj: SourceObject, field: Field) -> list[str]:
    required = "key" if field.name in obj.key else "yes" if field.required else ""
    meaning = field.semantic_type or ""
    if field.verifies:
        meaning = f"verifies `{field.verifies}`"
    points = [_reference("same customer as", field.same_customer), _reference("", field.references)]
    return [
        f"`{field.name}`",
        f"`{field.source_name}`" if field.source_name != field.name else "",
        field.sql_type,
        required,
        field.classification,
        meaning,
        " ".join(point for point in points if point),
        field.description,
    ]


def _reference(words_before: str, reference: FieldRef | None) -> str:
    if reference is None:
        return ""
    return f"{words_before} `{reference.system}.{reference.object}.{reference.field}`".strip()


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ").strip() for cell in cells) + " |"


def _span(span: timedelta) -> str:
    """The shortest way to write a time span: `15 min`, `24 h`."""
    seconds = span.total_seconds()
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds % size == 0 and (unit != "d" or seconds > size):
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:g} s"
