from __future__ import annotations

import socket
import stat
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from customer360.platform import home


@pytest.fixture(autouse=True)
def own_home(c360_home, monkeypatch):
    for variable, _ in home.PORTS.values():
        monkeypatch.delenv(variable, raising=False)
    return c360_home


@pytest.fixture
def listener():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def test_the_checkout_is_the_folder_above_that_holds_contracts(tmp_path, monkeypatch):
    monkeypatch.delenv("C360_REPO")
    (tmp_path / "contracts").mkdir()
    below = tmp_path / "customer360" / "contracts"
    below.mkdir(parents=True)
    (below / "__init__.py").touch()  # the package of that name is no checkout
    monkeypatch.chdir(below)
    assert home.repo() == tmp_path


def test_a_named_checkout_must_be_one(tmp_path, monkeypatch):
    monkeypatch.setenv("C360_REPO", str(tmp_path))
    with pytest.raises(home.PlatformError, match="holds no contracts/ folder"):
        home.repo()


def test_the_home_is_in_the_checkout_unless_named(monkeypatch):
    monkeypatch.delenv("C360_HOME")
    assert home.home() == home.repo() / ".c360"


def test_a_port_keeps_its_number_once_chosen(monkeypatch, listener):
    monkeypatch.setitem(home.PORTS, "pg", ("C360_PG_PORT", listener))
    chosen = home.port("pg")
    assert chosen > listener
    assert home.port("pg") == chosen
    assert home.read_state()["ports"]["pg"] == chosen


def test_a_port_that_is_set_is_used_as_it_is_and_must_be_free_to_start_on(monkeypatch, listener):
    monkeypatch.setenv("C360_PG_PORT", str(listener))
    assert home.port("pg") == listener
    with pytest.raises(home.PlatformError, match=rf"port {listener} \(C360_PG_PORT\) is taken"):
        home.claim_port("pg")


def test_a_remembered_port_that_another_took_gives_way(monkeypatch, listener):
    home.update_state(lambda state: state.update(ports={"pg": listener}))
    claimed = home.claim_port("pg")
    assert claimed != listener
    assert home.port("pg") == claimed


@pytest.mark.parametrize("text", ["", "0", "65536", "abc", "-1", "54.6"])
def test_a_port_that_is_none_is_refused_by_name(monkeypatch, text):
    monkeypatch.setenv("C360_PG_PORT", text)
    with pytest.raises(home.PlatformError, match="C360_PG_PORT"):
        home.port("pg")


def test_two_servers_never_get_one_port(monkeypatch):
    ports = [home.port(name) for name in home.PORTS]
    assert len(set(ports)) == len(home.PORTS)


def test_the_default_of_another_server_is_left_to_it(monkeypatch, listener):
    monkeypatch.setitem(home.PORTS, "pg", ("C360_PG_PORT", listener))
    monkeypatch.setitem(home.PORTS, "shop_pg", ("C360_SHOP_PG_PORT", listener + 1))
    assert home.port("pg") not in (listener, listener + 1)


def test_secrets_differ_last_and_are_for_the_owner_alone(own_home):
    first = home.secret("postgres")
    assert home.secret("postgres") == first != home.secret("other")
    assert len(first) >= 32
    assert stat.S_IMODE((own_home / "secrets.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(own_home.stat().st_mode) == 0o700


def test_connections_are_for_the_owner_alone(own_home):
    home.write_connection("shop", "postgresql://reader:pw@127.0.0.1:1/shop")
    home.write_connection("crm", "http://127.0.0.1:2")
    assert home.read_connections()["shop"] == "postgresql://reader:pw@127.0.0.1:1/shop"
    assert stat.S_IMODE((own_home / "connections.json").stat().st_mode) == 0o600


def remember(number):
    home.update_state(lambda state: state.setdefault("numbers", []).append(number))


def test_many_processes_may_change_the_state_at_once(own_home):
    with ProcessPoolExecutor(4, mp_context=get_context("fork")) as pool:
        list(pool.map(remember, range(40)))
    assert sorted(home.read_state()["numbers"]) == list(range(40))


def test_a_state_file_that_is_no_json_is_named(own_home):
    own_home.mkdir()
    (own_home / "platform.json").write_text("{")
    with pytest.raises(home.PlatformError, match=r"platform\.json is not JSON"):
        home.read_state()


def test_a_home_that_cannot_be_made_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("C360_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(home.PlatformError, match="set C360_HOME to a folder"):
        home.secret("x")
