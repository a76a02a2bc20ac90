"""alerts.yaml is read strictly, and says what it means."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from customer360.observe.routing import FILE, Routing, RoutingError, read_routing

REPO = Path(__file__).resolve().parents[3]


def test_the_file_of_the_repository_is_what_holds_without_it() -> None:
    assert read_routing(REPO / FILE) == Routing()


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    routing = read_routing(tmp_path / FILE)
    assert (routing.severities("slack"), routing.severities("mail")) == (["critical", "warning"], ["critical"])
    assert routing.severities("pager") == ["critical", "warning"], "a channel that the file does not know hears everything"
    assert (routing.together, routing.remind_after) == (timedelta(minutes=5), timedelta(hours=24))


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("channels: {warning: []}\nremind_after_hours: 0\n")
    routing = read_routing(tmp_path / FILE)
    assert routing.severities("slack") == ["critical"]
    assert routing.remind_after is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("channels: {critical: [pager]}", "channels.critical.0"),
        ("channels: {fatal: [slack]}", "channels.fatal"),
        ("together_minutes: -1", "together_minutes"),
        ("quiet: true", "quiet"),
        ("channels: [", "line 1"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(RoutingError, match=told):
        read_routing(tmp_path / FILE)
