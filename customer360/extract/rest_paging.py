"""Page after page: how far a read has come, where it can be taken up again, and when it ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from dlt.sources.rest_api.config_setup import create_paginator

from customer360.contracts.vocabulary import LAST_PAGE_KEY
from customer360.extract.rest_feed import dig

LOST_PLACE_STATUS = {400, 404, 410, 422}  # of a following page: the first one was answered, so the request is not what is wrong
_RESTARTS = 3  # without having come further


@dataclass(slots=True)
class Place:
    """How far a read has come."""

    since: str | None
    pages: int = 0
    restarts: int = 0
    reached: str | None = None  # greatest cursor so far, while records come in its order
    in_order: bool = True

    def pass_over(self, cursor: str | None) -> None:
        """Take note of a record's cursor."""
        if cursor is None or (self.reached is not None and _order(cursor) < _order(self.reached)):
            self.in_order = False
        else:
            self.reached = cursor

    def take_up(self) -> bool:
        """Begin again at what was reached; False when that was tried often enough."""
        further = self.reached if self.in_order and self.reached is not None else self.since
        self.restarts = 1 if further != self.since else self.restarts + 1
        self.since, self.pages = further, 0
        return self.restarts <= _RESTARTS


def counted(pages: Iterator[Any], place: Place) -> Iterator[Any]:
    """The pages, each counted once it has come."""
    for page in pages:
        place.pages += 1
        yield page


def _order(cursor: str) -> tuple[int, datetime | Decimal | str]:
    """A cursor's place in the order of its kind."""
    try:
        return 0, Decimal(cursor)
    except ArithmeticError:
        pass
    try:
        moment = datetime.fromisoformat(cursor)
        return 1, moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except ValueError:
        return 2, cursor


def paginator(declared: Any) -> Any:
    """dlt's paginator of a contract; one with `last_page_path` ends where the page says so, whatever link it still gives."""
    if not isinstance(declared, Mapping) or LAST_PAGE_KEY not in declared:
        return create_paginator(declared)
    made = create_paginator({key: value for key, value in declared.items() if key != LAST_PAGE_KEY})
    path = str(declared[LAST_PAGE_KEY])

    class EndingPaginator(type(made)):  # type: ignore[misc]  # dlt copies paginators, so it must be a class
        def update_state(self, response: Any, data: Any = None) -> None:
            super().update_state(response, data)
            if dig(response.json(), path) is True:
                self._has_next_page = False

    made.__class__ = EndingPaginator
    return made
