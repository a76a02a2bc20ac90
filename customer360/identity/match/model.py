"""The reviewed model file: Splink's own settings and everything else a run needs to score without looking at the population."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from customer360.errors import UserError
from customer360.identity.standardise import STANDARDISER_VERSION

FORMAT = "customer360.match.model/1"


class ModelError(UserError):
    """A model file that cannot be used: what, where, how to mend."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A frozen model.

    `splink`: settings in Splink's terms, trained (comparisons with m and u, blocking rules, prior).
    `match_threshold` / `review_threshold`: match probabilities; at or above the first two records are linked, between the two a
    steward decides. `term_frequencies`: column → value → share of all values; `rare`: column → share of a value not listed.
    `cluster`: keyword arguments of `cluster.cluster` (`resolution`). `training`: figures of the run that made it (records, pairs,
    estimated precision and recall); never a personal value.
    """

    splink: Mapping[str, Any]
    match_threshold: float
    review_threshold: float
    term_frequencies: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    rare: Mapping[str, float] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    cluster: Mapping[str, float] = field(default_factory=dict)
    standardiser_version: str = STANDARDISER_VERSION

    @property
    def version(self) -> str:
        """A digest of everything that decides a score: equal models have equal versions."""
        content = self._fields()
        content.pop("training")
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]

    def text(self) -> str:
        """The model file's content: JSON, keys sorted, one item a line, so that a new model reviews as a diff."""
        document = {"format": FORMAT, "version": self.version, **self._fields()}
        return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"

    def _fields(self) -> dict[str, Any]:
        """The fields by name. `asdict` would copy a hundred thousand values, each time a run asks which model it is."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def save(self, path: Path) -> None:
        """Writes the model file."""
        path.write_text(self.text(), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Model:
        """Reads and checks a model file. Raises ModelError naming the file, the key and the fix."""
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise ModelError(f"{path}: there is no such model file. Train one with `customer360 match … --model-out {path}`.") from None
        except UnicodeDecodeError as problem:
            raise ModelError(f"{path}: not a JSON file ({problem}). Restore it from version control or train a new one.") from None
        return cls.parse(text, path)

    @classmethod
    def parse(cls, text: str, path: Path | str) -> Model:
        """Checks a model file's content; `path` says in errors where it came from. Raises ModelError."""
        try:
            document = json.loads(text)
        except json.JSONDecodeError as problem:
            raise ModelError(f"{path}: not a JSON file ({problem}). Restore it from version control or train a new one.") from None
        return cls._checked(document, path)

    @classmethod
    def _checked(cls, document: Any, path: Path | str) -> Model:
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            found = document.get("format") if isinstance(document, dict) else type(document).__name__
            raise ModelError(f"{path}: format is {found!r}, this version reads {FORMAT!r}. Train the model again.")
        given = {key: value for key, value in document.items() if key not in {"format", "version"}}
        known = set(cls.__dataclass_fields__)
        if unknown := sorted(set(given) - known):
            raise ModelError(f"{path}: unknown key {unknown[0]!r}. Allowed: {', '.join(sorted(known))}.")
        if missing := sorted(known - set(given)):
            raise ModelError(f"{path}: key {missing[0]!r} is missing. Train the model again or restore the file.")
        _check_thresholds(given, path)
        _check_settings(given, path)
        model = cls(**given)
        if document.get("version") != model.version:
            raise ModelError(
                f"{path}: version {document.get('version')!r} is not that of its content ({model.version!r}): the file was edited. "
                "Set version to the digest if the edit is meant."
            )
        return model


def _check_thresholds(given: Mapping[str, Any], path: Path | str) -> None:
    for name in ("match_threshold", "review_threshold"):
        value = given[name]
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 1:
            raise ModelError(f"{path}: {name} is {value!r}; it must be a probability above 0 and at most 1.")
    if given["review_threshold"] > given["match_threshold"]:
        raise ModelError(f"{path}: review_threshold is above match_threshold; swap them or make them equal.")


def _check_settings(given: Mapping[str, Any], path: Path | str) -> None:
    settings = given["splink"]
    if not isinstance(settings, dict) or not settings.get("comparisons") or not settings.get("blocking_rules_to_generate_predictions"):
        raise ModelError(f"{path}: splink must hold Splink settings with `comparisons` and `blocking_rules_to_generate_predictions`.")
    for comparison in settings["comparisons"]:
        _check_comparison(comparison, path)
    if given["standardiser_version"] != STANDARDISER_VERSION:
        raise ModelError(
            f"{path}: trained on standardiser version {given['standardiser_version']!r}, this is {STANDARDISER_VERSION!r}. Train it again."
        )


def _check_comparison(comparison: Any, path: Path | str) -> None:
    name = comparison.get("output_column_name") if isinstance(comparison, dict) else None
    levels = comparison.get("comparison_levels") if isinstance(comparison, dict) else None
    if not name or not isinstance(levels, list) or len(levels) < 2:
        raise ModelError(f"{path}: splink.comparisons: an entry lacks output_column_name or its comparison_levels.")
    for level in levels:
        if level.get("is_null_level"):
            continue
        for share in ("m_probability", "u_probability"):
            value = level.get(share)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 1:
                raise ModelError(
                    f"{path}: splink.comparisons[{name}]: {share} of level {level.get('label_for_charts')!r} is {value!r}; "
                    "it must be above 0 and at most 1."
                )
