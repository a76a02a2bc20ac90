"""Whatever is done to a contract, the reader answers with a contract or with a ContractError: never with another traceback."""

from __future__ import annotations

import copy

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customer360.contracts import document, references, source, standard
from customer360.contracts.problems import ContractError
from tests.unit.contracts.legal import LEGAL

WORDS = st.sampled_from(
    ["email", "club.members.member_id", "c360_loader", "15m", "* * * * *", "person", "api", "local", "csv", "numeric(3,9)", "{since}", ""]
)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.floats(allow_nan=True), st.text(max_size=12), WORDS, st.integers(10**30, 10**31)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["property", "value", "name", "type", "cursor", "of", "kind", "x", "auth", "q"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


def paths(value, path=()):
    yield path
    if isinstance(value, dict):
        for key, child in value.items():
            yield from paths(child, (*path, key))
    elif isinstance(value, list):
        for position, child in enumerate(value):
            yield from paths(child, (*path, position))


PATHS = [path for path in paths(LEGAL) if path]
KEYS = sorted(
    {str(part) for path in PATHS for part in path if isinstance(part, str)} | {"quality", "items", "endpoint", "client", "sweep", "unknown"}
)


@st.composite
def mutated(draw):
    """The legal contract after one to four changes: a value replaced, removed, renamed, doubled or added."""
    data = copy.deepcopy(LEGAL)
    for _ in range(draw(st.integers(1, 4))):
        path = draw(st.sampled_from(PATHS))
        holder = data
        try:
            for part in path[:-1]:
                holder = holder[part]
            _change(draw, holder, path[-1])
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took it away
    return data


def _change(draw, holder, key):
    match draw(st.sampled_from(["replace", "remove", "add", "double", "rename"])):
        case "replace":
            holder[key] = draw(VALUES)
        case "remove":
            del holder[key]
        case "add" if isinstance(holder, dict):
            holder[draw(st.sampled_from(KEYS))] = draw(VALUES)
        case "double" if isinstance(holder, list):
            holder.append(copy.deepcopy(holder[key]))
        case "rename" if isinstance(holder, dict):
            holder[draw(st.sampled_from(KEYS))] = holder.pop(key)


def read(content: bytes):
    """As the reader does it, without a file: 400 files would be most of the test's time."""
    parsed = document.parse(content, shown_as="club.yaml")
    draft = source.build(parsed) if standard.check(parsed) else None
    if draft is not None:
        references.check([draft], complete=True)
    if parsed.problems:
        raise ContractError(parsed.problems)
    assert draft is not None, "neither a contract nor a problem"
    return draft.contract


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutated())
def test_a_mutated_contract_is_read_or_refused_with_reasons(data):
    try:
        contract = read(yaml.safe_dump(data, allow_unicode=True).encode())
    except ContractError as error:
        assert error.problems
        assert all(problem.message and problem.fix for problem in error.problems)
        str(error)
    else:
        for obj in contract.objects:
            assert obj.key
            assert all(obj.field(name).required for name in obj.key)
            assert obj.extract.cursor is None or obj.field(obj.extract.cursor)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_file_with_garbled_bytes_is_read_or_refused(data):
    content = bytearray(yaml.safe_dump(LEGAL).encode())
    for _ in range(data.draw(st.integers(1, 5))):
        start = data.draw(st.integers(0, len(content) - 1))
        length = data.draw(st.integers(0, 20))
        content[start : start + length] = data.draw(
            st.binary(max_size=6) | st.sampled_from([b"\n", b": ", b"- ", b"&a ", b"*a", b"!!int ", b"{", b"["])
        )
    try:
        read(bytes(content))
    except ContractError as error:
        assert error.problems
