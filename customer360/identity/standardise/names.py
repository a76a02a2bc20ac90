"""Names of people and organisations.

Values keep what the source says, in one spelling; what is only likely (a nickname's formal name, a surname without its particles)
goes to `parts`, where a comparison can give it less weight.
"""

from __future__ import annotations

import re
import unicodedata

from customer360.identity.standardise.result import NOTHING, Standardised
from customer360.identity.standardise.tables import mapping, words
from customer360.identity.standardise.text import PLACEHOLDERS, fold

_BRACKETED = re.compile(r"[(\[\"“”].*?[)\]\"“”]")
_IDEOGRAPHS = re.compile(r"^[\u3400-\u9fff]{2,4}$")
_HANGUL = re.compile(r"^[\uac00-\ud7a3]{2,4}$")
_PATRONYMIC = re.compile(r"(ovich|evich|ovna|evna|ichna)$")
_JOINED_PREFIXES = frozenset({"mc", "mac", "o", "fitz"})


def _tokens(value: str) -> list[str]:
    """Words of a name without titles and generation suffixes; never empties a name ('Major' alone stays)."""
    found = fold(value).split()
    titles, suffixes = words("titles"), words("name_suffixes")
    kept = list(found)
    while len(kept) > 1 and kept[0] in titles:
        kept.pop(0)
    while len(kept) > 1 and kept[-1] in suffixes:
        kept.pop()
    return kept


def _join_prefixes(tokens: list[str]) -> list[str]:
    """'mc donald' → 'mcdonald', 'o brien' → 'obrien'."""
    joined: list[str] = []
    for token in tokens:
        if joined and joined[-1] in _JOINED_PREFIXES and len(token) > 2:
            joined[-1] += token
        else:
            joined.append(token)
    return joined


def _is_placeholder(tokens: list[str]) -> bool:
    return not tokens or " ".join(tokens) in PLACEHOLDERS or not any(character.isalpha() for token in tokens for character in token)


def first_name(value: str) -> Standardised:
    """Given name or names. Parts: `root` (formal name of a nickname), `first` (first of several). Flag `initial`: a single letter."""
    tokens = _tokens(value)
    if _is_placeholder(tokens):
        return NOTHING
    return Standardised(
        " ".join(tokens),
        {"first": tokens[0], "root": mapping("nicknames").get(tokens[0], tokens[0])},
        frozenset({"initial"}) if len(tokens[0]) == 1 else frozenset(),
    )


def middle_name(value: str) -> Standardised:
    """Middle name or names; like `first_name`."""
    return first_name(value)


def last_name(value: str) -> Standardised:
    """Family name. Parts: `core` (without particles: 'van der berg' → 'berg')."""
    tokens = _join_prefixes(_tokens(value))
    if _is_placeholder(tokens):
        return NOTHING
    particles = words("particles")
    core = [token for token in tokens if token not in particles]
    return Standardised(
        " ".join(tokens), {"core": " ".join(core or tokens)}, frozenset({"initial"}) if len("".join(tokens)) == 1 else frozenset()
    )


def full_name(value: str) -> Standardised:
    """A whole name, given names first. Parts: `first_name`, `middle_name`, `last_name` where they can be told apart.

    'Last, First Middle' is turned round; Chinese and Korean names without a space and Russian 'Family Given Patronymic' too.
    A single word has no parts: it may be either name.
    """
    plain = unicodedata.normalize("NFKC", _BRACKETED.sub(" ", value) if len(_BRACKETED.sub(" ", value).strip()) > 1 else value).strip()
    turned = _east_asian(plain)
    if turned is None and plain.count(",") >= 1:
        family, _, given = plain.partition(",")
        given = given.replace(",", " ")
        suffix_only = bool(fold(given)) and all(token in words("name_suffixes") for token in fold(given).split())
        turned = family if suffix_only or not fold(given) else f"{given} {family}"
    tokens = _join_prefixes(_tokens(turned or plain))
    if _is_placeholder(tokens):
        return NOTHING
    if len(tokens) == 3 and _PATRONYMIC.search(tokens[2]) and not _PATRONYMIC.search(tokens[1]):
        tokens = [tokens[1], tokens[2], tokens[0]]
    if len(tokens) == 1:
        return Standardised(tokens[0])
    start = len(tokens) - 1
    while start > 1 and tokens[start - 1] in words("particles"):
        start -= 1
    parts = {"first_name": tokens[0], "last_name": " ".join(tokens[start:])}
    if start > 1:
        parts["middle_name"] = " ".join(tokens[1:start])
    return Standardised(" ".join(tokens), parts)


def _east_asian(name: str) -> str | None:
    """'王小明' → '小明 王': family name first, one character (two for the compound names of the table). None for other names."""
    if not (_IDEOGRAPHS.match(name) or _HANGUL.match(name)):
        return None
    length = 2 if len(name) > 2 and name[:2] in words("compound_family_names") else 1
    return f"{name[length:]} {name[:length]}"


def organisation(value: str) -> Standardised:
    """Name of an organisation without its legal form ('ACME Holdings, Inc.' → 'acme holdings'). Parts: `legal_form`."""
    tokens = fold(value.replace("&", " and ")).split()
    tokens = _join_initials(tokens)
    if not tokens or " ".join(tokens) in PLACEHOLDERS:
        return NOTHING
    forms = mapping("legal_forms")
    legal: list[str] = []
    while len(tokens) > 1 and (tokens[-1] in forms or tokens[-1] == "and"):
        legal.insert(0, forms.get(tokens.pop(), ""))
    if len(tokens) > 1 and tokens[0] == "the":
        tokens.pop(0)
    form = " ".join(word for word in legal if word)
    return Standardised(" ".join(tokens), {"legal_form": form} if form else {})


def _join_initials(tokens: list[str]) -> list[str]:
    """'g m b h' → 'gmbh', 's a' → 'sa': runs of single letters are one word."""
    joined: list[str] = []
    in_run = False
    for token in tokens:
        single = len(token) == 1 and token.isalpha()
        if single and in_run:
            joined[-1] += token
        else:
            joined.append(token)
        in_run = single
    return joined
