"""Read a YAML file into plain data and remember on which line each value stands.

Stricter than `yaml.safe_load`: a key given twice is a problem (YAML's rule is that the last one silently wins), dates stay text,
and files that grow without bound through aliases are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from customer360.contracts.problems import ContractError, Problem, did_you_mean

Path_ = tuple[str | int, ...]  # the way to a value: ("schema", 0, "name")

_LARGEST_FILE = 5_000_000  # bytes
_MOST_VALUES = 200_000
_DEEPEST = 50


class _Loader(yaml.SafeLoader):
    """SafeLoader that leaves dates alone: `2024-13-45` is for our own checks to refuse, not for the YAML library to fail on."""


try:
    from yaml.cyaml import CParser  # type: ignore[attr-defined]  # its stub hides what it imports
except ImportError:  # PyYAML can be built without libyaml
    _LOADERS: tuple[type[Any], ...] = (_Loader,)
else:

    class _FastLoader(Composer, CParser, SafeConstructor, Resolver):
        """The same by libyaml, in half the time. What it cannot read the other reads again: its errors are the clearer ones.

        Nodes are put together in Python: libyaml's own way of it ends the process where they are nested too deeply.
        """

        def __init__(self, stream: str) -> None:
            CParser.__init__(self, stream)
            Composer.__init__(self)
            SafeConstructor.__init__(self)
            Resolver.__init__(self)

    _LOADERS = (_FastLoader, _Loader)

for _loader in _LOADERS:
    _loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


@dataclass(slots=True, kw_only=True)
class Document:
    """One contract file: its data, where each value stands, and what was found wrong with it so far."""

    file: str
    data: Any
    lines: dict[Path_, int]
    problems: list[Problem] = field(default_factory=list)

    def report(self, path: Path_, message: str, fix: str) -> None:
        """Note a problem with the value at `path` (or, where it is missing, with what should hold it)."""
        self.problems.append(Problem(file=self.file, line=self._line(path), place=self._place(path), message=message, fix=fix))

    def check_keys(self, path: Path_, value: object, known: tuple[str, ...]) -> bool:
        """Whether `value` is a mapping; its unknown keys are reported."""
        if not isinstance(value, dict):
            self.report(path, f"{path[-1]} must be a mapping", f"write it with keys from: {', '.join(known)}")
            return False
        for key in value:
            if key not in known:
                self.report((*path, key), f"unknown key {key!r}", did_you_mean(key, known))
        return True

    def check_word(self, path: Path_, value: object, known: tuple[str, ...] | frozenset[str]) -> bool:
        """Whether `value` is one of the known words; else it is reported."""
        if isinstance(value, str) and value in known:
            return True
        self.report(path, f"unknown {path[-1]} {value!r}", did_you_mean(value, known))
        return False

    def _line(self, path: Path_) -> int | None:
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)

    def _place(self, path: Path_) -> str:
        """`contacts.email` for what stands in a field, else the keys that lead there."""
        value, names, rest = self.data, [], list(path)
        if len(path) > 1 and path[0] == "schema":
            while len(rest) > 1 and rest[0] in ("schema", "properties") and isinstance(rest[1], int):
                # while the file is being read there are no names yet
                held = value.get(rest[0]) if isinstance(value, dict) else None
                value = held[rest[1]] if isinstance(held, list) and rest[1] < len(held) else None
                name = value.get("name") if isinstance(value, dict) else None
                names.append(str(name) if name else f"{rest[0]}[{rest[1]}]")
                rest = rest[2:]
            return ".".join(names)
        return ".".join(str(part) for part in path[:-1])


def read(path: Path, *, shown_as: str) -> Document:
    """Read one file. Raises ContractError when it is not YAML, or no mapping."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _error(shown_as, None, f"cannot be read: {error.strerror}", "give the path of a contract file") from error
    return parse(content, shown_as=shown_as)


def parse(content: bytes, *, shown_as: str) -> Document:
    """Parse the bytes of one file. Raises ContractError when they are not UTF-8 YAML, or no mapping."""
    if len(content) > _LARGEST_FILE:
        raise _error(shown_as, None, f"is larger than {_LARGEST_FILE:,} bytes", "a contract is a few hundred lines; give the right file")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _error(shown_as, content[: error.start].count(b"\n") + 1, "is not UTF-8", "save it as UTF-8") from error
    try:
        document = _built(text, shown_as)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        raise _error(shown_as, line, f"is not YAML: {error.problem or error.context}", "mend the line, or quote the value") from error
    except yaml.YAMLError as error:
        raise _error(shown_as, None, f"is not YAML: {str(error).splitlines()[0]}", "remove characters that YAML does not allow") from error
    except RecursionError as error:
        raise _error(shown_as, None, "is nested too deeply", "a contract has few levels; give the right file") from error
    if not isinstance(document.data, dict):
        raise _error(shown_as, 1, "holds no contract", "begin with apiVersion, kind: DataContract and id")
    return document


def _built(text: str, shown_as: str) -> Document:
    """Raises YAMLError and RecursionError."""
    for loads in _LOADERS:
        loader = loads(text)
        builder = _Builder(loader, Document(file=shown_as, data=None, lines={}))
        try:
            node = loader.get_single_node()
            if node is not None:
                builder.document.data = builder.build(node, ())
            break
        except yaml.YAMLError:
            if loads is _LOADERS[-1]:
                raise
        finally:
            loader.dispose()
    return builder.document


def _error(file: str, line: int | None, message: str, fix: str) -> ContractError:
    return ContractError([Problem(file=file, line=line, place="", message=message, fix=fix)])


class _Builder:
    """Turns YAML nodes into plain data."""

    def __init__(self, loader: Any, document: Document) -> None:
        self.document = document
        self._loader = loader
        self._values = 0

    def build(self, node: yaml.Node, path: Path_) -> Any:
        self._values += 1
        if self._values > _MOST_VALUES or len(path) > _DEEPEST:
            raise _error(
                self.document.file,
                node.start_mark.line + 1,
                "has too many values, or an alias that holds itself",
                "write it out without it",
            )
        self.document.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(child, (*path, position)) for position, child in enumerate(node.value)]
        try:
            return self._loader.construct_object(node)
        except (yaml.YAMLError, ValueError, TypeError, LookupError, OverflowError, AttributeError):
            self.document.report(
                path, f"a value of the kind {node.tag.removeprefix('tag:yaml.org,2002:')!r} cannot be read", "put it in quotes"
            )
            return str(node.value)

    def _mapping(self, node: yaml.MappingNode, path: Path_) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                for source in self._merge_sources(value_node, path):
                    merged = {**source, **merged}
                continue
            key = self._key(key_node, path)
            if key in result:
                self.document.report((*path, key), f"{key!r} is given twice", "keep one of them")
            self.document.lines[(*path, key)] = key_node.start_mark.line + 1
            result[key] = self.build(value_node, (*path, key))
        return {**merged, **result}

    def _key(self, node: yaml.Node, path: Path_) -> str:
        if isinstance(node, yaml.ScalarNode):
            if node.tag != "tag:yaml.org,2002:str":
                self.document.report((*path, node.value), f"the key {node.value!r} is no text to YAML", "put it in quotes")
            return str(node.value)
        line = node.start_mark.line + 1
        raise _error(self.document.file, line, "a key is a list or mapping", "quote values that hold { } or [ ]")

    def _merge_sources(self, node: yaml.Node, path: Path_) -> Iterator[dict[str, Any]]:
        built = self.build(node, (*path, "<<"))
        for source in built if isinstance(built, list) else [built]:
            if isinstance(source, dict):
                yield source
            else:
                self.document.report((*path, "<<"), "<< merges something that is no mapping", "name an anchor of a mapping")
