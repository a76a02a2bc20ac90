"""The subset of SOQL that extraction needs, parsed strictly and turned into SQL for SQLite.

    SELECT a, b | COUNT() FROM Object [WHERE field op literal [AND …]]
    [ORDER BY field [ASC|DESC] [NULLS FIRST|LAST], …] [LIMIT n] [OFFSET n]

Operators: = != < <= > >= IN NOT IN LIKE. Literals: 'text', moments (2026-11-22T19:42:00Z, any offset), days, true, false, null,
numbers. Errors carry Salesforce's error codes and wording.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sandbox import moments
from sandbox.crm.objects import SObject, named


class SoqlError(Exception):
    """A query the service refuses. `code` is Salesforce's errorCode."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query. `where` and `order` are SQL over the object's table; `parameters` fill the question marks."""

    item: SObject
    fields: tuple[str, ...]
    is_count: bool
    where: str
    parameters: tuple[object, ...]
    order: str
    limit: int | None
    offset: int


_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*')"
    r"|(?P<moment>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))"
    r"|(?P<day>\d{4}-\d\d-\d\d)(?![T\d])"
    r"|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_.]*)"
    r"|(?P<sign><=|>=|!=|<>|[=<>(),]))"
)
_KEYWORDS = {
    "select",
    "from",
    "where",
    "and",
    "order",
    "by",
    "limit",
    "offset",
    "asc",
    "desc",
    "nulls",
    "first",
    "last",
    "in",
    "not",
    "like",
}


@dataclass(slots=True)
class _Token:
    kind: str
    text: str
    at: int


@dataclass(slots=True)
class _Parser:
    soql: str
    tokens: list[_Token] = field(default_factory=list)
    position: int = 0

    def tokenise(self) -> None:
        at = 0
        end = len(self.soql.rstrip())
        while at < end:
            match = _TOKEN.match(self.soql, at)
            if match is None:
                raise SoqlError("MALFORMED_QUERY", f"unexpected token: '{self.soql[at:].strip()[:20]}'")
            kind = match.lastgroup or ""
            self.tokens.append(_Token(kind, match.group(kind), match.start(kind)))
            at = match.end()

    def peek(self, word: str) -> bool:
        token = self.tokens[self.position] if self.position < len(self.tokens) else None
        return token is not None and token.text.lower() == word

    def accept(self, word: str) -> bool:
        if self.peek(word):
            self.position += 1
            return True
        return False

    def expect(self, word: str) -> None:
        if not self.accept(word):
            raise self.unexpected()

    def take(self, *kinds: str) -> _Token:
        if self.position < len(self.tokens) and self.tokens[self.position].kind in kinds:
            self.position += 1
            return self.tokens[self.position - 1]
        raise self.unexpected()

    def unexpected(self) -> SoqlError:
        found = self.tokens[self.position].text if self.position < len(self.tokens) else "<EOF>"
        return SoqlError("MALFORMED_QUERY", f"unexpected token: '{found}'")

    def pointing_at(self, token: _Token) -> str:
        """How Salesforce shows where in the query it stumbled."""
        return f"\n{self.soql}\n{' ' * token.at}^\nERROR at Row:1:Column:{token.at + 1}\n"

    def field_name(self, item: SObject) -> str:
        token = self.take("word")
        if token.text.lower() in _KEYWORDS:
            self.position -= 1
            raise self.unexpected()
        return self.known_field(item, token)

    def known_field(self, item: SObject, token: _Token) -> str:
        name = item.field(token.text)
        if name is None:
            raise SoqlError(
                "INVALID_FIELD",
                f"{self.pointing_at(token)}No such column '{token.text}' on entity '{item.name}'. "
                "If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. "
                "Please reference your WSDL or the describe call for the appropriate names.",
            )
        return name


def parse(soql: str) -> Query:
    """The query, or SoqlError (MALFORMED_QUERY, INVALID_TYPE, INVALID_FIELD, INVALID_QUERY_FILTER_OPERATOR)."""
    parser = _Parser(soql)
    parser.tokenise()
    parser.expect("select")
    selected = [parser.take("word")]
    is_count = selected[0].text.lower() == "count" and parser.accept("(")
    if is_count:
        parser.expect(")")
    while not is_count and parser.accept(","):
        selected.append(parser.take("word"))
    parser.expect("from")
    object_name = parser.take("word").text
    item = named(object_name)
    if item is None or item.name.lower() != object_name.lower():
        raise SoqlError(
            "INVALID_TYPE",
            f"sObject type '{object_name}' is not supported. If you are attempting to use a custom object, be sure to append the '__c' "
            "after the entity name. Please reference your WSDL or the describe call for the appropriate names.",
        )
    fields = () if is_count else tuple(parser.known_field(item, token) for token in selected)
    if len(set(fields)) != len(fields):
        double = next(name for name in fields if fields.count(name) > 1)
        raise SoqlError("INVALID_FIELD", f"duplicate field selected: {double}")
    where, parameters = _where(parser, item)
    order = _order(parser, item)
    limit = int(parser.take("number").text) if parser.accept("limit") else None
    offset = int(parser.take("number").text) if parser.accept("offset") else 0
    if parser.position < len(parser.tokens):
        raise parser.unexpected()
    return Query(item, fields, is_count, where, parameters, order, limit, offset)


def _where(parser: _Parser, item: SObject) -> tuple[str, tuple[object, ...]]:
    if not parser.accept("where"):
        return "1", ()
    terms: list[str] = []
    parameters: list[object] = []
    while True:
        name = parser.field_name(item)
        kind = item.fields[name]
        negated = parser.accept("not")
        if negated or parser.peek("in"):
            parser.expect("in")
            parser.expect("(")
            values = [_literal(parser, name, kind)]
            while parser.accept(","):
                values.append(_literal(parser, name, kind))
            parser.expect(")")
            terms.append(f"{name} {'not ' if negated else ''}in ({', '.join('?' * len(values))})")
            parameters += values
        elif parser.accept("like"):
            terms.append(f"{name} like ?")
            parameters.append(_literal(parser, name, kind))
        else:
            sign = parser.take("sign").text.replace("<>", "!=")
            if sign not in ("=", "!=", "<", "<=", ">", ">="):
                parser.position -= 1
                raise parser.unexpected()
            value = _literal(parser, name, kind)
            if value is None:
                terms.append(f"{name} is {'not ' if sign == '!=' else ''}null")
            else:
                terms.append(f"{name} {sign} ?")
                parameters.append(value)
        if not parser.accept("and"):
            return " and ".join(terms), tuple(parameters)


def _literal(parser: _Parser, name: str, kind: str) -> object:
    token = parser.take("text", "moment", "day", "number", "word")
    text = token.text
    if text.lower() == "null":
        return None
    fits = {"boolean": ("word",), "datetime": ("moment",), "date": ("day",)}.get(kind, ("text",))
    if token.kind not in fits or (kind == "boolean" and text.lower() not in ("true", "false")):
        wanted = {"boolean": "boolean", "datetime": "dateTime", "date": "date"}.get(kind, "string")
        raise SoqlError(
            "INVALID_FIELD",
            f"{parser.pointing_at(token)}value of filter criterion for field '{name}' must be of type {wanted} and should "
            f"{'' if wanted == 'string' else 'not '}be enclosed in quotes",
        )
    if kind == "boolean":
        return int(text.lower() == "true")
    if kind == "datetime":
        try:
            at = datetime.fromisoformat(text.replace("Z", "+00:00"))
        except ValueError:
            raise SoqlError("MALFORMED_QUERY", f"invalid dateTime: {text}") from None
        return moments.salesforce(moments.to_micros(at.astimezone(UTC)))
    if token.kind == "text":
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text


def _order(parser: _Parser, item: SObject) -> str:
    terms = []
    if parser.accept("order"):
        parser.expect("by")
        while True:
            term = parser.field_name(item)
            if parser.accept("desc"):
                term += " desc"
            else:
                parser.accept("asc")
            if parser.accept("nulls"):
                term += " nulls first" if parser.accept("first") else " nulls last" if parser.accept("last") else ""
            terms.append(term)
            if not parser.accept(","):
                break
    return ", ".join([*terms, "row_number"])
