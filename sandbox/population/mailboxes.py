"""Mail addresses under reserved names only (RFC 2606 and 6761: `.example`, example.com/net/org).

Providers are invented: `gmail.example` ignores dots and plus-tags like its model, the others take plus-tags alone.
`wegwerf.example`, `trash.example` and `tempmail.example` hand out throw-away mailboxes.
"""

from __future__ import annotations

import re
from random import Random

from sandbox.population.transliteration import fold

PROVIDERS: dict[str, tuple[str, ...]] = {
    "de": ("postfach.example", "gmail.example", "webpost.example", "freipost.example", "t-mail.example"),
    "en": ("gmail.example", "inbox.example.com", "outmail.example", "ymail.example", "mail.example.org"),
    "fr": ("courriel.example", "gmail.example", "librepost.example", "orangepost.example"),
    "pl": ("poczta.example", "gmail.example", "skrzynka.example"),
    "tr": ("eposta.example", "gmail.example", "outmail.example"),
    "el": ("gmail.example", "tachydromos.example"),
    "ru": ("pochta.example", "yapost.example", "gmail.example"),
    "uk": ("poshta.example", "gmail.example"),
    "ja": ("yuubin.example", "gmail.example", "docomail.example"),
    "zh": ("youxiang.example", "qqmail.example", "163post.example"),
    "ar": ("bareed.example", "gmail.example", "outmail.example"),
}
IGNORES_DOTS = "gmail.example"
THROW_AWAY = ("wegwerf.example", "trash.example", "tempmail.example")
NOBODY = ("test@example.com", "noreply@example.org", "asdf@trash.example", "none@example.net", "kunde@wegwerf.example")
ROLES = ("info", "office", "sales", "einkauf", "contact", "accounts")


def slug(text: str) -> str:
    """Letters and digits of a Latin text, lower case: "O'Brien" → 'obrien'."""
    return re.sub(r"[^a-z0-9]", "", fold(text).lower())


def local_part(first: str, last: str, birth_year: int, rng: Random) -> str:
    """A local part as people choose it, from Latin names."""
    f, n = slug(first) or "user", slug(last) or "x"
    year = f"{birth_year % 100:02d}"
    style = rng.randrange(10)
    return (f"{f}.{n}", f"{f}.{n}", f"{f}{n}", f"{f[0]}.{n}", f"{f[0]}{n}{year}", f"{f}_{n}", f"{f}.{n}{year}", f"{n}.{f}", f"{f}{year}",
            f"{f}{rng.randrange(1000)}")[style]  # fmt: skip


def tagged(email: str, tag: str) -> str:
    """The same mailbox under a plus-tag."""
    local, _, domain = email.partition("@")
    return f"{local}+{tag}@{domain}"


def dotted(email: str, rng: Random) -> str:
    """The same gmail.example mailbox with a dot more or less; other addresses stay."""
    local, _, domain = email.partition("@")
    if domain != IGNORES_DOTS or len(local) < 4 or "+" in local:
        return email
    if "." in local:
        return f"{local.replace('.', '', 1)}@{domain}"
    at = rng.randrange(1, len(local) - 1)
    return f"{local[:at]}.{local[at:]}@{domain}"
