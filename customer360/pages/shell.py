"""The shell of a page that needs no other file and no network, and the pieces pages are made of. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from string import Template


def whole_page(title: str, body: str) -> str:
    """An HTML document: style inside, no script, light and dark. `body` is HTML; `title` text."""
    template = Template(files("customer360.pages").joinpath("page.html").read_text(encoding="utf-8"))
    return template.substitute(title=escape(title), body=body)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells are escaped here: sources, attributes, locales and values come from files."""
    lines = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="scroll"><table><tr>{"".join(f"<th>{escape(name)}</th>" for name in head)}</tr>{lines}</table></div>'


def tiles(shown: Iterable[tuple[str, str, str]]) -> str:
    """Large figures: value, what it is, and `good`, `bad` or nothing."""
    told = "".join(
        f'<div class="tile"><b class="{kind}">{escape(value)}</b><span>{escape(what)}</span></div>' for value, what, kind in shown
    )
    return f'<div class="tiles">{told}</div>'


def details(title: str, content: str) -> str:
    """Content behind a line that opens it."""
    return f"<details><summary>{escape(title)}</summary>{content}</details>"
