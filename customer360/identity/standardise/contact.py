"""Email addresses and phone numbers."""

from __future__ import annotations

import re

import phonenumbers

from customer360.identity.standardise.result import NOTHING, Standardised
from customer360.identity.standardise.tables import mapping, words
from customer360.identity.standardise.text import composed

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_SPELT_AT = re.compile(r"\s*[\[({]\s*(?:at|@)\s*[\])}]\s*")
_SPELT_DOT = re.compile(r"\s*[\[({]\s*(?:dot|\.)\s*[\])}]\s*")
_IN_ANGLES = re.compile(r"<([^<>]*@[^<>]*)>")
_WRAPPING = "<>\"'`.,;:() "
_DIGITS = re.compile(r"\d+")
_EXTENSION = re.compile(
    r"[;,]?\s*(?:ext(?:ension|n)?|int(?:erno)?|durchwahl|dw|poste|anexo|ramal|доб|#|x)[.:=]?\s*\d{1,6}$",
    re.IGNORECASE,
)
_SEVERAL = re.compile(r"(?<=\d)\s*(?:[;|,]|\s/|/\s)\s*(?=[+(\d])")
_VANITY = re.compile(r"^\+?[\d\s().-]{3,}[a-z][a-z\d-]{2,}$", re.IGNORECASE)
_LONGEST = 15  # digits of an E.164 number
_IN_A_ROW = ("01234567890123456789", "98765432109876543210")


def email(value: str) -> Standardised:
    """Canonical mailbox: lower case, without tag, by the provider's own rules.

    The rules are tables: twin domains (`mail_domains`), mistyped domains (`mail_typos`), dots without meaning (`dotless_mail_domains`),
    tags
    after a hyphen (`hyphen_tag_mail_domains`); `+tag` goes everywhere. Reads `"Ann" <a@b.c>`, `mailto:` and the first of several.
    An address that stands for none (`none@none.com`) has no value. Parts: `local`, `domain`.
    Flags: `role_mailbox` (info@), `disposable`, `free_provider`, `mistyped_domain`.
    """
    address = _address(value)
    if address is None:
        return NOTHING
    local, _, written = address.rpartition("@")
    right = mapping("mail_typos").get(written, written)
    domain = mapping("mail_domains").get(right, right)
    local = _untagged(local, domain)
    if not domain or not local or _stands_for_none(local, domain):
        return NOTHING
    found = {
        "role_mailbox": local in words("role_mailboxes"),
        "disposable": domain in words("disposable_mail_domains"),
        "free_provider": domain in words("free_mail_domains"),
        "mistyped_domain": right != written,
    }
    return Standardised(
        f"{local}@{domain}", {"local": local, "domain": domain}, frozenset(flag for flag, is_set in found.items() if is_set)
    )


def _address(value: str) -> str | None:
    """The first address in what was written, lower case, or None."""
    written = composed(value).lower()
    if "[" in written or "(" in written or "{" in written:
        written = _SPELT_DOT.sub(".", _SPELT_AT.sub("@", written))
    if angled := _IN_ANGLES.search(written):
        written = angled[1]
    written = written.removeprefix("mailto:").split("?", 1)[0] if written.startswith("mailto:") else written
    candidates = [part.strip(_WRAPPING) for part in re.split(r"[;,\s]+", re.sub(r"\s*@\s*", "@", written)) if "@" in part]
    if not candidates or not _EMAIL.fullmatch(candidates[0]):
        return None
    local, _, domain = candidates[0].rpartition("@")
    local, domain = local.strip("."), domain.strip(".")
    return f"{local}@{_unicode_domain(domain)}" if local and domain and "@" not in local else None


def _unicode_domain(domain: str) -> str:
    """'xn--mller-kva.de' → 'müller.de': one spelling of international domains."""
    if "xn--" not in domain:
        return domain
    try:
        return domain.encode("ascii").decode("idna")
    except UnicodeError:
        return domain


def _untagged(local: str, domain: str) -> str:
    untagged = local.split("+", 1)[0]
    if domain in words("hyphen_tag_mail_domains"):
        untagged = untagged.split("-", 1)[0]
    if domain in words("dotless_mail_domains"):
        untagged = untagged.replace(".", "")
    return untagged.strip(".") or local


def _stands_for_none(local: str, domain: str) -> bool:
    """'none@none.com', 'x@x.org', 'noemail@example.com': the mailbox and the domain both name nothing."""
    nothing, company = words("placeholder_mailboxes"), domain.split(".", 1)[0]
    return local in nothing and (company == local or (len(local) > 3 and company in nothing))


def phone(value: str, region: str | None = None) -> Standardised:
    """E.164 where the country is known (a leading + or 00, or `region`), else the bare national digits, flagged `no_country`.

    An extension is cut, letters are read off the keypad ('1-800-FLOWERS'), of several numbers the first counts. Fewer than six digits,
    more than
    fifteen, one digit repeated, or digits in a row: no number. `invalid`: a country's plan knows no such number
    (kept, because a typing error is still evidence). Parts: `tail`, at most nine last digits without country and trunk prefix: the same
    in both forms.
    """
    plain = _dialled(value)
    digits = "".join(_DIGITS.findall(plain))
    if not 6 <= len(digits) <= _LONGEST or _is_filler(digits):
        return NOTHING
    number = _parsed(plain, region)
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if number is not None else ""
    if number is not None and len(e164) <= _LONGEST + 1 and phonenumbers.is_possible_number(number):
        tail = _tail(e164)
        if _is_filler(tail):
            return NOTHING
        flags = frozenset() if phonenumbers.is_valid_number(number) else frozenset({"invalid"})
        return Standardised(e164, {"tail": tail}, flags)
    if plain.startswith("+"):
        return Standardised(f"+{digits}", {"tail": _tail(f"+{digits}")}, frozenset({"invalid"}))
    national = digits.lstrip("0")
    if len(national) < 6:
        return NOTHING
    if region is not None and national != plain:  # without its zeros it may be a number of the region after all
        return phone(national, region)
    return Standardised(national, {"tail": national[-9:]}, frozenset({"no_country"}))


def _parsed(plain: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    if region is None and "+" not in plain and "phone-context" not in plain:
        return None  # nothing says which country: most numbers of a file, and parsing only to be told so is slow
    try:
        return phonenumbers.parse(plain, region)
    except phonenumbers.NumberParseException:
        return None


def _dialled(value: str) -> str:
    """What one would dial of it: the first number, its extension cut, 00 as +, letters as keys."""
    plain = composed(value)
    plain = plain[4:] if plain[:4].lower() == "tel:" else plain
    plain = _EXTENSION.sub("", _first_number(plain)).strip()
    if _VANITY.match(plain):
        plain = phonenumbers.convert_alpha_characters_in_number(plain)
    if plain.endswith(".0") and plain[:-2].isdigit():  # a spreadsheet's number
        plain = plain[:-2]
    return "+" + plain[2:] if plain.startswith("00") else plain


def _first_number(plain: str) -> str:
    """The first of several numbers; '030 / 123456' is one."""
    parts = _SEVERAL.split(plain)
    several = len(parts) > 1 and all(len("".join(_DIGITS.findall(part))) >= 6 for part in parts)
    return parts[0] if several else plain


def _is_filler(digits: str) -> bool:
    """One digit repeated (but for a trunk zero), or all digits in a row: typed to get past a form."""
    significant = digits.lstrip("0")
    return len(set(digits)) == 1 or len(set(significant)) <= 1 or any(digits in row for row in _IN_A_ROW)


def _tail(e164: str) -> str:
    """The last nine digits of the national number: '+4520123456' → '20123456', as Denmark's own forms write it."""
    digits = e164[1:]
    for length in (1, 2, 3):
        if int(digits[:length]) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            digits = digits[length:]
            break
    return digits.lstrip("0")[-9:]


def of_standard_phone(value: str) -> Standardised:
    """Value and parts of a number that `phone` gave, without parsing it again: most of what reading a million records twice would cost."""
    return Standardised(value, {"tail": _tail(value) if value.startswith("+") else value[-9:]})
