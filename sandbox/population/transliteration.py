"""The Latin forms a name is written in when another system cannot, or will not, write its own script.

Several forms per name are *right* (passport, library and everyday romanisations differ), and systems pick different ones:
that is what makes the same person hard to find. Rules: Cyrillic after ICAO/BGN and scholarly use, Ukrainian after the 2010
resolution, Greek after ELOT 743 with everyday variants, Chinese pinyin joined or spaced.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from anyascii import anyascii

_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"})
_LATIN_EXTRA = str.maketrans({"ł": "l", "Ł": "L", "ı": "i", "ß": "ss", "ø": "o", "æ": "ae", "đ": "d"})

_RUSSIAN = dict(
    zip("абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
        "a b v g d e e zh z i y k l m n o p r s t u f kh ts ch sh shch - y - e yu ya".replace("-", "").split(" "), strict=True)
)  # fmt: skip
_RUSSIAN_LOOSE = _RUSSIAN | {"ж": "j", "й": "i", "х": "h", "щ": "sch", "ё": "yo", "ю": "iu", "я": "ia", "ц": "c"}
_UKRAINIAN = dict(
    zip("абвгґдеєжзиіїйклмнопрстуфхцчшщьюя'’ʼ",
        "a b v h g d e ie zh z y i i i k l m n o p r s t u f kh ts ch sh shch - iu ia - - -".replace("-", "").split(" "), strict=True)
)  # fmt: skip
_UKRAINIAN_LOOSE = _UKRAINIAN | {"г": "g", "и": "i", "й": "y", "є": "e", "ю": "yu", "я": "ya", "х": "h", "ї": "yi"}
_GREEK = dict(
    zip(
        "αβγδεζηθικλμνξοπρσςτυφχψω",
        ["a", "v", "g", "d", "e", "z", "i", "th", "i", "k", "l", "m", "n", "x", "o", "p", "r", "s", "s", "t", "y", "f", "ch", "ps", "o"],
        strict=True,
    )
)
_GREEK_LOOSE = _GREEK | {"η": "h", "φ": "ph", "χ": "h", "β": "b", "υ": "u", "ξ": "ks"}
_GREEK_PAIRS = (("ου", "ou"), ("μπ", "b"), ("ντ", "nt"), ("γγ", "ng"), ("γκ", "gk"), ("αυ", "av"), ("ευ", "ef"), ("τσ", "ts"))

# Surnames read differently from the character's usual reading.
_CHINESE_SURNAMES = {"单": "Shan", "曾": "Zeng", "仇": "Qiu", "解": "Xie", "查": "Zha", "任": "Ren", "朴": "Piao", "翟": "Zhai"}


def _cased(pattern: str, latin: str) -> str:
    return latin[:1].upper() + latin[1:] if pattern[:1].isupper() else latin


def _mapped(text: str, table: dict[str, str]) -> str:
    return "".join(_cased(char, table[char.lower()]) if char.lower() in table else char for char in text)


def _greek(text: str, table: dict[str, str]) -> str:
    plain = "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn")
    for pair, latin in _GREEK_PAIRS:
        plain = plain.replace(pair, latin).replace(pair.capitalize(), latin.capitalize())
    return _mapped(plain, table)


def fold(text: str) -> str:
    """Latin letters without their marks: 'Łódź' → 'Lodz', 'Müller' → 'Muller'."""
    decomposed = unicodedata.normalize("NFD", text.translate(_LATIN_EXTRA))
    return "".join(c for c in decomposed if unicodedata.category(c) != "Mn")


@lru_cache(maxsize=200_000)
def latin_forms(text: str, language: str) -> tuple[str, ...]:
    """The Latin forms of a name written in the script of `language` (two letters), the usual one first, without doubles."""
    if not text:
        return (text,)
    if language == "ru":
        forms = [_mapped(text, _RUSSIAN), _mapped(text, _RUSSIAN_LOOSE)]
        forms.append(forms[0].replace("Aleksandr", "Alexander").replace("Yuliya", "Julia").replace("skiy", "sky").replace("iya", "ia"))
    elif language == "uk":
        forms = [_mapped(text, _UKRAINIAN), _mapped(text, _UKRAINIAN_LOOSE)]
    elif language == "el":
        forms = [_greek(text, _GREEK), _greek(text, _GREEK_LOOSE)]
    elif language == "zh":
        first = _CHINESE_SURNAMES.get(text)
        syllables = [anyascii(char).strip() for char in text]
        forms = [first] if first else [syllables[0] + "".join(s.lower() for s in syllables[1:]), " ".join(syllables), "-".join(syllables)]
    elif language in ("ja", "ar"):
        forms = [anyascii(text).strip().title()]  # names come with their Latin forms; this serves places alone
    elif language == "de":
        forms = [text.translate(_GERMAN), fold(text)]
    else:
        forms = [fold(text)]
    return tuple(dict.fromkeys(form.strip() for form in forms if form and form.strip())) or (text,)
