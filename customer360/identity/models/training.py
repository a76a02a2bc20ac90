"""Training the platform's model from what its sources already say, where that is enough: no labels made by hand.

Two records that both know a birth date nearly carry their own label: among pairs that share a name, an address or an identifier, equal
birth dates mean one person and others mean two, whatever the other fields say. That sample has the households, the namesakes and the
shared mailboxes of this very population in their true proportion, which estimation without labels has to guess. On it we fit a
logistic regression over the levels of all other comparisons (so that fields which repeat each other, such as street, postal code and
city, do not count twice), and write the result in Splink's terms: a level's weight is log2(m/u). The birth date's own levels are
counted on pairs that share an identifier and a full name.

Fields that other sources lack are hidden at random in the sample, as often as pairs of candidates lack them, so that the weights hold
for a subscriber who is but a name and a mailbox too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.optimize import minimize

from customer360.identity.match import blocking, comparisons, database, splinking
from customer360.identity.match.model import Model
from customer360.identity.match.pairs import Keyring, Pairs, block
from customer360.identity.match.train import load, random_pairs, term_frequencies
from customer360.identity.match.vectors import columns_used, level_sql, share_column

Floats = NDArray[np.float64]
Levels = NDArray[np.int64]
Progress = Callable[[str], None]

FEWEST_LABELLED = 400  # pairs of either kind; with fewer the caller trains without labels
SAMPLED_PAIRS = 600_000
MATCH_THRESHOLD = 0.7  # a wrong merge costs more than a missed one
REVIEW_THRESHOLD = 0.2
_HIDDEN_COPIES = 3  # of each labelled pair, with fields hidden
_RIDGE = 1.0  # pull of a level's weight towards none, in pairs
_BIRTH = "birth_date"
_SAME_BIRTH = (
    "l.birth_date = r.birth_date or damerau_levenshtein(l.birth_date, r.birth_date) <= 1"
    " or (l.birth_date[1:4] = r.birth_date[1:4] and l.birth_date[6:7] = r.birth_date[9:10] and l.birth_date[9:10] = r.birth_date[6:7])"
)
_IDENTIFIERS = ("email", "phone", "external_id", "national_id")
_COVERED = 0.998  # of the matches that all blocking rules find, what the kept ones must find


@dataclass(frozen=True, slots=True)
class _Sample:
    """Pairs by comparison: level reached (-1: a value is missing) and log2 of how much rarer than usual the agreed value is."""

    levels: Levels
    rarity: Floats
    rule: Levels
    label: Levels  # 1 one person, 0 two, -1 unknown
    is_identified: NDArray[np.bool_]  # share an identifier and a full name
    left: NDArray[np.object_]  # record ids
    right: NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class _Fit:
    """Weights in bits. `level`: per comparison; `rarity`: share of a value's rarity that counts."""

    intercept: float
    level: list[Floats]
    rarity: Floats
    is_settled: bool


def train_on_birth_dates(frame: pa.Table, *, seed: int = 360, progress: Progress | None = None) -> Model | None:
    """A model for the records of `frame` (see `match.columns.frame`), or None where too few of them know a birth date.

    The same frame and seed give the same model.
    """
    say = progress or (lambda text: None)
    if _BIRTH not in frame.column_names:
        return None
    varied = [name for name in frame.column_names if pa.types.is_list(frame[name].type) or len(frame[name].unique().drop_null()) > 1]
    compared = comparisons.comparisons(varied)
    with database.connect() as connection:
        load(connection, frame)
        frequencies, rare = term_frequencies(connection, compared)
        keyring = Keyring(connection, "frame")
        # a pair counts as found by the first rule that finds it: rules that read the birth date come last
        rules = sorted(blocking.choose(keyring, frame.column_names), key=lambda rule: any("birth" in key for key in rule.keys))
        conditions = splinking.rules_sql(rules)
        pairs = block(keyring, conditions)
        found = len(pairs)
        say(f"{found} candidate pairs by {len(rules)} blocking rules")
        usual = _usual_shares(connection, frequencies, rare)
        sample = _sample(connection, compared, usual, frequencies, pairs=pairs, share=min(1.0, SAMPLED_PAIRS / max(found, 1)))
        trained = _labelled(sample, conditions)
        positives, negatives = int((sample.label[trained] == 1).sum()), int((sample.label[trained] == 0).sum())
        if min(positives, negatives) < FEWEST_LABELLED:
            say(f"{positives} pairs with equal and {negatives} with other birth dates are too few to learn from")
            return None
        say(f"learning from {positives} pairs with equal and {negatives} with other birth dates")
        names = [str(comparison["output_column_name"]) for comparison in compared]
        birth = next((index for index, name in enumerate(names) if name.startswith("birth")), None)
        fit = _fitted(sample, trained, [_size(one) for one in compared], birth, seed)
        if birth is not None:
            at_random = _sample(connection, [compared[birth]], {}, {}, pairs=random_pairs(frame.num_rows, seed), share=1.0)
            fit.level[birth][:] = _birth_weights(sample.levels[sample.is_identified, birth], at_random.levels[:, 0], _size(compared[birth]))
        kept = _covering(connection, sample, fit, rules)
        say(f"{len(kept)} blocking rules find {_COVERED:.1%} of the matches")
        told = {"pairs_equal": positives, "pairs_other": negatives, "candidate_pairs": found, "converged": fit.is_settled}
        return _model(_splink(compared, fit, usual, splinking.rules_sql(kept)), frequencies, rare, told)


def _size(comparison: Mapping[str, Any]) -> int:
    return sum(not level.get("is_null_level") for level in comparison["comparison_levels"])


def _usual_shares(
    connection: duckdb.DuckDBPyConnection, frequencies: Mapping[str, Mapping[str, float]], rare: Mapping[str, float]
) -> dict[str, float]:
    """Column → how often two random values agree; makes the tables `share_<column>` of every value's share."""
    usual = {}
    for column, listed in frequencies.items():
        connection.register("listed", pa.table({"value": list(listed), "share": pa.array(list(listed.values()), pa.float64())}))
        connection.execute(
            f"create or replace table share_{column} as select f.{column}, coalesce(s.share, {rare[column]}) as share, f.n"
            f" from (select {column}, count(*) as n from frame where {column} is not null group by 1) f"
            f" left join listed s on s.value = f.{column}"
        )
        connection.unregister("listed")
        (mean,) = connection.execute(f"select sum(share * n) / sum(n) from share_{column}").fetchall()[0]
        usual[column] = float(mean)
    return usual


def _sample(
    connection: duckdb.DuckDBPyConnection,
    compared: Sequence[Mapping[str, Any]],
    usual: Mapping[str, float],
    frequencies: Mapping[str, Any],
    *,
    pairs: Pairs,
    share: float,
) -> _Sample:
    used = sorted(set(columns_used(compared)) | {_BIRTH})
    there = {name for (name, *_) in connection.execute("describe frame").fetchall()}
    sides = ", ".join(f"l.{column} as {column}_l, r.{column} as {column}_r" for column in used)
    gammas = ", ".join(f"{level_sql(comparison)} as g{number}" for number, comparison in enumerate(compared))
    judged = {number: column for number, comparison in enumerate(compared) if (column := share_column(comparison)) in frequencies}
    joins = " ".join(f"left join share_{column} s{number} on s{number}.{column} = l.{column}" for number, column in judged.items())
    bits = "".join(f", log2({usual[str(column)]} / s{number}.share) as b{number}" for number, column in judged.items())
    shared = " or ".join(f"l.{column} = r.{column}" for column in _IDENTIFIERS if column in there) or "false"
    connection.register("sampled_pairs", pa.table({"l": pairs.left, "r": pairs.right, "rule": pairs.rule}))
    default = _default_dates(connection)
    label = (
        f"case when l.{_BIRTH} is null or r.{_BIRTH} is null or l.{_BIRTH} in ({default}) or r.{_BIRTH} in ({default}) then -1"
        f" when {_SAME_BIRTH} then 1 else 0 end"
    )
    named = "l.last_key = r.last_key and l.first_key = r.first_key" if {"last_key", "first_key"} <= there else "false"
    found = connection.execute(
        f"with sided as (select p.rule, {label} as label, "
        f" coalesce(({shared}) and {named}, false) as identified, l.unique_id as id_l, r.unique_id as id_r,"
        f" {sides}{bits} from sampled_pairs p join frame l on l.row = p.l join frame r on r.row = p.r {joins}"
        f" where ('0x' || left(md5(l.unique_id || '~' || r.unique_id), 8))::bigint % 1000000 < {round(share * 1e6)}"
        f" order by p.l, p.r)"
        f" select rule, label, identified, id_l, id_r, {gammas}{''.join(f', b{number}' for number in judged)} from sided"
    ).fetchnumpy()
    connection.unregister("sampled_pairs")
    levels = np.column_stack([np.asarray(found[f"g{number}"], dtype=np.int64) for number in range(len(compared))])
    rarity = np.zeros(levels.shape)
    for number in judged:
        bits_of = np.ma.filled(np.ma.asarray(found[f"b{number}"], dtype=np.float64), 0.0)
        rarity[:, number] = np.where(levels[:, number] == 0, bits_of, 0.0)
    return _Sample(
        levels=levels,
        rarity=rarity,
        rule=np.asarray(found["rule"], dtype=np.int64),
        label=np.asarray(found["label"], dtype=np.int64),
        is_identified=np.asarray(found["identified"], dtype=bool),
        left=np.asarray(found["id_l"], dtype=object),
        right=np.asarray(found["id_r"], dtype=object),
    )


def _default_dates(connection: duckdb.DuckDBPyConnection) -> str:
    """Birth dates that forms and clerks put where they know none: far more people have them than any other day. Quoted, for SQL."""
    rows = connection.execute(
        f"with days as (select {_BIRTH} as day, count(*) as n from frame where {_BIRTH} is not null group by 1)"
        " select day from days where n > greatest(5, 10 * (select avg(n) from days)) order by 1"
    ).fetchall()
    return ", ".join(f"'{day}'" for (day,) in rows) or "''"


def _labelled(sample: _Sample, conditions: Sequence[str]) -> NDArray[np.bool_]:
    """Pairs to learn from: both birth dates known, not found through the birth date itself, and no likely typing error of it (other
    dates, though they share an identifier and a full name)."""
    by_birth = np.array([f".{_BIRTH}" in condition or ".birth_" in condition for condition in conditions])
    usable: NDArray[np.bool_] = (sample.label >= 0) & ~by_birth[sample.rule] & ~((sample.label == 0) & sample.is_identified)
    return usable


def _fitted(sample: _Sample, trained: NDArray[np.bool_], sizes: Sequence[int], birth: int | None, seed: int) -> _Fit:
    """Logistic regression over levels (a missing value weighs nothing) and rarities. Its intercept is that of a candidate pair:
    a fit over all pairs there are was tried and lost recall, because a sum of weights cannot say how names and mailboxes depend."""
    dice = np.random.default_rng(seed)
    rows = np.flatnonzero(trained)
    levels, rarity, label = [sample.levels[rows]], [sample.rarity[rows]], [sample.label[rows]]
    for _ in range(_HIDDEN_COPIES):
        donors = _donors(sample.rule, rows, dice)
        hidden = sample.levels[donors] < 0
        levels.append(np.where(hidden, -1, sample.levels[rows]))
        rarity.append(np.where(hidden, 0.0, sample.rarity[rows]))
        label.append(sample.label[rows])
    every, bits, truth = np.concatenate(levels), np.concatenate(rarity), np.concatenate(label).astype(np.float64)
    if birth is not None:
        every[:, birth], bits[:, birth] = -1, 0.0
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    patterns, inverse = np.unique(np.column_stack([every, np.round(bits)]), axis=0, return_inverse=True)
    inverse = inverse.ravel()
    count = len(sizes)
    level_of, bits_of = patterns[:, :count].astype(np.int64), patterns[:, count:].astype(np.float64)
    total = np.bincount(inverse).astype(np.float64)
    ones: Floats = np.bincount(inverse, weights=truth).astype(np.float64)
    weights, share, intercept, is_settled = _regression(level_of, bits_of, total, ones, offsets)
    if birth is not None:
        share[birth] = 1.0
    return _Fit(intercept, [weights[offsets[n] : offsets[n + 1]].copy() for n in range(count)], share, is_settled)


def _donors(rule: Levels, rows: Levels, dice: np.random.Generator) -> Levels:
    """For each row a random pair that the same blocking rule found."""
    order = np.argsort(rule, kind="stable")
    starts, ends = np.searchsorted(rule[order], rule[rows]), np.searchsorted(rule[order], rule[rows], "right")
    chosen: Levels = order[starts + (dice.random(len(rows)) * (ends - starts)).astype(np.int64)]
    return chosen


def _regression(level_of: Levels, bits_of: Floats, total: Floats, ones: Floats, offsets: Levels) -> tuple[Floats, Floats, float, bool]:
    count, width = level_of.shape[1], int(offsets[-1])
    column = np.where(level_of >= 0, level_of + offsets[:-1], width)  # the last weight is that of a missing value: none

    def loss(values: Floats) -> tuple[float, Floats]:
        weights, share, intercept = np.append(values[:width], 0.0), values[width : width + count], values[-1]
        score = intercept + weights[column].sum(axis=1) + bits_of @ share
        log_odds = score * np.log(2.0)
        value = float((total * np.logaddexp(0.0, log_odds) - ones * log_odds).sum() + 0.5 * _RIDGE * (values[:width] ** 2).sum())
        slope = (total / (1.0 + np.exp(-np.clip(log_odds, -500, 500))) - ones) * np.log(2.0)
        gradient = np.zeros(width + 1)
        for number in range(count):
            gradient += np.bincount(column[:, number], weights=slope, minlength=width + 1)
        return value, np.concatenate([gradient[:width] + _RIDGE * values[:width], bits_of.T @ slope, [slope.sum()]])

    start = np.zeros(width + count + 1)
    bounds = [(-20.0, 20.0)] * width + [(0.0, 1.0)] * count + [(-30.0, 30.0)]
    start[-1] = np.log2(ones.sum() / (total.sum() - ones.sum()))
    scale = ones.sum()

    def scaled(values: Floats) -> tuple[float, Floats]:
        value, gradient = loss(values)
        return value / scale, gradient / scale

    best = minimize(scaled, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 2_000, "maxfun": 4_000})
    # status 1: stopped by its limit of iterations or evaluations
    return best.x[:width], best.x[width : width + count], float(best.x[-1]), best.status != 1


def _birth_weights(same: Levels, other: Levels, size: int) -> Floats:
    """log2(m/u) of the birth date's levels: m from pairs that share an identifier and a full name, u from pairs at random."""
    m = np.bincount(same[same >= 0], minlength=size) + 0.5
    u = np.bincount(other[other >= 0], minlength=size) + 0.5
    weights: Floats = np.clip(np.log2((m / m.sum()) / (u / u.sum())), -12.0, 14.0)
    return weights


def _splink(compared: Sequence[Mapping[str, Any]], fit: _Fit, usual: Mapping[str, float], conditions: Sequence[str]) -> dict[str, Any]:
    """The fit in Splink's terms: u freely chosen, m = u · 2^weight."""
    out = []
    for number, comparison in enumerate(compared):
        levels, position = [], 0
        for level in comparison["comparison_levels"]:
            if level.get("is_null_level"):
                levels.append(dict(level))
                continue
            weight, part = float(fit.level[number][position]), float(fit.rarity[number])
            position += 1
            plain = {key: value for key, value in level.items() if not key.startswith("tf_")}
            column = level.get("tf_adjustment_column")
            u = min(usual.get(str(column), 0.05), 0.99) if column else 0.05
            if column and part > 0.01:
                # Splink adds part · log2(u / share): with u the usual share, that is the rarity the fit has weighed
                plain |= {"tf_adjustment_column": column, "tf_adjustment_weight": round(part, 4)}
                u = min(u, 0.99 * 2.0**-weight) if part > 0.99 else u
                weight = min(weight, float(np.log2(0.99 / u)))
            else:
                u = min(u, 0.99 * 2.0**-weight)
            levels.append(plain | {"m_probability": round(u * 2.0**weight, 12), "u_probability": round(u, 12)})
        out.append({**comparison, "comparison_levels": levels})
    return splinking.settings(out, conditions, float(1.0 / (1.0 + 2.0**-fit.intercept)))


def _model(
    settings: Mapping[str, Any],
    frequencies: Mapping[str, Any],
    rare: Mapping[str, float],
    told: Mapping[str, Any],
) -> Model:
    used = {level.get("tf_adjustment_column") for comparison in settings["comparisons"] for level in comparison["comparison_levels"]}
    return Model(
        splink=settings,
        match_threshold=MATCH_THRESHOLD,
        review_threshold=REVIEW_THRESHOLD,
        term_frequencies={column: shares for column, shares in frequencies.items() if column in used},
        rare={column: share for column, share in rare.items() if column in used},
        training={"method": "birth_dates", **told},
    )


def _covering(connection: duckdb.DuckDBPyConnection, sample: _Sample, fit: _Fit, rules: Sequence[blocking.Rule]) -> list[blocking.Rule]:
    """Few rules that find nearly all matches: each rule kept is a key that every record carries for good.

    Greedy: the rule that finds most matches not yet found for the pairs it makes, until `_COVERED` of them are found.
    """
    padded = [np.append(weights, 0.0) for weights in fit.level]
    score = fit.intercept + sample.rarity @ fit.rarity
    for number, weights in enumerate(padded):
        score += weights[sample.levels[:, number]]
    matches = score > np.log2(MATCH_THRESHOLD / (1 - MATCH_THRESHOLD))
    connection.register("matches", pa.table({"l": sample.left[matches], "r": sample.right[matches]}))
    tests = ", ".join(f"coalesce({rule.sql}, false) as r{number}" for number, rule in enumerate(rules))
    found = connection.execute(
        f"select {tests} from matches m join frame l on l.unique_id = m.l join frame r on r.unique_id = m.r"
    ).fetchnumpy()
    connection.unregister("matches")
    finds = np.column_stack([np.asarray(found[f"r{number}"], dtype=bool) for number in range(len(rules))])
    missing, kept = np.ones(len(finds), dtype=bool), []
    while missing.sum() > (1 - _COVERED) * len(finds):
        gain = finds[missing].sum(axis=0) / np.sqrt([max(rule.pairs, 1) for rule in rules])
        best = int(np.argmax(gain))
        kept.append(rules[best])
        missing &= ~finds[:, best]
    return kept or list(rules)
