from __future__ import annotations

import pytest

from customer360.platform import home
from customer360.warehouse import connections
from customer360.warehouse.connections import ConnectionNotConfigured


@pytest.fixture(autouse=True)
def own_home(c360_home, monkeypatch):
    monkeypatch.setattr(connections, "_resolvers", [])
    return c360_home


def test_resolvers_come_before_the_environment_and_that_before_the_file(monkeypatch):
    home.write_connection("shop", "postgresql://from-file")
    assert connections.uri("shop") == "postgresql://from-file"
    monkeypatch.setenv("C360_CONN_SHOP", "postgresql://from-environment")
    assert connections.uri("shop") == "postgresql://from-environment"
    connections.register_resolver(lambda name: "postgresql://from-resolver" if name == "shop" else None)
    assert connections.uri("shop") == "postgresql://from-resolver"
    monkeypatch.setenv("C360_CONN_CRM", "http://from-environment")
    assert connections.uri("crm") == "http://from-environment"


def test_one_that_is_not_configured_names_its_variable():
    with pytest.raises(ConnectionNotConfigured, match="C360_CONN_LOYALTY"):
        connections.uri("loyalty")


@pytest.mark.parametrize("name", ["", "Shop", "a-b", "1a", "a b", "../x"])
def test_a_name_that_cannot_be_one_is_refused(name):
    with pytest.raises(ConnectionNotConfigured, match="cannot name a connection"):
        connections.uri(name)


def test_an_address_that_is_none_is_refused_without_its_password(monkeypatch):
    monkeypatch.setenv("C360_CONN_WAREHOUSE", "mysql://user:hush@host/db")
    with pytest.raises(ConnectionNotConfigured) as caught:
        connections.connect()
    assert "hush" not in str(caught.value)
    assert caught.value.__cause__ is None
