"""Splink 5 with its documented settings on a people folder: `python splink_people.py FOLDER CLUSTERS.csv [PAIRS_A_RECORD]`.

Its documentation has one demo per kind of persons, and this takes the one that fits what the map says the columns are:
addresses (the febrl4 demo), birth places or occupations (the 50,000 historical persons), else names with a few contacts (the
tutorial). Comparisons, blocking rules, rules for the prior, training rules, thresholds are those of the demos. A rule that a demo
gives for a small file and that would make more than PAIRS_A_RECORD here gets, as the demo advises, a further condition.

How many pairs a rule may make is our reading, not Splink's: its documentation says to count what each rule makes and to tighten one
that makes too many for the machine, and names no number. At a million records of the register, seconds on two cores and F1 of 5, 10 and 20
pairs a record and rule: with ids - .9966, 36 s .9977, 100 s .9995; without 9 s .828, 14 s .859, 32 s .930. Twenty is what reaches the
quality that its settings are known for (.9987 with ids), and is what we compare with; ten is shown beside it.
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import people_folder
import splink.comparison_library as cl
from people_folder import PeopleFolder
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

PAIRS_A_RECORD = float(sys.argv[3]) if len(sys.argv) > 3 else 20.0
COMPACT = r"^\d{8}$"


@dataclass(frozen=True)
class Demo:
    """What a demo prescribes."""

    comparisons: list[Any]
    rules: list[tuple[str, ...]]  # columns (or expressions) that must be equal
    swapped_names: bool
    sure: list[tuple[str, ...]]  # rules for the prior
    recall: float
    training: list[tuple[str, ...]]
    pairs: float  # for u
    predicted_from: float
    clustered_from: float


class Columns:
    """The file's columns by meaning; a demo's rule that names one that is not there is left out."""

    def __init__(self, folder: PeopleFolder) -> None:
        self.of = folder.column
        self.there = {column for columns in folder.by_type.values() for column in columns}

    def rules(self, *rules: Sequence[str]) -> list[tuple[str, ...]]:
        """Rules of semantic types (`start(type,n)`: its first n characters) as rules of columns."""
        found = []
        for rule in rules:
            terms = [self._term(part) for part in rule]
            if all(terms):
                found.append(tuple(term for term in terms if term))
        return found

    def _term(self, part: str) -> str | None:
        if ":" not in part:
            return self.of(part)
        semantic_type, count = part.split(":")
        column = self.of(semantic_type)
        return column and f"substr({column},1,{count})"


def born(column: str, compact: bool) -> Any:
    """The demos' comparison of birth dates; dates that are none count as missing."""
    return cl.DateOfBirthComparison(
        column, input_is_string=True, datetime_format="%Y%m%d" if compact else "%Y-%m-%d", invalid_dates_as_null=True
    )


def addresses(columns: Columns, compact: bool) -> Demo:
    """docs/demos/examples/duckdb/febrl4, the detailed model."""
    made: list[Any] = [
        cl.NameComparison(name).configure(term_frequency_adjustments=True)
        for kind in ("first_name", "last_name")
        if (name := columns.of(kind))
    ]
    if date := columns.of("birth_date"):
        made.append(born(date, compact))
    for kind in ("national_id", "external_id"):
        if number := columns.of(kind):
            made.append(cl.DamerauLevenshteinAtThresholds(number, [1, 2]))
    if phone := columns.of("phone"):
        made.append(cl.DamerauLevenshteinAtThresholds(phone, [1, 2]))
    if mail := columns.of("email"):
        made.append(cl.EmailComparison(mail))
    if house := columns.of("house_number"):
        made.append(cl.ExactMatch(house).configure(term_frequency_adjustments=True))
    if code := columns.of("postal_code"):
        made.append(cl.DamerauLevenshteinAtThresholds(code, [1, 2]).configure(term_frequency_adjustments=True))
    names = ("first_name", "last_name")
    single = [("birth_date",), ("national_id",), ("external_id",), ("phone",), ("email",)]
    return Demo(
        comparisons=made,
        rules=columns.rules(names, *single, ("region", "street"), ("house_number", "street"), ("postal_code",)),
        swapped_names=True,
        sure=columns.rules(("national_id",), ("external_id",), (*names, "birth_date")),
        recall=0.8,
        training=columns.rules(("birth_date",), ("postal_code",)),
        pairs=1e6,
        predicted_from=0.2,
        clustered_from=0.99,
    )


def history(columns: Columns, compact: bool) -> Demo:
    """docs/demos/examples/duckdb/deduplicate_50k_synthetic."""
    first, last = columns.of("first_name"), columns.of("last_name")
    made: list[Any] = []
    if first and last:
        made.append(cl.ForenameSurnameComparison(first, last, forename_surname_concat_col_name="forename_surname"))
    if date := columns.of("birth_date"):
        made.append(born(date, compact))
    if code := columns.of("postal_code"):
        made.append(cl.PostcodeComparison(code))
    made += [
        cl.ExactMatch(name).configure(term_frequency_adjustments=True)
        for kind in ("birth_place", "occupation")
        if (name := columns.of(kind))
    ]
    names, area = ("first_name", "last_name"), "postal_code:3"
    return Demo(
        comparisons=made,
        rules=columns.rules(
            ("first_name:3", "last_name:4"),
            *(("birth_date", name) for name in ("last_name", "first_name")),
            *(("postal_code", name) for name in names),
            ("birth_date", "birth_place"),
            *((area, other) for other in ("birth_date", "first_name", "last_name")),
            ("first_name:2", "last_name:2", "birth_date:4"),
        ),
        swapped_names=False,
        sure=columns.rules((*names, "birth_date"), ("first_name:2", "last_name", "postal_code:2"), ("birth_date", "postal_code")),
        recall=0.6,
        training=columns.rules(names, ("birth_date",)),
        pairs=1e7,
        predicted_from=0.0,
        clustered_from=0.95,
    )


def contacts(columns: Columns, _compact: bool) -> Demo:
    """docs/demos/tutorials 03 to 05."""
    made: list[Any] = [cl.NameComparison(name) for kind in ("full_name", "first_name", "last_name") if (name := columns.of(kind))]
    for kind in ("birth_date", "birth_year"):
        if date := columns.of(kind):
            made.append(cl.LevenshteinAtThresholds(date, 1))
    if town := columns.of("city"):
        made.append(cl.ExactMatch(town).configure(term_frequency_adjustments=True))
    if mail := columns.of("email"):
        made.append(cl.EmailComparison(mail))
    if phone := columns.of("phone"):
        made.append(cl.LevenshteinAtThresholds(phone, 1))
    if company := columns.of("organisation"):
        made.append(cl.JaroWinklerAtThresholds(company))
    without = [] if columns.of("last_name") else [("full_name",), ("organisation",), ("phone",), ("email",)]
    return Demo(
        comparisons=made,
        rules=columns.rules(("first_name", "city"), ("last_name",), *without),
        swapped_names=False,
        sure=columns.rules(("first_name", "birth_date"), ("email",), ("full_name", "birth_date"), ("phone",)),
        recall=0.7,
        training=columns.rules(("first_name", "last_name"), ("birth_date",), *without),
        pairs=2e6,
        predicted_from=0.1,
        clustered_from=0.2,
    )


def demo(folder: PeopleFolder, compact: bool) -> Demo:
    """The demo for this kind of columns."""
    columns = Columns(folder)
    if columns.of("street") or columns.of("house_number") or columns.of("national_id"):
        return addresses(columns, compact)
    if columns.of("birth_place") or columns.of("occupation"):
        return history(columns, compact)
    return contacts(columns, compact)


def narrowed(connection: duckdb.DuckDBPyConnection, folder: PeopleFolder, rule: tuple[str, ...], records: int) -> tuple[str, ...]:
    """The rule, with a further condition while it makes too many pairs."""
    for further in ("first_name", "last_name"):
        known = " and ".join(f"{term} is not null" for term in rule)
        (pairs,) = connection.execute(
            f"select coalesce(sum(n * (n - 1) / 2), 0) from (select count(*) as n from people where {known} group by {', '.join(rule)})"
        ).fetchall()[0]
        column = folder.column(further)
        if pairs <= PAIRS_A_RECORD * records or column is None or column in rule:
            break
        rule = (*rule, column)
    return rule


def read(folder: PeopleFolder) -> tuple[duckdb.DuckDBPyConnection, int, bool]:
    """The file as table `people`, how many records it has, and whether its birth dates are eight digits."""
    connection = duckdb.connect()
    first, last = folder.column("first_name"), folder.column("last_name")
    joined = f", {first} || ' ' || {last} as forename_surname" if first and last else ""
    unique = f"{folder.source} || ':' || {folder.record_id}" if folder.source else folder.record_id
    connection.execute(
        f"create table people as select *, {unique} as unique_id{joined} from read_csv('{folder.records}', all_varchar = true)"
    )
    (records,) = connection.execute("select count(*) from people").fetchall()[0]
    date = folder.column("birth_date")
    compact = bool(date) and connection.execute(
        f"select count(*) filter (regexp_matches({date}, '{COMPACT}')) * 2 > count({date}) from people"
    ).fetchall() == [(True,)]
    return connection, int(records), compact


def main() -> None:
    """Reads, trains, scores, clusters, writes."""
    warnings.simplefilter("ignore")
    logging.getLogger("splink").setLevel(logging.ERROR)
    folder, out = people_folder.read(Path(sys.argv[1])), sys.argv[2]
    steps = people_folder.Steps()
    connection, records, compact = read(folder)
    steps.done("read")
    chosen = demo(folder, compact)
    if not chosen.comparisons or not chosen.training or not chosen.sure:
        people_folder.cannot("none of its demos has comparisons, training rules or rules for the prior for such columns")
    rules: list[Any] = [block_on(*narrowed(connection, folder, rule, records)) for rule in chosen.rules]
    first, last = folder.column("first_name"), folder.column("last_name")
    if chosen.swapped_names and first and last:
        rules.insert(1, f"l.{first} = r.{last} and l.{last} = r.{first}")
    settings = SettingsCreator(link_type="dedupe_only", comparisons=chosen.comparisons, blocking_rules_to_generate_predictions=rules)
    api = DuckDBAPI(connection=connection)
    linker = Linker(api.register("people"), settings)
    training = linker.training
    training.estimate_probability_two_random_records_match([block_on(*rule) for rule in chosen.sure], recall=chosen.recall)
    training.estimate_u_using_random_sampling(max_pairs=chosen.pairs, seed=2)
    for rule in chosen.training:
        training.estimate_parameters_using_expectation_maximisation(
            block_on(*narrowed(connection, folder, rule, records)), estimate_without_term_frequencies=True
        )
    steps.done("train")
    found = linker.inference.predict(threshold_match_probability=chosen.predicted_from)
    steps.done("score")
    clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(found, threshold_match_probability=chosen.clustered_from)
    steps.done("cluster")
    connection.execute(
        f"copy (select p.{folder.record_id} as record_id, c.cluster_id as customer_id"
        f" from {clusters.physical_name} c join people p using (unique_id)) to '{out}' (header)"
    )
    steps.done("write")
    steps.tell()


main()
