"""The pages beside the README: their code runs, their commands are understood, their links and pictures exist."""

from __future__ import annotations

import csv
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from EchoKeyframeLib.cli import build_parser

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "Docs").glob("*.md")])
IN_A_SCENE = {"scene-contract.md"}  # test_scene_keyframes.py runs what needs nodes


def blocks(page: Path) -> list[tuple[str, str]]:
    """Language and content of each fenced block of a page."""
    return re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def code(language: str) -> list:
    """Each block in a language as a test parameter."""
    found = [(page, text) for page in PAGES for kind, text in blocks(page) if kind == language]
    return [pytest.param(page, text, id=f"{page.name}-{number}") for number, (page, text) in enumerate(found)]


def test_every_block_says_a_language_that_is_tested():
    assert {kind for page in PAGES for kind, _ in blocks(page)} <= {"bash", "powershell", "python", "json", "csv"}


@pytest.mark.parametrize(("page", "text"), code("python"))
def test_python_runs(page, text, tmp_path):
    if page.name in IN_A_SCENE or page.name == "README.md":
        compile(text, page.name, "exec")
        return
    script = tmp_path / "block.py"
    script.write_text(text, encoding="utf-8")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("page", "text"), code("json"))
def test_json_parses(page, text):
    json.loads(text)


@pytest.mark.parametrize(("page", "text"), code("csv"))
def test_csv_has_as_many_values_as_columns(page, text):
    assert {len(row) for row in csv.reader(text.splitlines())} == {len(text.splitlines()[0].split(","))}


@pytest.mark.parametrize(("page", "text"), code("bash"))
def test_commands_are_understood_and_name_files_that_exist(page, text):
    for line in text.splitlines():
        words = shlex.split(line.partition(" #")[0])
        assert words
        if words[0] == "echokeyframe":
            build_parser().parse_args(words[1:])
        named = [word for word in words if word.startswith(("Testing/", "EchoKeyframe/", "Resources/", ".ci/"))]
        assert [word for word in named if not (REPOSITORY / word).exists()] == []


def anchors(page: Path) -> set[str]:
    """The headings of a page as the forge names them in links."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_exist(page):
    targets = re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
    for target in (target for target in targets if "://" not in target):
        path, _, anchor = target.partition("#")
        linked = page.parent / path if path else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target


def test_the_index_names_every_page():
    index = REPOSITORY / "Docs" / "README.md"
    listed = re.findall(r"^\| \[[^]]+\]\(([\w-]+\.md)\)", index.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(page.name for page in index.parent.glob("*.md") if page != index)


@pytest.mark.slow
def test_the_tutorials_commands_do_what_it_says(sample_clip, beating_video, tmp_path):
    """In a folder with a person's own loops, whose name is not ASCII."""
    folder = tmp_path / "Übung mit Leerzeichen"
    (folder / "study").mkdir(parents=True)
    for target in ("loop.dcm", "study/one.dcm"):
        shutil.copyfile(sample_clip, folder / target)
    shutil.copyfile(beating_video, folder / "film.avi")
    lines = [line for kind, text in blocks(REPOSITORY / "Docs" / "tutorial.md") if kind == "bash"
             for line in text.splitlines()]  # fmt: skip
    assert len(lines) >= 5
    for line in lines:
        command = [sys.executable, "-m", "EchoKeyframeLib", *shlex.split(line)[1:]]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=120)
        assert done.returncode == 0, f"{line}\n{done.stderr}"
    for made in ("demo", "results", "results-of-study"):
        assert list((folder / made).rglob("*.keyframes.json")) and list((folder / made).rglob("*.png"))
    assert len(list((folder / "results").glob("*.keyframes.json"))) == 2
