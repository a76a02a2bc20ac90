from __future__ import annotations

import threading

import pytest

from customer360.warehouse import migrations
from customer360.warehouse.migrations import Migration, MigrationError, available, migrate

pytestmark = pytest.mark.integration


def test_they_are_numbered_without_doubles_and_packaged():
    names = [migration.name for migration in available()]
    assert names == sorted(names)
    assert names[0] == "0001_foundation"


def test_one_that_was_edited_after_it_was_applied_is_named(warehouse, monkeypatch):
    edited = [Migration(name=each.name, text=each.text + "\n-- edited") if each.name.startswith("0002") else each for each in available()]
    monkeypatch.setattr(migrations, "available", lambda: edited)
    with warehouse.connect() as connection, pytest.raises(MigrationError, match="0002_roles was edited"):
        migrate(connection)


def test_a_database_that_is_ahead_of_the_code_is_named(warehouse, monkeypatch):
    older = available()[:-1]
    monkeypatch.setattr(migrations, "available", lambda: older)
    with warehouse.connect() as connection, pytest.raises(MigrationError, match="ahead of this code"):
        migrate(connection)


def test_a_new_one_is_applied_alone_and_a_failed_one_leaves_nothing(warehouse, monkeypatch):
    good = Migration(name="9001_good", text="create table public.good (a int);")
    bad = Migration(name="9002_bad", text="create table public.bad (a int); select 1 / 0;")
    now = available()
    with warehouse.connect() as connection:
        monkeypatch.setattr(migrations, "available", lambda: [*now, good, bad])
        with pytest.raises(Exception, match="division by zero"):
            migrate(connection)
        assert connection.execute("select to_regclass('public.good'), to_regclass('public.bad')").fetchone() == (None, None)
        monkeypatch.setattr(migrations, "available", lambda: [*now, good])
        assert migrate(connection) == ["9001_good"]


def test_several_processes_may_migrate_at_once(empty_database):
    applied = []

    def run():
        with empty_database.connect() as connection:
            applied.append(migrate(connection))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(names) for names in applied) == [0, 0, 0, len(available())]


def test_a_second_database_of_the_cluster_shares_the_roles(warehouse, empty_database):
    """Roles belong to the cluster: two platforms on one server must not trip over each other."""
    with empty_database.connect() as connection:
        assert len(migrate(connection)) == len(available())
