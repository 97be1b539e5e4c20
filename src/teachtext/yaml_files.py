"""Reads YAML files of people: plain values, each key once, and nothing that grows when it is read.

A YAML file of 500 bytes can stand for gigabytes: by anchors that name one another, and by keys that merge them.
"""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from teachtext.errors import InputError
from teachtext.files import read_text

_MOST_BYTES = 300_000
# values, when all that is named by an anchor is written out
_MOST_VALUES = 100_000
_LONGEST_NUMBER = 100
_DEPTH = 50


def read_yaml(path: Path) -> Any:
    """Read a YAML file. Every JSON file is a YAML file.

    Raises:
        InputError: the file is missing, unreadable, not YAML, too large, or names a key twice.
    """
    try:
        size = path.stat().st_size
    except OSError:
        size = 0
    if size > _MOST_BYTES:
        raise InputError(f"{path} has {size:,} bytes, and a config at most {_MOST_BYTES:,}", "give a config")
    try:
        return yaml.load(read_text(path), _Loader)
    except (yaml.YAMLError, ValueError, RecursionError, MemoryError) as error:
        # ValueError: an impossible date or number
        raise InputError(f"{path} is not valid YAML ({_problem(error)})", "correct it") from error


class _Loader(yaml.SafeLoader):
    """Reads plain values."""

    def fetch_flow_collection_start(self, kind: Any) -> None:
        self._check_depth(self.flow_level)
        super().fetch_flow_collection_start(kind)

    def add_indent(self, column: int) -> bool:
        self._check_depth(len(self.indents))
        return bool(super().add_indent(column))

    def _check_depth(self, depth: int) -> None:
        if depth > _DEPTH:
            raise yaml.scanner.ScannerError(None, None, "nested too deeply", self.get_mark())

    def get_single_node(self) -> Any:
        node = super().get_single_node()
        if node is not None:
            _check(node, {}, set())
        return node

    def construct_number(self, node: Any) -> Any:
        if len(node.value) > _LONGEST_NUMBER:
            raise yaml.constructor.ConstructorError(
                None, None, f"a number of {len(node.value):,} characters", node.start_mark
            )
        construct = self.construct_yaml_int if node.tag.endswith(":int") else self.construct_yaml_float
        return construct(node)


for _tag in ("int", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _Loader.construct_number)


def _check(node: Any, counts: dict[int, int], open_nodes: set[int]) -> int:
    """Return how many values a node stands for, each named one counted wherever it is named.

    Raises:
        yaml.YAMLError: there are too many, a node holds itself, or a key stands twice.
    """
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) in open_nodes:
        raise yaml.composer.ComposerError(None, None, "a value that holds itself", node.start_mark)
    if id(node) in counts:
        return counts[id(node)]
    if len(open_nodes) > _DEPTH:
        raise yaml.composer.ComposerError(None, None, "nested too deeply", node.start_mark)
    open_nodes.add(id(node))
    if isinstance(node, yaml.MappingNode):
        _check_keys(node)
        parts = [part for pair in node.value for part in pair]
    else:
        parts = node.value
    count = 1
    for part in parts:
        count += _check(part, counts, open_nodes)
        if count > _MOST_VALUES:
            raise yaml.composer.ComposerError(
                None, None, f"it stands for more than {_MOST_VALUES:,} values", node.start_mark
            )
    open_nodes.discard(id(node))
    counts[id(node)] = count
    return count


def _check_keys(node: yaml.MappingNode) -> None:
    lines: dict[Hashable, int] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise yaml.constructor.ConstructorError(None, None, "a key that is not a text", key.start_mark)
        # 1 and 0x1 are one key, but nobody writes both
        name = (key.tag, key.value)
        if name in lines:
            raise yaml.constructor.ConstructorError(
                None, None, f"'{key.value[:80]}' stands twice, also in line {lines[name]}", key.start_mark
            )
        lines[name] = key.start_mark.line + 1


def _problem(error: Exception) -> str:
    """Return the message of a YAML parser in a single line."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    if mark is not None:
        return f"line {mark.line + 1}, column {mark.column + 1}: {problem}"
    return "nested too deeply" if isinstance(error, RecursionError) else " ".join(str(error).split())[:200]
