"""What Splink sees: one row per record, one standard column per kind of evidence.

The frame's columns (strings unless said otherwise; a column is there only where some record has a value):
`unique_id`, `source_dataset`; `first_name`, `first_root` (formal name of a nickname), `first_key`, `middle_name`, `last_name`,
`last_key` (keys: consonant skeletons), `name_tokens` (list: every word of every name); `birth_date` (whole dates only), `birth_year`;
`email`, `email_local`, `email_domain`; `phone` (last nine digits); `street`, `house_number`, `address`, `city`, `region`,
`postal_code`, `postal_area`, `country`; `birth_place`, `gender`, `national_id`, `external_id`, `organisation`, `occupation`,
`text`, `text_1`, …, each with `<column>_words` (list), `<column>_code` (longest word with a digit) and `<column>_word` (longest
without) where some value has several words; and `<column>_any` (list) where some record has several values of a type.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from customer360.identity.standardise import SEMANTIC_TYPES, Standardised, standardise
from customer360.identity.standardise.contact import of_standard_phone
from customer360.identity.standardise.dates import birth_date, month_first

# Types of which a record may have several interchangeable values.
_SCALARS = ("middle_name", "region", "country", "gender", "occupation", "birth_place", "house_number", "address")
_SEVERAL_WORDS = 3  # from which a text is compared by its words
_SHORTEST_TELLING = 3  # letters of a word that says something by itself


def frame(attributes: pa.Table, *, region: str | None = None) -> pa.Table:
    """The Splink frame of long-form attributes.

    `attributes` has the columns `record_id`, `source`, `attribute` (semantic type), `value` (raw or standardised: both give
    the same frame, but that the order of day and month is read off a column of raw dates) and optionally `ordinal` (which of several
    values comes first; for `text`, which field it is).
    One row per record_id comes back, sorted by it.
    """
    columns = set(attributes.column_names)
    missing = {"record_id", "source", "attribute", "value"} - columns
    if missing:
        raise ValueError(f"attributes lack the columns {sorted(missing)}")
    ordinal = attributes["ordinal"] if "ordinal" in columns else pa.array([0] * attributes.num_rows, pa.int64())
    records: dict[str, str | None] = dict(zip(attributes["record_id"].to_pylist(), attributes["source"].to_pylist(), strict=True))
    order = sorted(records)
    position = {record: index for index, record in enumerate(order)}
    cells: dict[tuple[str, int], list[str | None]] = {}
    taken: dict[tuple[int, str], int] = {}
    rows = sorted(
        zip(
            attributes["record_id"].to_pylist(),
            attributes["attribute"].to_pylist(),
            ordinal.to_pylist(),
            attributes["value"].to_pylist(),
            strict=True,
        ),
        key=lambda row: (row[0], row[1], row[2], row[3] or ""),
    )
    for record, attribute, rank, value in rows:
        if value is None:
            continue
        index = position[record]
        slot = rank if attribute == "text" else taken.get((index, attribute), 0)
        taken[index, attribute] = slot + 1
        column = cells.setdefault((attribute, slot), [None] * len(order))
        column[index] = value
    wide = {f"{attribute}#{slot}": pa.array(column, pa.string()) for (attribute, slot), column in sorted(cells.items())}
    table = pa.table({"record_id": pa.array(order, pa.string()), "source": pa.array([records[r] for r in order], pa.string()), **wide})
    return frame_of_wide(table, {name: name.split("#", 1)[0] for name in wide}, record_id="record_id", source="source", region=region)


def frame_of_wide(
    table: pa.Table,
    types: Mapping[str, str],
    *,
    record_id: str,
    source: str | None = None,
    region: str | None = None,
    is_standard: bool = False,
) -> pa.Table:
    """The Splink frame of a table with one row per record: `types` gives each column's semantic type.

    `is_standard`: the values are standard forms already (the frame is the same, sooner).
    """
    unknown = sorted(set(types.values()) - set(SEMANTIC_TYPES))
    if unknown:
        raise ValueError(f"unknown semantic types: {unknown}")
    by_type: dict[str, list[_Column]] = {}
    for name, semantic_type in types.items():
        by_type.setdefault(semantic_type, []).append(_Column(semantic_type, table[name], region, is_standard))
    count = table.num_rows
    ids = table[record_id].cast(pa.string())
    sources = table[source].cast(pa.string()) if source else pa.array(["records"] * count, pa.string())
    out: dict[str, Any] = {"unique_id": ids, "source_dataset": pc.fill_null(sources, "records")}
    out |= _names(by_type, count)
    out |= _birth(by_type)
    out |= _contacts(by_type)
    out |= _places(by_type)
    for semantic_type in ("national_id", "external_id", "organisation"):
        out |= _several(semantic_type, [column.part(None) for column in by_type.get(semantic_type, [])])
    known = {*out, "middle_name", *([] if "street" in by_type else ["address"])}  # a line that was taken for the street says nothing twice
    for semantic_type in _SCALARS:
        if semantic_type not in known and semantic_type in by_type:
            out[semantic_type] = _first([column.part(None) for column in by_type[semantic_type]])
    for index, column in enumerate(by_type.get("text", [])):
        out |= _text("text" if index == 0 else f"text_{index}", column.part(None))
    present = {name: values for name, values in out.items() if name in {"unique_id", "source_dataset"} or values.null_count < count}
    return pa.table(present)


class _Column:
    """One raw column, each distinct value standardised once."""

    def __init__(self, semantic_type: str, raw: pa.ChunkedArray, region: str | None, is_standard: bool) -> None:
        encoded = pc.dictionary_encode(raw.cast(pa.string()).combine_chunks())
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.combine_chunks()
        self._indices = encoded.indices
        values = encoded.dictionary.to_pylist()
        self.standardised: list[Standardised]
        if is_standard and semantic_type == "phone":
            self.standardised = [of_standard_phone(value) for value in values]
        elif semantic_type == "birth_date":  # one column writes its dates in one order
            order = month_first(value for value in values if value)
            self.standardised = [birth_date(value or "", region, month_first=order) for value in values]
        else:
            self.standardised = [standardise(semantic_type, value or "", region=region) for value in values]

    def part(self, name: str | None) -> pa.Array:
        """The value (None) or a named part per row."""
        chosen = [found.value if name is None else found.parts.get(name) for found in self.standardised]
        return pa.array([value or None for value in chosen], pa.string()).take(self._indices)


def _first(arrays: Sequence[pa.Array]) -> pa.Array:
    return arrays[0] if len(arrays) == 1 else pc.coalesce(*arrays)


def _several(name: str, arrays: Sequence[pa.Array]) -> dict[str, pa.Array]:
    """The first value as `name`; with several columns also the list of all as `<name>_any`."""
    if not arrays:
        return {}
    out = {name: _first(arrays)}
    if len(arrays) > 1:
        rows = zip(*(array.to_pylist() for array in arrays), strict=True)
        values = [sorted({value for value in row if value}) or None for row in rows]
        if any(found is not None and len(found) > 1 for found in values):
            out[f"{name}_any"] = pa.array(values, pa.list_(pa.string()))
    return out


def _text(name: str, values: pa.Array) -> dict[str, pa.Array]:
    """A text, and where some value has several words also what to compare them by: titles are reworded and shortened."""
    encoded = pc.dictionary_encode(values)
    split = [value.split() for value in encoded.dictionary.to_pylist()]
    if not any(len(words) >= _SEVERAL_WORDS for words in split):
        return {name: values}
    told = [(sorted(set(words)), _longest(words, with_digit=True), _longest(words, with_digit=False)) for words in split]
    kinds = (pa.list_(pa.string()), pa.string(), pa.string())
    parts = [pa.array([one[place] for one in told], kind).take(encoded.indices) for place, kind in enumerate(kinds)]
    return {name: values, **dict(zip((f"{name}_words", f"{name}_code", f"{name}_word"), parts, strict=True))}


def _longest(words: Sequence[str], *, with_digit: bool) -> str | None:
    """The longest word that has a digit (a model or part number), or none; of equally long ones the first by alphabet."""
    fitting = [word for word in words if any(map(str.isdigit, word)) == with_digit and len(word) >= _SHORTEST_TELLING]
    return min(fitting, key=lambda word: (-len(word), word), default=None)


def _squeeze(array: pa.Array) -> pa.Array:
    return pc.replace_substring(array, " ", "")


def _names(by_type: Mapping[str, list[_Column]], count: int) -> dict[str, pa.Array]:
    whole = by_type.get("full_name", [])
    first = [column.part(None) for column in by_type.get("first_name", [])]
    roots = [column.part("root") for column in by_type.get("first_name", [])]
    last = [column.part(None) for column in by_type.get("last_name", [])]
    middle = [column.part(None) for column in by_type.get("middle_name", [])]
    full = [column.part(None) for column in whole]
    if not (first or last or full):
        return {}
    nothing = pa.nulls(count, pa.string())
    if full:
        first = [*first, *(column.part("first_name") for column in whole)]
        roots = [*roots, *(_roots(column.part("first_name")) for column in whole)]
        last = [*last, *(pc.coalesce(column.part("last_name"), column.part(None)) for column in whole)]  # a single word may be the family's
        middle = [*middle, *(column.part("middle_name") for column in whole)]
    out: dict[str, pa.Array] = {}
    # names of the record's own columns come first; parts of a full name only fill gaps (they would double the evidence)
    own_first, own_last = len(by_type.get("first_name", [])), len(by_type.get("last_name", []))
    out |= _several("first_name", first[:own_first] or first)
    out |= _several("last_name", [_squeeze(array) for array in (last[:own_last] or last)])
    if full and own_first and own_last:
        # a record with no name but the whole one
        has_none = pc.and_(pc.is_null(out["first_name"]), pc.is_null(out["last_name"]))
        out["first_name"] = pc.if_else(has_none, first[own_first], out["first_name"])
        out["last_name"] = pc.if_else(has_none, _squeeze(last[own_last]), out["last_name"])
    out["first_root"] = _first(roots) if roots else nothing
    if middle:
        out["middle_name"] = _first(middle)
    out["first_key"] = _skeletons(out["first_name"]) if "first_name" in out else nothing
    out["last_key"] = _skeletons(out["last_name"]) if "last_name" in out else nothing
    bags = [array.to_pylist() for array in [*first, *middle, *last, *full]]
    tokens = [sorted({word for value in row if value for word in value.split()}) or None for row in zip(*bags, strict=True)]
    out["name_tokens"] = pa.array(tokens, pa.list_(pa.string()))
    return out


def _roots(names: pa.Array) -> pa.Array:
    encoded = pc.dictionary_encode(names)
    roots = [standardise("first_name", value or "").parts.get("root") for value in encoded.dictionary.to_pylist()]
    return pa.array(roots, pa.string()).take(encoded.indices)


def _skeletons(names: pa.Array) -> pa.Array:
    encoded = pc.dictionary_encode(names)
    return pa.array([skeleton(value) for value in encoded.dictionary.to_pylist()], pa.string()).take(encoded.indices)


def skeleton(name: str | None) -> str | None:
    """First letter and the following consonants without repeats, at most four ('thompson' → 'tmps'; 'h' and 'y' count as vowels)."""
    letters = [character for character in name or "" if character.isalnum()]
    if not letters:
        return None
    kept = [letters[0]]
    for character in letters[1:]:
        if character not in "aeiouyhw" and character != kept[-1]:
            kept.append(character)
    return "".join(kept[:4])


def _birth(by_type: Mapping[str, list[_Column]]) -> dict[str, pa.Array]:
    out: dict[str, pa.Array] = {}
    years = []
    if "birth_date" in by_type:
        dates = _first([column.part(None) for column in by_type["birth_date"]])
        out["birth_date"] = pc.if_else(pc.equal(pc.utf8_length(dates), 10), dates, pa.scalar(None, pa.string()))
        years += [column.part("year") for column in by_type["birth_date"]]
    years += [column.part("year") for column in by_type.get("birth_year", [])]
    if years:
        out["birth_year"] = _first(years)
    return out


def _contacts(by_type: Mapping[str, list[_Column]]) -> dict[str, pa.Array]:
    out: dict[str, pa.Array] = {}
    if mails := by_type.get("email"):
        out |= _several("email", [column.part(None) for column in mails])
        out["email_local"] = _first([column.part("local") for column in mails])
        out["email_domain"] = _first([column.part("domain") for column in mails])
    if phones := by_type.get("phone"):
        out |= _several("phone", [column.part("tail") for column in phones])
    return out


def _places(by_type: Mapping[str, list[_Column]]) -> dict[str, pa.Array]:
    out: dict[str, pa.Array] = {}
    streets, lines = by_type.get("street", []), by_type.get("address", [])
    numbers = [column.part(None) for column in by_type.get("house_number", [])]
    if streets:
        out |= _several("street", [column.part("name") for column in streets])
        numbers += [column.part("house_number") for column in streets]
        if lines:
            out["address"] = _first([column.part(None) for column in lines])
    elif lines:
        out |= _several("street", [column.part("name") for column in lines])
        numbers += [column.part("house_number") for column in lines]
    if numbers:
        out["house_number"] = _first(numbers)
    if codes := by_type.get("postal_code"):
        out |= _several("postal_code", [column.part(None) for column in codes])
        out["postal_area"] = _first([column.part("area") for column in codes])
    if cities := by_type.get("city"):
        out |= _several("city", [column.part(None) for column in cities])
    return out
