"""`customer360 model`, as it is typed: from training to use, and what it says when that cannot be."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from customer360.identity.match.model import Model
from customer360.identity.models import registry
from customer360.pipeline import resolve as resolving

pytestmark = pytest.mark.integration


@pytest.fixture
def candidates(identity: Any, sources: Any, checkout: Path, people: Callable[..., Any], model_with: Callable[..., Model]) -> list[str]:
    """Two candidates beside the customers of the reviewed model: one that changes little, one that changes much. Their versions."""
    sources.publish("shop.customers", people(random.Random(1), 30))
    resolving.resolve()
    made = [model_with(match_threshold=threshold) for threshold in (0.91, 0.55)]
    for one in made:
        registry.keep(identity.connection, one)
    identity.connection.commit()
    return [one.version for one in made]


def test_a_candidate_is_compared_approved_and_given_up_again(command: Callable[..., Any], candidates: list[str]) -> None:
    version, _ = candidates
    assert "was not compared yet" in command("model", "approve", version, expect=2).err
    shown = command("model", "compare", version[:6]).out
    assert f"Model `{version}` beside" in shown and "Passes the model gate." in shown and "| customers now" in shown
    assert json.loads(command("model", "compare", version, "--json").out)["churn"]["changed_share"] == 0.0

    assert f"model {version} (approved by erika)" in command("model", "approve", version, "--by", "erika", "--note", "why not").out
    assert "is in use" in command("model", "reject", version, expect=2).err
    listed = json.loads(command("model", "list", "--json").out)
    assert listed["in_use"] == {"version": version, "origin": "approved by erika"}
    told = {one["version"]: (one["verdict"], one["decided_by"], one["note"]) for one in listed["candidates"]}
    assert told[version] == ("approved", "erika", "why not")
    assert version in command("model", "list").out

    assert "the reviewed file" in command("model", "approve", "reviewed", "--by", "erika").out
    assert f"model {version} is rejected" in command("model", "reject", version, "--by", "otto").out


def test_what_the_gate_refuses_ends_with_2_after_the_figures(command: Callable[..., Any], candidates: list[str]) -> None:
    _, loose = candidates
    done = command("model", "compare", loose, expect=2)
    assert "**Refused by the model gate.**" in done.out and "max_changed_share" in done.err
    assert "the model gate refused" in command("model", "approve", loose, expect=2).err


@pytest.mark.parametrize("verb", ["compare", "approve", "reject"])
def test_an_unknown_version_is_said_with_the_way_to_the_known_ones(command: Callable[..., Any], candidates: list[str], verb: str) -> None:
    assert "there is no model 'zzz' in the registry; `customer360 model list`" in command("model", verb, "zzz", expect=2).err


def test_before_the_first_run_there_is_nothing_to_compare_with(
    command: Callable[..., Any], identity: Any, model_with: Callable[..., Model], checkout: Path
) -> None:
    made = model_with(match_threshold=0.91)
    registry.keep(identity.connection, made)
    identity.connection.commit()
    assert "no candidate" not in command("model", "list").out
    assert "run `customer360 resolve` first" in command("model", "compare", made.version, expect=2).err


def test_training_needs_records_and_a_folder_and_keeps_what_it_was_for(
    command: Callable[..., Any], sources: Any, checkout: Path, people: Callable[..., Any], tmp_path: Path
) -> None:
    assert "too few to train on" in command("model", "train", expect=2).err
    assert "its folder does not exist" in command("model", "train", "--out", str(tmp_path / "no" / "model.json"), expect=2).err
    assert "no candidate; `customer360 model train` makes one" in command("model", "list").out

    sources.publish("shop.customers", people(random.Random(1), 150))
    done = command("model", "train", "--note", "a new source")
    assert "150 records" in done.err and "next: customer360 model compare" in done.out
    (one,) = json.loads(command("model", "list", "--json").out)["candidates"]
    assert (one["training_note"], one["verdict"], one["comparison"]) == ("a new source", None, None)
    command("model", "train", "--out", str(tmp_path / "person.json"))
    assert Model.load(tmp_path / "person.json").version == one["version"], "the same records give the same model"
