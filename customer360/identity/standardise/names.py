"""Names of people and organisations.

Values keep what the source says, in one spelling; what is only likely (a nickname's formal name, a surname without its particles)
goes to `parts`, where a comparison can give it less weight.
"""

from __future__ import annotations

import re

from customer360.identity.standardise.result import NOTHING, Standardised
from customer360.identity.standardise.tables import mapping, words
from customer360.identity.standardise.text import composed, fold, is_placeholder

_BRACKETED = re.compile(r"[(\[{\"“”„«].*?[)\]}\"“”»]")
_DOTTED_DEGREE = re.compile(r",\s*(ph|m|ll|d|b)\.\s?(d|sc|phil|b|m|ed|a)\.?(?=\s*(?:,|$))", re.IGNORECASE)
_SPACED_APOSTROPHE = re.compile(r"\b([dolmn])['’‘`´ʼ′]\s+(?=\w)", re.IGNORECASE)
_CJK = "\u3005\u3400-\u9fff"
_KANA = "\u3040-\u30ff"
_IDEOGRAPHS = re.compile(f"^[{_CJK}]{{2,5}}$")
_HANGUL = re.compile("^[\uac00-\ud7a3]{2,4}$")
_SPACED_EAST_ASIAN = re.compile(f"^([{_CJK}{_KANA}]{{1,6}}|[\uac00-\ud7a3]{{1,2}}) +([{_CJK}{_KANA}]{{1,6}}|[\uac00-\ud7a3]{{1,3}})$")
# NFKC makes '(株)' and '(주)' of the one-sign abbreviations.
_EAST_ASIAN_LEGAL_FORM = re.compile(
    "株式会社|有限会社|合同会社|股份有限公司|有限责任公司|有限責任公司|有限公司|주식회사|유한회사|\\((?:株|有|주|유)\\)"
)
_PATRONYMIC = re.compile(r"(?:ovich|evich|ovych|yovych|evych|ovna|evna|ivna|yivna|ichna|inichna)$")
_JOINED_PREFIXES = frozenset({"mc", "mac", "o", "fitz", "abdul", "abdel", "abdal"})
_ABD = "abd"
_SERVANT_OF = frozenset({"al", "el", "ul", "ar", "ur", "as", "us"})  # 'abd al rahman', 'abd ur rahman'


def _tokens(value: str) -> list[str]:
    """Words of a name without titles and generation suffixes; never empties a name ('Major' alone stays)."""
    kept = fold(_SPACED_APOSTROPHE.sub(r"\1", value)).split()
    suffixes = words("name_suffixes")
    while len(kept) > 1 and kept[-1] in suffixes:
        kept.pop()
    return _untitled(kept)


def _untitled(kept: list[str]) -> list[str]:
    titles, followers = words("titles"), words("title_followers")
    start, last = 0, len(kept) - 1
    while start < last and kept[start] in titles:
        start += 1
        while start < last and (kept[start] in followers or kept[start] == "rer"):
            start += 2 if kept[start] == "rer" and start + 1 < last else 1
    return kept[start:]


def _join_prefixes(tokens: list[str]) -> list[str]:
    """'mc donald' → 'mcdonald', 'o brien' → 'obrien', 'abd al rahman' → 'abdulrahman'."""
    joined: list[str] = []
    for number, word in reversed(list(enumerate(tokens))):
        if word in _SERVANT_OF and number and tokens[number - 1] == _ABD:
            continue
        if word == _ABD and number + 1 < len(tokens) and tokens[number + 1] in _SERVANT_OF:
            word = f"{_ABD}ul"
        if joined and word in _JOINED_PREFIXES and len(joined[-1]) > 2:
            joined[-1] = word + joined[-1]
        else:
            joined.append(word)
    return joined[::-1]


def _is_placeholder(tokens: list[str]) -> bool:
    return not tokens or is_placeholder(" ".join(tokens)) or not any(character.isalpha() for token in tokens for character in token)


def first_name(value: str) -> Standardised:
    """Given name or names. Parts: `root` (formal name of a nickname), `first` (first of several). Flag `initial`: a single letter."""
    tokens = _join_prefixes(_tokens(value))
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
    plain = composed(value)
    unbracketed = _BRACKETED.sub(" ", plain).strip()
    plain = unbracketed if len(unbracketed) > 1 else plain
    turned = _east_asian(plain)
    if turned is None and "," in plain:
        turned = _comma_turned(_DOTTED_DEGREE.sub(r", \1\2", plain))
    tokens = _join_prefixes(_tokens(turned or plain))
    if _is_placeholder(tokens):
        return NOTHING
    if len(tokens) == 3 and _PATRONYMIC.search(tokens[2]) and not _PATRONYMIC.search(tokens[1]):
        tokens = _untitled([tokens[1], tokens[2], tokens[0]])
    if len(tokens) == 1:
        return Standardised(tokens[0])
    start = len(tokens) - 1
    while start > 1 and tokens[start - 1] in words("particles"):
        start -= 1
    parts = {"first_name": tokens[0], "last_name": " ".join(tokens[start:])}
    if start > 1:
        parts["middle_name"] = " ".join(tokens[1:start])
    return Standardised(" ".join(tokens), parts)


def _comma_turned(name: str) -> str:
    """'Smith, John' → 'John Smith', 'Smith, Jr., John' → 'John Smith', 'John Smith, PhD' → 'John Smith'."""
    family, _, rest = name.partition(",")
    suffixes = words("name_suffixes")
    given = [part for part in rest.split(",") if any(token not in suffixes for token in fold(part).split())]
    return f"{' '.join(given)} {family}" if given else family


def _east_asian(name: str) -> str | None:
    """'王小明' → '小明 王', '田中 太郎' → '太郎 田中': family name first. None for other names.

    Without a space: of two or three signs the first is the family name, of four or five the first two; and the compound names of the table.
    """
    if spaced := _SPACED_EAST_ASIAN.match(name):
        return f"{spaced[2]} {spaced[1]}"
    if not (ideographs := _IDEOGRAPHS.match(name)) and not _HANGUL.match(name):
        return None
    if name[1] == "々" and len(name) > 3:
        length = 3  # 佐々木
    else:
        length = 2 if (len(name) > 2 and name[:2] in words("compound_family_names")) or (ideographs and len(name) > 3) else 1
    return f"{name[length:]} {name[:length]}"


def organisation(value: str) -> Standardised:
    """Name without its legal form, in front or behind ('ACME Holdings, Inc.' → 'acme holdings', 'ООО Ромашка' → 'romashka').

    Parts: `legal_form`.
    """
    plain = composed(value)
    plain = plain if plain.isascii() else _EAST_ASIAN_LEGAL_FORM.sub(" ", plain).strip() or plain
    words_of = fold(plain.replace("&", " and ").replace("+", " and ")).split()
    if not words_of or is_placeholder(" ".join(words_of)):
        return NOTHING
    tokens, legal = _without_legal_form(_join_initials([word for word in words_of if word != "and"] or words_of))
    return Standardised(" ".join(tokens), {"legal_form": " ".join(legal)} if legal else {})


def _without_legal_form(tokens: list[str]) -> tuple[list[str], list[str]]:
    """The name's own words, and the standard forms of what stood behind ('gmbh and co kg') or before them ('ooo')."""
    behind, before = mapping("legal_forms"), mapping("leading_legal_forms")
    legal: list[str] = []
    while length := next((n for n in (4, 3, 2, 1) if n < len(tokens) and " ".join(tokens[-n:]) in behind), 0):
        legal.insert(0, behind[" ".join(tokens[-length:])])
        tokens = tokens[:-length]
    while len(tokens) > 1 and (tokens[0] in before or tokens[0] == "the"):
        legal += [before[tokens[0]]] if tokens[0] in before else []
        tokens = tokens[1:]
    return tokens, legal


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
