"""What Slicer's extension index and its reviewers ask for: names, licence, pictures, size, start-up, one version."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import EchoKeyframeLib
import pytest
import yaml
from PIL import Image

NAME = "EchoKeyframe"
ADDRESS = "https://github.com/EchoKeyframe/SlicerEchoKeyframe"
RAW = ADDRESS.replace("github.com", "raw.githubusercontent.com") + "/main/"
CATEGORIES = {"Cardiac", "Ultrasound"}
# Keys of slicer-extension-catalog-entry-schema-v1.0.2 and the types of their values; the first three are required.
SCHEMA = {
    "$schema": str, "category": str, "scm_url": str, "scm_revision": str, "scm_type": str, "build_dependencies": list,
    "dicom_support_rule": str, "build_subdirectory": str, "enabled": bool, "tier": int,
}  # fmt: skip
# What is there when Slicer starts: the standard library, the application's modules and NumPy.
AT_START = sys.stdlib_module_names | {"slicer", "vtk", "qt", "ctk", "numpy", "SampleData", "SubjectHierarchyPlugins"}


@pytest.fixture(scope="module")
def metadata(repository: Path) -> dict[str, str]:
    """The EXTENSION_ variables of CMakeLists.txt, read as the index checker reads them: one quoted string each."""
    text = (repository / "CMakeLists.txt").read_text(encoding="utf-8")
    found = re.findall(r"set\s*\(EXTENSION_([A-Z]+)\s+\"([^\"\n]+)\"\)", text)
    assert len(found) == len(re.findall(r"^set\s*\(EXTENSION_", text, re.MULTILINE)) == 7
    return {key.lower(): value for key, value in found}


@pytest.fixture(scope="module")
def catalogue_entry(repository: Path) -> dict:
    return json.loads((repository / "Resources" / f"{NAME}.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def description(repository: Path) -> dict[str, str]:
    """The lines of the .s4ext file: a key, a space, a value."""
    text = (repository / f"{NAME}.s4ext").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {line.partition(" ")[0]: line.partition(" ")[2] for line in lines}


def git(repository: Path, *arguments: str) -> str:
    """What git says about the repository; the test is skipped in a copy without history."""
    if not (repository / ".git").exists():
        pytest.skip("no git history here")
    command = ["git", "-C", str(repository), *arguments]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=True, timeout=120).stdout


def test_everything_bears_the_same_name(repository):
    project = re.findall(r"project\s*\(\s*([^\s)]+)", (repository / "CMakeLists.txt").read_text(encoding="utf-8"))
    assert project == [NAME]
    for path in (f"Resources/{NAME}.json", f"{NAME}.s4ext", f"{NAME}/{NAME}.py", f"{NAME}/CMakeLists.txt"):
        assert (repository / path).is_file()
    module = ast.parse((repository / NAME / f"{NAME}.py").read_text(encoding="utf-8"))
    classes = {node.name for node in module.body if isinstance(node, ast.ClassDef)}
    assert classes >= {NAME, f"{NAME}Widget", f"{NAME}Logic", f"{NAME}Test"}


def test_the_licence_is_at_the_root(repository, metadata):
    text = (repository / "LICENSE").read_text(encoding="utf-8")
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "Apache License" in text and project["license"] == "Apache-2.0"


def test_pictures_are_single_quoted_addresses_of_images_in_the_repository(repository, metadata):
    addresses = [metadata["iconurl"], *metadata["screenshoturls"].split()]
    assert len(addresses) >= 2
    for address in addresses:
        assert address.startswith(RAW)
        with Image.open(repository / address.removeprefix(RAW)) as picture:
            assert picture.format in ("PNG", "JPEG")
    with Image.open(repository / metadata["iconurl"].removeprefix(RAW)) as icon:
        assert icon.size == (128, 128)


def test_the_catalogue_entry_keeps_to_its_schema(catalogue_entry):
    assert set(catalogue_entry) <= set(SCHEMA) and set(catalogue_entry) >= set(list(SCHEMA)[:3])
    assert {key: type(value) for key, value in catalogue_entry.items()} == {key: SCHEMA[key] for key in catalogue_entry}
    assert catalogue_entry["$schema"].endswith("/slicer-extension-catalog-entry-schema-v1.0.2.json#")
    assert catalogue_entry["category"] in CATEGORIES
    assert catalogue_entry["scm_type"] == "git"
    assert 1 <= catalogue_entry["tier"] <= 5


def test_cmake_description_and_catalogue_entry_agree(metadata, description, catalogue_entry):
    assert {key: description[key] for key in metadata} == metadata
    assert metadata["homepage"] == description["scmurl"] == catalogue_entry["scm_url"] == ADDRESS
    assert description["scmrevision"] == catalogue_entry["scm_revision"]
    assert description["scm"] == catalogue_entry["scm_type"]
    assert description["build_subdirectory"] == catalogue_entry["build_subdirectory"]
    assert description["enabled"] == str(int(catalogue_entry["enabled"]))
    assert metadata["category"] == catalogue_entry["category"]
    assert metadata["depends"] == "NA" and catalogue_entry["build_dependencies"] == []
    assert description["scmrevision"] == "main" and f"/{description['scmrevision']}/" in metadata["iconurl"]


def test_the_address_stands_where_contributing_says(repository):
    listed = (repository / "CONTRIBUTING.md").read_text(encoding="utf-8").split(ADDRESS)[-1]
    places = set(re.findall(r"^- `([^`]+)`$", listed, re.MULTILINE))
    own_name = Path(__file__).relative_to(repository).as_posix()
    holders = set(git(repository, "grep", "-lI", "--untracked", ADDRESS.removeprefix("https://")).splitlines())
    assert holders - {own_name} == places


def test_no_carriage_return_in_any_text(repository):
    lines = git(repository, "ls-files", "--eol").splitlines()
    assert len(lines) > 100
    assert [line for line in lines if line.split()[0] in ("i/crlf", "i/mixed")] == []


def test_a_clone_with_its_history_stays_below_100_megabytes(repository, tmp_path, capsys):
    git(repository, "clone", "--quiet", "--no-local", str(repository), str(tmp_path / "clone"))
    size = sum(path.stat().st_size for path in (tmp_path / "clone").rglob("*") if path.is_file())
    with capsys.disabled():
        print(f"\nclone with history: {size / 1e6:.1f} MB")
    assert 0.5e6 < size < 100e6


def imported_at_file_scope(path: Path, module: str) -> list[str]:
    """Absolute names of what a file imports when it is imported; ``module`` is the file's own name."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    outside = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    waiting, names = list(tree.body), []
    while waiting:
        node = waiting.pop()
        if isinstance(node, outside) or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)):
            continue
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            base = ".".join(part for part in (base, node.module) if part)
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
        waiting += ast.iter_child_nodes(node)
    return names


def library_file(root: Path, module: str) -> Path | None:
    path = root.joinpath(*module.split("."))
    return next((p for p in (path / "__init__.py", path.with_suffix(".py")) if p.is_file()), None)


def loaded_at_start(repository: Path) -> dict[str, Path]:
    """The module's file, what it imports at file scope or when Slicer has started, and what those import in turn."""
    root = repository / NAME
    main = root / f"{NAME}.py"
    started = next(
        node for node in ast.parse(main.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name == "on_startup_completed"
    )  # fmt: skip
    imports = [node for node in ast.walk(started) if isinstance(node, ast.ImportFrom)]
    waiting = [NAME, *(f"{node.module}.{alias.name}" for node in imports for alias in node.names)]
    assert len(waiting) > 1
    files: dict[str, Path] = {}
    while waiting:
        module = waiting.pop()
        path = main if module == NAME else library_file(root, module)
        if path is None or module in files:
            continue
        files[module] = path
        parents = [module.rsplit(".", count)[0] for count in range(1, module.count(".") + 1)]
        waiting += [*parents, *(n for n in imported_at_file_scope(path, module) if n.startswith("EchoKeyframeLib"))]
    return files


def test_slicers_start_imports_nothing_of_third_parties(repository):
    files = loaded_at_start(repository)
    assert {NAME, "EchoKeyframeLib", "EchoKeyframeLib.panel"} <= set(files)
    foreign = {
        (module, name)
        for module, path in files.items()
        for name in imported_at_file_scope(path, module)
        if name.partition(".")[0] not in AT_START | {"EchoKeyframeLib", ""}
    }
    assert foreign == set()


def test_the_modules_file_runs_nothing_at_file_scope(repository):
    """It imports, defines and names constants; it calls nothing."""
    body = ast.parse((repository / NAME / f"{NAME}.py").read_text(encoding="utf-8")).body
    allowed = (ast.Import, ast.ImportFrom, ast.ClassDef, ast.FunctionDef)
    rest = [node for node in body if not isinstance(node, allowed)]
    constants = (ast.Assign, ast.Expr)  # a name for a constant, or a docstring
    runs = [node for node in rest if not (isinstance(node, constants) and isinstance(node.value, ast.Constant))]
    assert [ast.unparse(node) for node in runs] == []


def test_there_is_one_version(repository):
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "EchoKeyframeLib.__version__"}
    citation = (repository / "CITATION.cff").read_text(encoding="utf-8")
    changes = (repository / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.findall(r"^## (\S+)$", changes, re.MULTILINE)[0]
    coming = re.findall(r"^## (\S+) \(unreleased\)$", changes, re.MULTILINE)
    assert re.findall(r"^version: (\S+)$", citation, re.MULTILINE) == [newest]
    version, _, number = EchoKeyframeLib.__version__.partition(".dev")
    assert [version] == (coming if number else [newest])
    for name in ("CMakeLists.txt", f"{NAME}/CMakeLists.txt", f"{NAME}.s4ext", f"{NAME}/{NAME}.py"):
        assert EchoKeyframeLib.__version__ not in (repository / name).read_text(encoding="utf-8")


def test_software_and_paper_can_be_cited(repository):
    """What version 1.2.0 of the Citation File Format requires, and the paper that the README names."""
    citation = yaml.safe_load((repository / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    [paper] = citation["references"]
    for entry, required in ((citation, {"message", "title", "authors"}), (paper, {"type", "title", "authors"})):
        assert required <= set(entry) and all(entry[key] for key in required)
    readme = (repository / "README.md").read_text(encoding="utf-8")
    assert paper["title"] in readme and f"https://doi.org/{paper['doi']}" in readme
    assert f"{paper['year']};{paper['volume']}({paper['issue']}):{paper['start']}-{paper['end']}" in readme


def test_slicer_installs_what_the_package_needs(repository):
    """Lower bounds only, those of pyproject.toml; PyTorch, where it is wanted, comes from its own extension."""
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    known = set(project["dependencies"]).union(*project["optional-dependencies"].values())
    known = {entry.partition(";")[0] for entry in known}  # Slicer runs only on machines that the markers name
    lists = sorted((repository / NAME / "Resources").glob("requirements*.txt"))
    lines = [line for path in lists for line in path.read_text(encoding="utf-8").split()]
    assert len(lines) >= 5 and set(lines) <= known
    assert all(re.fullmatch(r"[a-z-]+>=[\d.]+", line) for line in lines)
    assert not any(line.startswith("torch") for line in lines)
