"""What the files of the library import, read from their text: nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

import EchoKeyframeLib

LIBRARY = Path(EchoKeyframeLib.__file__).parent
MODULE = LIBRARY.parent / "EchoKeyframe.py"


def name_of(path: Path) -> str:
    """``EchoKeyframeLib.scene`` of ``EchoKeyframeLib/scene/__init__.py``."""
    return ".".join(path.relative_to(LIBRARY.parent).with_suffix("").parts).removesuffix(".__init__")


def library_files() -> dict[str, Path]:
    """The module's file and every file of the library, by name."""
    return {name_of(path): path for path in (MODULE, *LIBRARY.rglob("*.py"))}


def imports(path: Path) -> set[tuple[str, ...]]:
    """Every module that a file names in an import anywhere in it, as its parts, relative ones made absolute.

    What is imported from a module is named as well: it may be a module itself.
    """
    package = path.parent.relative_to(LIBRARY.parent).parts
    found: set[tuple[str, ...]] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {tuple(name.name.split(".")) for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            base += tuple(node.module.split(".")) if node.module else ()
            found |= {(*base, name.name) for name in node.names}
    return found


def imported_files(path: Path, files: dict[str, Path]) -> set[str]:
    """Names of the library's files that importing one file runs, those of the folders around them included."""
    names = {".".join(parts[:count]) for parts in imports(path) for count in range(1, len(parts) + 1)}
    return names & files.keys()


def reachable(roots: Iterable[str]) -> set[str]:
    """Names of all files that are imported, directly or not, at file scope or within functions, by some."""
    files = library_files()
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += imported_files(files[name], files)
    return found
