from __future__ import annotations

import pytest
import yaml

from customer360.contracts import data_map, dbt_sources, generated
from customer360.contracts.reader import load_contracts
from customer360.platform import home


@pytest.fixture(scope="module")
def contracts():
    return load_contracts(home.repo() / "contracts")


@pytest.mark.parametrize("what", generated.FILES)
def test_the_committed_file_says_what_the_contracts_say(what):
    assert generated.check(what).exists()


def test_a_file_that_is_not_current_is_named_with_the_command_that_writes_it(tmp_path, monkeypatch):
    (tmp_path / "contracts").symlink_to(home.repo() / "contracts")
    monkeypatch.setenv("C360_REPO", str(tmp_path))
    with pytest.raises(generated.NotCurrent, match="run `customer360 contracts data-map`"):
        generated.check("data-map")
    written = generated.write("data-map")
    assert generated.check("data-map") == written
    written.write_text(written.read_text() + "x")
    with pytest.raises(generated.NotCurrent):
        generated.check("data-map")


def test_the_data_map_names_every_object_and_every_personal_field(contracts):
    text = data_map.render(contracts)
    objects = [obj for contract in contracts.values() for obj in contract.objects]
    assert len(objects) >= 15
    for obj in objects:
        assert f"### {obj.full_name}\n" in text
        for field in obj.fields:
            if field.is_personal:
                assert f"`{obj.full_name}.{field.name}`" in text
    for contract in contracts.values():
        assert f"`{contract.schedule}`" in text
        assert contract.owner_address in text


def test_no_cell_breaks_the_table(contracts):
    for line in data_map.render(contracts).splitlines():
        if line.startswith("| `"):
            assert line.replace("\\|", "").count("|") == 9, line


def test_dbt_sources_have_every_column_of_raw(contracts):
    written = yaml.safe_load(dbt_sources.render(contracts))
    tables = {(source["name"], table["identifier"]): table for source in written["sources"] for table in source["tables"]}
    for contract in contracts.values():
        for obj in contract.objects:
            columns = [column["name"] for column in tables[(contract.system, obj.table)]["columns"]]
            assert columns[: len(obj.fields)] == [field.name for field in obj.fields]
            assert columns[len(obj.fields) :] == [
                "_extra", "_load_id", "_row_hash", "_is_deleted", "_deleted_at", "_first_seen_at", "_published_at",
            ]  # fmt: skip
