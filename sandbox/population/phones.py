"""Telephone numbers that nobody has, each given to one subscriber only.

Where the numbering authority reserves numbers for fiction they are used: +1 (NANP, 555-0100 to 555-0199 in every area
code), +44 (Ofcom's drama numbers), +33 (ARCEP's blocks), +49 (Bundesnetzagentur's drama blocks; German numbers vary in
length, so extensions within a reserved block are free too). Elsewhere subscriber numbers that begin with 000 are used,
which those plans do not assign. When a country's reserve is used up its later subscribers have no number: two strangers
never share one by accident.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

CALLING_CODES = {
    "DE": "49", "GB": "44", "US": "1", "FR": "33", "PL": "48", "TR": "90", "GR": "30", "RU": "7", "UA": "380", "JP": "81",
    "CN": "86", "SA": "966",
}  # fmt: skip
_TRUNK = {"US": "", "PL": "", "GR": "", "RU": "8"}  # what is dialled before the national number; elsewhere 0

_AREA_CODES = (
    "201 202 203 205 206 207 208 209 210 212 213 214 215 216 217 218 219 224 225 228 229 231 234 239 240 248 251 252 253 254 256 "
    "260 262 267 269 270 276 281 301 302 303 304 305 307 308 309 310 312 313 314 315 316 317 318 319 320 321 323 325 330 334 336 "
    "337 339 347 351 352 360 361 386 401 402 404 405 406 407 408 409 410 412 413 414 415 417 419 423 424 425 430 432 434 435 440 "
    "443 469 478 479 480 484 501 502 503 504 505 507 508 509 510 512 513 515 516 517 518 520 530 540 541 551 559 561 562 563 567 "
    "570 571 573 574 575 580 585 586 601 602 603 605 606 607 608 609 610 612 614 615 616 617 618 619 620 623 626 630 631 636 641 "
    "646 650 651 660 661 662 678 682 701 702 703 704 706 707 708 712 713 714 715 716 717 718 719 720 724 727 731 732 734 740 754 "
    "757 760 763 765 770 772 773 774 775 781 785 786 801 802 803 804 805 806 808 810 812 813 814 815 816 817 818 828 830 831 832 "
    "843 845 847 848 850 856 857 858 859 860 862 863 864 865 870 878 901 903 904 906 907 908 909 910 912 913 914 915 916 917 918 "
    "919 920 925 928 931 936 937 940 941 947 949 951 952 954 956 970 971 972 973 978 979 980 985 989 "
)
_AREA_CODES_US = _AREA_CODES.split()

# country → kind → (prefix, free digits) blocks; the national significant number is prefix + digits.
_BLOCKS: dict[str, dict[str, list[tuple[str, int]]]] = {
    "US": {
        "landline": [(f"{code}5550", 3) for code in _AREA_CODES_US[::2]],
        "mobile": [(f"{code}5550", 3) for code in _AREA_CODES_US[1::2]],
    },
    "GB": {
        "landline": [(f"{code}4960", 3) for code in ("113", "114", "115", "116", "117", "118", "121", "131")]
        + [("207946 0".replace(" ", ""), 3)],
        "mobile": [("7700900", 3)]
        + [(f"{code}4960", 3) for code in ("141", "151", "161")]
        + [("1914980", 3), ("2920180", 3), ("2890180", 3)],
    },
    "FR": {"landline": [("19900", 4), ("26191", 4), ("35301", 4), ("46571", 4), ("53649", 4)], "mobile": [("63998", 4)]},
    "DE": {"landline": [("3023125", 5), ("6990009", 5), ("4066969", 5)], "mobile": [("17139200", 3), ("2214710", 5), ("8999998", 5)]},
    "PL": {"landline": [("22000", 4), ("12000", 4), ("58000", 4)], "mobile": [("500000", 3), ("600000", 3), ("720000", 3), ("45000", 4)]},
    "TR": {"landline": [("212000", 4), ("312000", 4), ("232000", 4)], "mobile": [("500000", 4), ("505000", 4), ("555000", 4)]},
    "GR": {"landline": [("210000", 4), ("231000", 4)], "mobile": [("690000", 4), ("699000", 4)]},
    "RU": {"landline": [("495000", 4), ("499000", 4), ("812000", 4)], "mobile": [("900000", 4), ("901000", 4), ("950000", 4)]},
    "UA": {"landline": [("44000", 4), ("32000", 4)], "mobile": [("50000", 4), ("99000", 4)]},
    "JP": {"landline": [("45000", 4), ("52000", 4), ("6000", 5)], "mobile": [("800000", 4), ("9010000", 3), ("8010000", 3)]},
    "CN": {"landline": [("10000", 5), ("21000", 5)], "mobile": [("130000", 5), ("180000", 5)]},
    "SA": {"landline": [("11000", 4), ("13000", 4)], "mobile": [("50000", 4), ("51000", 4)]},
}


def _capacity(country: str, blocks: list[tuple[str, int]]) -> int:
    if country == "US":  # 0100 to 0199 alone
        return 100 * len(blocks)
    return sum(10**digits for _, digits in blocks)


class PhoneBook:
    """Gives out numbers in a scattered but fixed order. `counters` ('DE mobile' → how many are given) is its whole state."""

    def __init__(self, counters: Mapping[str, int] | None = None) -> None:
        self.counters: dict[str, int] = dict(counters or {})

    def take(self, country: str, kind: str) -> str | None:
        """The next free number as E.164 ('+493023125042'), or None when the reserve is used up. kind: landline, mobile."""
        blocks = _BLOCKS[country][kind]
        capacity = _capacity(country, blocks)
        slot = f"{country} {kind}"
        given = self.counters.get(slot, 0)
        if given >= capacity:
            return None
        self.counters[slot] = given + 1
        index = (given * 7_368_787 + 4_211) % capacity  # a prime larger than any capacity: visits every number once
        if country == "US":
            block, digits = divmod(index, 100)
            return f"+1{blocks[block][0]}1{digits:02d}"
        for prefix, digits in blocks:
            if index < 10**digits:
                return f"+{CALLING_CODES[country]}{prefix}{index:0{digits}d}"
            index -= 10**digits
        raise AssertionError("index is below the capacity")


def typed(number: str, country: str, rng: Random, *, tidy: float) -> str:
    """An E.164 number as somebody types it; `tidy` is the share that stays E.164."""
    if rng.random() < tidy:
        return number
    code = CALLING_CODES[country]
    national = number[1 + len(code) :]
    trunk = _TRUNK.get(country, "0")
    style = rng.randrange(6)
    if country == "US":
        area, exchange, line = national[:3], national[3:6], national[6:]
        return (f"({area}) {exchange}-{line}", f"{area}-{exchange}-{line}", f"+1 {area} {exchange} {line}", national,
                f"1-{area}-{exchange}-{line}", f"{area}.{exchange}.{line}")[style]  # fmt: skip
    cut = 2 if country in ("DE", "FR", "JP") else 3
    area, rest = national[:cut], national[cut:]
    abroad = f"00{code}{national}" if country not in ("RU", "JP") else f"{trunk}{national}"  # those two dial 810 and 010
    group = f"{rest[:3]} {rest[3:]}"
    return (f"{trunk}{area} {rest}", f"{trunk}{area}/{rest}" if country == "DE" else f"{trunk}{area}-{rest}", f"+{code} {area} {rest}",
            abroad, f"{trunk}{national}", f"+{code} (0){area} {group}" if trunk == "0" else f"+{code} {area} {group}")[style]  # fmt: skip
