"""The words a contract may use: semantic types, classifications, logical and physical types, and the keys of each entry."""

from __future__ import annotations

import re
from types import MappingProxyType

# What a field means for identity (DESIGN: "Stable interfaces").
SEMANTIC_TYPES = frozenset(
    {
        "first_name", "middle_name", "last_name", "full_name", "birth_date", "birth_year", "birth_place", "gender", "email", "phone",
        "street", "house_number", "address", "city", "region", "postal_code", "country", "national_id", "organisation", "occupation",
        "external_id", "text",
    }
)  # fmt: skip

# Fields of these meanings are personal wherever they stand.
PERSONAL_SEMANTIC_TYPES = frozenset(
    {
        "first_name", "middle_name", "last_name", "full_name", "birth_date", "birth_year", "birth_place", "gender", "email", "phone",
        "street", "house_number", "address", "national_id",
    }
)  # fmt: skip

# classification -> what it covers (shown in the data map). Everything that begins with 'personal' is masked for analysts.
CLASSIFICATIONS = MappingProxyType(
    {
        "public": "may be published",
        "internal": "for everyone who works here",
        "personal.name": "names of a person",
        "personal.contact": "mail addresses, telephone numbers, handles",
        "personal.address": "postal addresses and their parts",
        "personal.birth": "date, year or place of birth",
        "personal.demographic": "gender, family, language and the like",
        "personal.identifier": "numbers that stand for one person",
        "personal.online_id": "cookies, device ids, network addresses",
        "personal.location": "where a person is or was",
        "personal.financial": "bank accounts, cards, income",
        "personal.health": "health",
        "personal.opinion": "answers, ratings, opinions of a person",
        "personal.free_text": "text in which anything may stand",
    }
)

# logical type -> PostgreSQL type when the contract names none
DEFAULT_SQL_TYPE = MappingProxyType(
    {
        "string": "text",
        "integer": "bigint",
        "number": "numeric",
        "boolean": "boolean",
        "date": "date",
        "timestamp": "timestamptz",
        "time": "time",
        "object": "jsonb",
        "array": "jsonb",
    }
)

# PostgreSQL type a contract may name -> (our spelling, logical types it may stand for, the most numbers in brackets)
_TEXT, _WHOLE, _NUMBER = ("string",), ("integer",), ("number", "integer")
PHYSICAL_TYPES = MappingProxyType(
    {
        "text": ("text", _TEXT, 0),
        "varchar": ("varchar", _TEXT, 1),
        "character varying": ("varchar", _TEXT, 1),
        "char": ("char", _TEXT, 1),
        "character": ("char", _TEXT, 1),
        "uuid": ("uuid", _TEXT, 0),
        "inet": ("inet", _TEXT, 0),
        "smallint": ("smallint", _WHOLE, 0),
        "int2": ("smallint", _WHOLE, 0),
        "integer": ("integer", _WHOLE, 0),
        "int": ("integer", _WHOLE, 0),
        "int4": ("integer", _WHOLE, 0),
        "bigint": ("bigint", _WHOLE, 0),
        "int8": ("bigint", _WHOLE, 0),
        "numeric": ("numeric", _NUMBER, 2),
        "decimal": ("numeric", _NUMBER, 2),
        "real": ("real", ("number",), 0),
        "float4": ("real", ("number",), 0),
        "double precision": ("double precision", ("number",), 0),
        "float8": ("double precision", ("number",), 0),
        "boolean": ("boolean", ("boolean",), 0),
        "bool": ("boolean", ("boolean",), 0),
        "date": ("date", ("date",), 0),
        "timestamptz": ("timestamptz", ("timestamp",), 0),
        "timestamp with time zone": ("timestamptz", ("timestamp",), 0),
        "time": ("time", ("time",), 0),
        "jsonb": ("jsonb", ("object", "array"), 0),
    }
)
_PHYSICAL = re.compile(r"\s*([a-z][a-z0-9 ]*?)\s*(?:\(\s*(\d{1,4})\s*(?:,\s*(\d{1,4})\s*)?\))?\s*", re.IGNORECASE)
_LONGEST_TEXT, _LONGEST_NUMBER = 9999, 1000


def parse_physical_type(text: str, logical_type: str) -> str:
    """PostgreSQL's name of a physical type in our spelling: 'decimal( 12,2)' → 'numeric(12,2)'.

    Raises ValueError with what is wrong and the fix, for unknown types and for those that do not suit the logical type.
    """
    suitable = sorted(name for name, (_, logical, _) in PHYSICAL_TYPES.items() if logical_type in logical)
    match = _PHYSICAL.fullmatch(text)
    name = re.sub(r"\s+", " ", match[1].lower()) if match else ""
    if match is None or name not in PHYSICAL_TYPES:
        raise ValueError(f"physicalType {text!r} is not a PostgreSQL type we use; for {logical_type} use {', '.join(suitable)}")
    spelling, logical_types, most = PHYSICAL_TYPES[name]
    if logical_type not in logical_types:
        raise ValueError(
            f"physicalType {text!r} does not suit {logical_type}; use {', '.join(suitable)}, or logicalType {logical_types[0]}"
        )
    numbers = [int(group) for group in match.groups()[1:] if group is not None]
    if len(numbers) > most:
        raise ValueError(f"physicalType {text!r} has too many numbers in brackets; {spelling} takes {most or 'none'}")
    if numbers and not 1 <= numbers[0] <= (_LONGEST_NUMBER if spelling == "numeric" else _LONGEST_TEXT):
        raise ValueError(f"physicalType {text!r}: the first number in brackets is out of range; use 1 to {_LONGEST_NUMBER}")
    if len(numbers) > 1 and numbers[1] > numbers[0]:
        raise ValueError(f"physicalType {text!r}: more digits behind the point than in all; make the second number the smaller one")
    # as PostgreSQL shows them
    if spelling == "numeric" and len(numbers) == 1:
        numbers.append(0)
    if spelling == "char" and not numbers:
        numbers.append(1)
    return f"{spelling}({','.join(map(str, numbers))})" if numbers else spelling


# ------------------------------------------------------------------------------------------------- names
IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")
LONGEST_IDENTIFIER = 63  # PostgreSQL cuts longer names

# PostgreSQL's reserved words: as a name they would need quotes wherever they are used.
_RESERVED = """
    all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation column concurrently
    constraint create cross current_catalog current_date current_role current_schema current_time current_timestamp current_user default
    deferrable desc distinct do else end except false fetch for foreign freeze from full grant group having ilike in initially inner
    intersect into is isnull join lateral leading left like limit localtime localtimestamp natural not notnull null offset on only or
    order outer overlaps placing primary references returning right select session_user similar some symmetric system_user table
    tablesample then to trailing true union unique user using variadic verbose when where window with
"""
RESERVED_WORDS = frozenset(_RESERVED.split())

# ----------------------------------------------------------------------- keys of our custom properties
KINDS = ("postgresql", "api", "local", "s3", "sftp", "kafka", "custom")
PROTOCOLS = ("amqp", "webhook")  # of a custom server
SIGNATURE_KEYS = ("form", "header", "tolerance", "prefix", "encoding", "timestamp_header")
SIGNATURE_FORMS = ("timestamped", "plain")
SIGNATURE_ENCODINGS = ("hex", "base64")
DELIVERY_KEYS = ("header", "field")
FILE_KINDS = ("local", "s3", "sftp")
FILE_FORMATS = ("csv", "jsonl", "parquet")
COMPRESSIONS = ("gzip", "zstd")
STATUSES = ("proposed", "draft", "active", "deprecated", "retired")
READ_STATUSES = ("active", "deprecated")  # the others are checked, but not read from
PLACEHOLDERS = ("fields", "object", "since", "since_epoch")  # filled in by the REST reader: {fields}

FILE_KEYS = ("files", "format", "compression", "encoding", "settle", "marker")
EXTRACT_KEYS = ("cursor", "lookback", "deletes", "endpoint", "feed", "count", "changes", "schema", *FILE_KEYS)
SCHEMA_POLICIES = ("additive", "strict", "open")
CHANGES_KEYS = ("publication", "max_retained")
FEED_KEYS = ("endpoint", "record", "changed_at", "gone", "reach", "order", "made_at")
COUNT_KEYS = ("endpoint", "total")
FEED_ORDERS = ("oldest_first", "newest_first")
EPOCH_UNITS = ("seconds", "milliseconds")
DELETES_KEYS = ("flag", "sweep", "snapshot")
ENTITY_KEYS = ("kind", "key", "of", "by", "where")
CLIENT_KEYS = ("auth", "data_selector", "headers", "paginator")
# The keys of dlt's documented rest_api form; a test compares them with dlt's own types.
ENDPOINT_KEYS = ("path", "method", "params", "json", "data", "paginator", "data_selector", "response_actions", "headers")
AUTH_KEYS = MappingProxyType(
    {
        "bearer": ("type", "token"),
        "api_key": ("type", "name", "api_key", "location"),
        "http_basic": ("type", "username", "password"),
        "oauth2_client_credentials": (
            "type", "access_token", "access_token_url", "client_id", "client_secret", "access_token_request_data",
            "default_token_expiration",
        ),
    }
)  # fmt: skip
# A contract is committed: what is secret stands in the connection.
SECRET_KEYS = ("token", "api_key", "username", "password", "access_token", "client_id", "client_secret")
PAGINATOR_KEYS = MappingProxyType(
    {
        "auto": ("type",),
        "single_page": ("type",),
        "json_link": ("type", "next_url_path"),
        "json_response": ("type", "next_url_path"),
        "header_link": ("type", "links_next_key"),
        "header_cursor": ("type", "cursor_key", "cursor_param"),
        "cursor": ("type", "cursor_path", "cursor_param", "cursor_body_path", "has_more_path", "stop_after_empty_page"),
        "offset": (
            "type", "limit", "offset", "limit_param", "offset_param", "limit_body_path", "offset_body_path", "total_path", "maximum_offset",
            "stop_after_empty_page", "has_more_path",
        ),
        "page_number": (
            "type", "base_page", "page", "page_param", "page_body_path", "total_path", "maximum_page", "stop_after_empty_page",
            "has_more_path",
        ),
    }
)  # fmt: skip

# Ours, for any paginator: the path of a boolean that says this page is the last, for APIs whose last page has a next link too.
LAST_PAGE_KEY = "last_page_path"

SLA_PROPERTIES = ("schedule", "freshness")
# Agreements the standard names that drive nothing here: kept as documentation.
SLA_DOCUMENTATION = ("latency", "generalAvailability", "endOfSupport", "endOfLife", "retention", "availability", "throughput", "errorRate")
