"""Disjoint sets of records (union-find). Pure."""

from __future__ import annotations

from collections.abc import Iterable


class Forest:
    """Records, each in a set of its own until `join` makes one of two; a set goes by one of its records, its root."""

    def __init__(self, records: Iterable[str]) -> None:
        self._parent = {record: record for record in records}
        self.members = {record: [record] for record in self._parent}  # by root

    def __contains__(self, record: str) -> bool:
        return record in self._parent

    def root(self, record: str) -> str:
        """What the record's set goes by."""
        parent = self._parent
        while parent[record] != record:
            parent[record] = parent[parent[record]]
            record = parent[record]
        return record

    def join(self, left: str, right: str) -> str:
        """Make one set of the two that hold these. Returns the root of both."""
        one, other = self.root(left), self.root(right)
        if one == other:
            return one
        if len(self.members[one]) < len(self.members[other]):
            one, other = other, one
        self._parent[other] = one
        self.members[one] += self.members.pop(other)
        return one
