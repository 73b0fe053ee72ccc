"""
Measures the house: `python -m tests.house` prints the table that CONTRIBUTING.md holds.

Per package: modules in its fullest folder, the length of functions without their docstrings, files
over 300 lines, public functions without a docstring, and public functions that take or return
arrays without saying their shapes. `--list` names what is counted.
"""

from __future__ import annotations

import argparse
import ast
import re
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = (
    "app", "app/admin", "app/chat", "app/cli", "training", "pipelines", "pipelines/store",
)  # fmt: skip
LONG_FILE, LONG_FUNCTION = 300, 60
ARRAYS = re.compile(r"\b(NDArray|ndarray|Tensor|Floats|Ints|Array)\b")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Package:
    """What is counted of one package, without the packages below it that are counted alone."""

    name: str
    folders: dict[str, int] = field(default_factory=dict)
    lengths: list[tuple[int, str]] = field(default_factory=list)
    long_files: list[str] = field(default_factory=list)
    undocumented: list[str] = field(default_factory=list)
    shapeless: list[str] = field(default_factory=list)
    chained: list[str] = field(default_factory=list)

    def row(self) -> str:
        """The package as a row of the table."""
        lengths = sorted(length for length, _ in self.lengths)
        p90 = lengths[int(0.9 * (len(lengths) - 1))]
        fullest, modules = max(self.folders.items(), key=lambda item: item[1])
        figures = (
            sum(self.folders.values()), f"{modules} ({fullest})", len(lengths),
            f"{statistics.median(lengths):.0f} / {p90} / {lengths[-1]}", len(self.long_files),
            len(self.undocumented), len(self.shapeless), len(self.chained),
        )  # fmt: skip
        return f"| {self.name} | " + " | ".join(map(str, figures)) + " |"


HEAD = (
    "| package | modules | fullest folder | functions | lines: median / p90 / max"
    " | files over 300 lines | public without docstring | arrays without shape"
    " | docstrings with a semicolon |\n|---|---|---|---|---|---|---|---|---|"
)


def measure(name: str) -> Package:
    """Count one package of the repository."""
    package = Package(name)
    inner = [ROOT / other for other in PACKAGES if other.startswith(f"{name}/")]
    for path in sorted((ROOT / name).rglob("*.py")):
        if any(path.is_relative_to(folder) for folder in inner) or "migrations" in path.parts:
            continue
        if path.name != "__init__.py":
            _add(package, path)
    return package


def _add(package: Package, path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    shown = path.relative_to(ROOT).as_posix()
    folder = path.parent.relative_to(ROOT).as_posix()
    package.folders[folder] = package.folders.get(folder, 0) + 1
    lines = text.count("\n")
    if lines > LONG_FILE:
        package.long_files.append(f"{shown}: {lines} lines")
    for node, public in _functions(ast.parse(text), True):
        where = f"{shown}:{node.lineno} {node.name}"
        documented = ast.get_docstring(node)
        package.lengths.append((_length(node), where))
        if documented and ";" in documented.split("\n\n")[0].split(":param")[0]:
            package.chained.append(where)
        if public and not documented:
            package.undocumented.append(where)
        if public and _has_arrays(node) and "*Shape" not in (documented or ""):
            package.shapeless.append(where)


def _functions(node: ast.AST, public: bool) -> Iterator[tuple[Function, bool]]:
    """Functions and methods, each with whether others may call it. Nested ones are private."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function):
            yield child, public and not child.name.startswith("_")
            yield from _functions(child, False)
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, public and not child.name.startswith("_"))
        else:
            yield from _functions(child, public)


def _length(node: Function) -> int:
    """Lines of a function without its docstring."""
    assert node.end_lineno is not None
    length = node.end_lineno - node.lineno + 1
    if ast.get_docstring(node) is not None:
        first = node.body[0]
        assert first.end_lineno is not None
        length -= first.end_lineno - first.lineno + 1
    return length


def _has_arrays(node: Function) -> bool:
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    hints = [argument.annotation for argument in arguments] + [node.returns]
    return any(hint is not None and ARRAYS.search(ast.unparse(hint)) for hint in hints)


def main() -> None:
    """Print the table, or what is behind its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list", action="store_true", help="name what is counted")
    packages = [measure(name) for name in PACKAGES]
    if not parser.parse_args().list:
        print(HEAD, *(package.row() for package in packages), sep="\n")
        return
    for package in packages:
        long = [f"{where}: {n} lines" for n, where in package.lengths if n > LONG_FUNCTION]
        for title, found in (
            ("file over 300 lines", package.long_files),
            ("function over 60 lines", long),
            ("public without docstring", package.undocumented),
            ("arrays without shape", package.shapeless),
            ("docstring with a semicolon", package.chained),
        ):
            for line in found:
                print(f"{title}: {line}")


if __name__ == "__main__":
    main()
