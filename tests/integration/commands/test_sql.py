from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

COMMAND = Path(sys.executable).with_name("customer360")


@pytest.fixture(autouse=True)
def database(module_warehouse):
    return module_warehouse


def sql(*arguments, **options):
    return subprocess.run([COMMAND, "sql", *arguments], capture_output=True, text=True, check=False, **options)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("select 1 as a, 'x,y' as b, null as c, '' as d, true as e", 'a,b,c,d,e\n1,"x,y",,"",t\n'),
        ("select 1 as a;  ", "a\n1\n"),
        ("/* how */ -- why\n with x as (select 2 as b) select * from x -- end", "b\n2\n"),
        ("values (1), (2)", "column1\n1\n2\n"),
        ("show timezone", "TimeZone\nUTC\n"),
        ("select 'ä€' as a", "a\nä€\n"),
        ("select 100 as percent where 1 % 2 = 1 and 'a' like '%a%'", "percent\n100\n"),
    ],
)
def test_rows_come_as_csv(query, expected):
    done = sql(query)
    assert (done.returncode, done.stdout) == (0, expected), done.stderr


def test_the_query_comes_from_standard_input_or_a_file(tmp_path):
    assert sql("-", input="select 1 as a").stdout == "a\n1\n"
    assert sql(input="select 2 as a").stdout == "a\n2\n"
    (tmp_path / "query.sql").write_text("select 3 as a;\n")
    assert sql("--file", str(tmp_path / "query.sql")).stdout == "a\n3\n"


def test_changes_are_kept(database):
    assert sql("create table kept (a int)").returncode == 0
    assert sql("with x as (insert into kept values (1) returning a) select * from x").stdout == "a\n1\n"
    assert sql("insert into kept values (2)").stdout == ""
    assert database.fetch("select a from kept order by a") == [(1,), (2,)]


def test_the_role_is_taken():
    assert sql("--role", "analyst", "select current_user").stdout == "current_user\nc360_analyst\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["selec 1"], "syntax error"),
        (["select * from nowhere"], "does not exist"),
        (["--role", "analyst", "select * from ops.load"], "permission denied"),
        (["--role", "boss", "select 1"], "use one of: loader"),
        (["--connection", "nowhere", "select 1"], "C360_CONN_NOWHERE"),
        ([" ; "], "empty"),
        (["--file", "/no/such/file"], "cannot read"),
        (["--file", "/dev/null", "select 1"], "not both"),
    ],
)
def test_what_cannot_be_run_is_said_and_ends_with_2(arguments, words):
    done = sql(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_large_result_streams():
    done = sql("select n, repeat('x', 100) from generate_series(1, 200000) as n")
    assert done.stdout.count("\n") == 200_001


def test_a_reader_that_leaves_early_is_no_error():
    done = subprocess.run(
        ["sh", "-c", f"{COMMAND} sql 'select n from generate_series(1, 500000) as n' | head -1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "n\n"
    assert "Traceback" not in done.stderr
