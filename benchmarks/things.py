"""Products and publications: what is resolved with columns of plain text."""

from __future__ import annotations

import numpy as np

_NOUNS = ["headphones", "speaker", "camera", "monitor", "keyboard", "router", "printer", "charger", "drill", "vacuum", "blender", "lamp"]
_TRAITS = ["wireless", "portable", "digital", "compact", "stereo", "hd", "bluetooth", "usb", "professional", "mini", "dual", "silent"]
_COLOURS = ["black", "white", "silver", "red", "blue", "graphite"]
_TOPICS = [
    *("query", "optimization", "distributed", "transactions", "learning", "graphs", "streams", "indexing", "adaptive", "parallel", "data"),
    *("mining", "semantic", "schema", "matching", "integration", "views", "incremental", "temporal", "spatial", "search", "workflow"),
    *("approximate", "efficient", "scalable", "robust", "secure", "relational", "xml", "web", "caching", "replication", "inference"),
]
_VENUES = {
    "proceedings of the conference on management of data": "sigmod",
    "very large data bases": "vldb",
    "transactions on database systems": "tods",
    "international conference on data engineering": "icde",
    "machine learning journal": "mlj",
}


def thing(random: np.random.Generator, subject: str, names: list[str], before: dict[str, str] | None) -> dict[str, str]:
    """A product ("product") or publication ("work"); every fourth is much like the one before: another model, the next part."""
    similar = before if before is not None and random.random() < 0.25 else None
    return _product(random, names, similar) if subject == "product" else _work(random, names, similar)


def _some(random: np.random.Generator, words: list[str], count: int) -> list[str]:
    return [str(word) for word in random.choice(words, size=count, replace=False)]


def _product(random: np.random.Generator, names: list[str], similar: dict[str, str] | None) -> dict[str, str]:
    maker = similar["maker"] if similar else str(names[int(random.integers(80))])
    model = "".join(random.choice(list("ABCDEFGHKLMNPRSTX"), 2)) + str(random.integers(100, 9999))
    what = similar["what"] if similar else " ".join([*_some(random, _TRAITS, int(random.integers(1, 4))), *_some(random, _NOUNS, 1)])
    colour = _some(random, _COLOURS, 1)[0]
    about = " ".join([maker, what, "with", *_some(random, _TRAITS, 3), "design", "model", model, "in", colour])
    price = f"{random.integers(9, 999)}.{random.integers(0, 99):02d}"
    return {"title": f"{maker} {what} {model} {colour}", "maker": maker, "what": what, "about": about, "price": price}


def _work(random: np.random.Generator, names: list[str], similar: dict[str, str] | None) -> dict[str, str]:
    if similar:
        authors, title = similar["authors"], f"{similar['title']} part {random.integers(2, 5)}"
    else:
        initials = random.choice(list("ABCDEFGHJKLMNPRSTW"), 4)
        authors = ", ".join(
            f"{initials[number]}. {names[int(random.integers(len(names)))]}" for number in range(int(random.integers(1, 5)))
        )
        title = " ".join(_some(random, _TOPICS, int(random.integers(3, 9))))
    return {"authors": authors, "title": title, "venue": str(random.choice(list(_VENUES))), "year": str(random.integers(1985, 2015))}


def reworded(random: np.random.Generator, value: str) -> str:
    """The same thing in other words: short forms, a word less, two words in another order, an addition."""
    if value in _VENUES and random.random() < 0.6:
        return _VENUES[value]
    words = value.split(" ")
    drawn = int(random.integers(4))
    place = int(random.integers(len(words)))
    if drawn == 0 and len(words) > 2:
        return " ".join(words[:place] + words[place + 1 :])
    if drawn == 1:
        return " ".join(words[place:] + words[:place])
    if drawn == 2 and "," in value:
        return f"{value.split(',')[0]} et al"
    return f"{value} {random.choice(['new', 'oem', 'edition', 'extended', '(abstract)', 'retail'])}"
