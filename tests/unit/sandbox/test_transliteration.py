"""Latin forms are right ones: those of passports and of everyday use."""

from __future__ import annotations

import pytest

from sandbox.population.locales import locale
from sandbox.population.transliteration import fold, latin_forms


@pytest.mark.parametrize(
    ("name", "language", "expected"),
    [
        ("Щербаков", "ru", {"Shcherbakov", "Scherbakov"}),
        ("Юрий", "ru", {"Yuriy", "Iurii"}),
        ("Александр", "ru", {"Aleksandr", "Alexander"}),
        ("Григорій", "uk", {"Hryhorii", "Grigoriy"}),
        ("Γεώργιος", "el", {"Georgios"}),
        ("Παπαδόπουλος", "el", {"Papadopoulos"}),
        ("Müller", "de", {"Mueller", "Muller"}),
        ("Weiß", "de", {"Weiss"}),
        ("Łukasz", "pl", {"Lukasz"}),
        ("Şükrü", "tr", {"Sukru"}),
        ("Işık", "tr", {"Isik"}),
        ("秀英", "zh", {"Xiuying", "Xiu Ying"}),
        ("曾", "zh", {"Zeng"}),
        ("O'Brien", "en", {"O'Brien"}),
    ],
)
def test_forms(name: str, language: str, expected: set[str]) -> None:
    assert expected <= set(latin_forms(name, language))


def test_listed_readings_win_over_rules() -> None:
    assert locale("ja_JP").forms("佐藤")[0] == "Sato"
    assert locale("ja_JP").kana["佐藤"] == "サトウ"
    assert set(locale("ar_SA").forms("محمد")) == {"Mohammed", "Muhammad", "Mohamed"}


def test_every_form_is_latin() -> None:
    checked = 0
    for key in ("ru_RU", "uk_UA", "el_GR", "zh_CN", "ja_JP", "ar_SA"):
        place = locale(key)
        for name in (*place.male, *place.female, *place.last):
            assert all(form.isascii() for form in place.forms(name)), (key, name, place.forms(name))
            checked += 1
    assert checked > 3000


def test_fold_keeps_plain_letters() -> None:
    assert fold("Zürich, Łódź, İzmir") == "Zurich, Lodz, Izmir"
