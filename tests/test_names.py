"""Names in the source state what a value is, not where the value came from."""

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "src" / "teachtext"
VAGUE = {"told", "found", "known", "one", "own"}
# names of parameters in the weights of trained models, which stay as they are on disk
KEPT = {("models/gating.py", "own")}


def names_of_values(tree: ast.AST) -> Iterator[str]:
    """Yield the names of variables, arguments, attributes, functions and classes that a module defines."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name


def test_no_value_has_a_vague_name():
    vague = {
        (path.relative_to(SOURCE).as_posix(), name.strip("_"))
        for path in sorted(SOURCE.rglob("*.py"))
        for name in names_of_values(ast.parse(path.read_text(encoding="utf-8")))
        if name.strip("_") in VAGUE
    }
    assert vague <= KEPT, sorted(vague - KEPT)
    assert len(list(SOURCE.rglob("*.py"))) > 100
