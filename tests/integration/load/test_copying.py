"""What a reader writes for COPY is what its rows hold."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customer360.extract.json_documents import NotADocument
from customer360.extract.json_shape import Shape
from customer360.extract.protocol import Rows

pytestmark = pytest.mark.integration

texts = st.sampled_from(("", r"\N", "\\", "\t", "a\nb", "\r", r"\.", "N", "ä", "\x7f", "\x85", "\u2028", '"', "null")) | st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
documents = st.fixed_dictionaries({}, optional=dict.fromkeys(("a", "b", "in", "extra", "more"), values))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(several=st.lists(documents, min_size=1, max_size=60), tight=st.booleans())
def test_lines_for_copy_arrive_as_their_rows(module_warehouse: Any, several: list[Any], tight: bool) -> None:
    separators = (",", ":") if tight else (", ", ": ")
    lines = [json.dumps(document, ensure_ascii=False, separators=separators).encode() + b"\n" for document in several]
    shape = Shape((("a", None), ("b", "seconds"), ("in.side", None)), learns_from=1)
    for line in lines:
        with suppress(NotADocument):
            shape.read(line)
    parts = [part for line in lines if (part := shape.rows(line))] + ([part] if (part := shape.rows(b"".join(lines))) else [])
    rows = [row for part in parts for row in part.rows]
    with module_warehouse.connect(autocommit=False) as connection:
        connection.execute("create temporary table copied (number bigint generated always as identity, a text, b text, c text, extra text)")
        with connection.cursor() as cursor, cursor.copy("copy copied (a, b, c, extra) from stdin") as copy:
            for part in parts:
                copy.write("".join(f"{line}\n" for line in part.copy_lines or ()))
        found = connection.execute("select a, b, c, extra from copied order by number").fetchall()
        connection.rollback()
    assert found == rows
    assert all(isinstance(part, Rows) and part.copy_lines is not None and len(part.copy_lines) == len(part.rows) for part in parts)
