"""Read source contracts. What comes out is valid: a contract with any problem raises ContractError, which lists all of them."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from customer360.contracts import document, references, source, standard
from customer360.contracts.document import Document
from customer360.contracts.model import SourceContract
from customer360.contracts.problems import ContractError, Problem
from customer360.platform import home

__all__ = ["ContractError", "contract_files", "load_contract", "load_contracts"]

Signature = tuple[tuple[str, int, int], ...]  # path, time of change in ns, bytes


def load_contract(path: Path) -> SourceContract:
    """Read one contract. References to other systems are not followed; `load_contracts` does. Raises ContractError."""
    read = _read([path], follow=False)
    return next(iter(read.values()))[0]


def load_contracts(folder: Path | None = None) -> dict[str, SourceContract]:
    """Read every contract of a folder (default: the checkout's `contracts/` and the folders in `C360_CONTRACTS`, separated by `:`)
    and follow their references. Returns the contracts to read from (status active or deprecated) by system, in order of name.

    Contracts are read again only when a file changed. Raises ContractError.
    """
    signature = _signature(contract_files(folder))
    return dict(_load(signature))


def contract_files(folder: Path | None = None) -> list[Path]:
    """The contract files that `load_contracts` reads, in order. Raises ContractError when a folder does not exist."""
    folders = [folder] if folder is not None else [home.repo() / "contracts", *_extra_folders()]
    files: list[Path] = []
    for each in folders:
        if not each.is_dir():
            raise ContractError(
                [
                    Problem(
                        file=str(each), line=None, place="", message="is no folder", fix="name a folder of contracts (see C360_CONTRACTS)"
                    )
                ]
            )
        files += sorted(path for pattern in ("*.yaml", "*.yml") for path in each.glob(pattern))
    return files


def _extra_folders() -> list[Path]:
    return [Path(part).expanduser() for part in os.environ.get("C360_CONTRACTS", "").split(":") if part]


def _signature(files: Iterable[Path]) -> Signature:
    stats = [(path, path.stat()) for path in files]
    return tuple((str(path), stat.st_mtime_ns, stat.st_size) for path, stat in stats)


@functools.lru_cache(maxsize=8)
def _load(signature: Signature) -> dict[str, SourceContract]:
    read = _read([Path(path) for path, _, _ in signature], follow=True)
    return {system: contract for system, (contract, is_read) in sorted(read.items()) if is_read}


def _read(paths: Sequence[Path], *, follow: bool) -> dict[str, tuple[SourceContract, bool]]:
    """Contracts by system, each with whether its status has it read from."""
    problems: list[Problem] = []
    drafts: list[source.Draft] = []
    for path in paths:
        try:
            read = document.read(path, shown_as=_shown_as(path))
        except ContractError as error:
            problems += error.problems
            continue
        draft = source.build(read) if standard.check(read) else None
        if draft is not None:
            drafts.append(draft)
        problems += _taken(read)
    # References into a contract that is itself broken would only repeat its problems.
    references.check(drafts, complete=follow and len(drafts) == len(paths))
    for draft in drafts:
        problems += _taken(draft.document)
    if problems:
        raise ContractError(problems)
    return {draft.contract.system: (draft.contract, draft.is_read) for draft in drafts}


def _taken(read: Document) -> list[Problem]:
    found, read.problems = read.problems, []
    return found


def _shown_as(path: Path) -> str:
    """The path as the user would write it: below the checkout relative to it."""
    try:
        return str(path.resolve().relative_to(home.repo()))
    except (ValueError, home.PlatformError):
        return str(path)
