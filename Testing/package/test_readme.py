"""The README's commands are those that are used, and its Python runs."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from EchoKeyframeLib.cli import build_parser
from EchoKeyframeLib.detection.keyframes import Keyframe


@pytest.fixture(scope="module")
def readme(repository: Path) -> str:
    return (repository / "README.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def test_python_blocks_run(readme, tmp_path):
    found = blocks(readme, "python")
    assert found
    for number, block in enumerate(found):
        script = tmp_path / f"block{number}.py"
        script.write_text(block, encoding="utf-8")
        done = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=tmp_path, timeout=120)
        assert done.returncode == 0, done.stderr
        assert "ED" in done.stdout and "ES" in done.stdout


def test_every_echokeyframe_command_is_understood(readme):
    lines = [line for block in blocks(readme, "bash") + blocks(readme, "powershell") for line in block.splitlines()]
    command = re.compile(r"echokeyframe((?: [a-z]+) .*)$")
    commands = [match[1] for line in lines if (match := command.search(line))]
    assert len(commands) >= 8
    for command in commands:
        build_parser().parse_args(shlex.split(command))


def test_every_command_is_in_the_table_with_its_page(readme):
    commands = re.findall(r"^    ([a-z]+)(?:  |$)", build_parser().format_help(), re.MULTILINE)
    assert "detect" in commands
    table = readme.split("| command |")[1].split("\n\n")[0]
    assert re.findall(r"^\| `([a-z]+)` \|.*\(Docs/[^)]+\) \|$", table, re.MULTILINE) == commands


def test_every_option_of_detect_is_in_the_table(repository, capsys):
    with pytest.raises(SystemExit):
        build_parser().parse_args(["detect", "--help"])
    options = set(re.findall(r"^\s+(--[a-z]+)", capsys.readouterr().out, re.MULTILINE))
    assert len(options) >= 11
    page = (repository / "Docs" / "detect.md").read_text(encoding="utf-8")
    table = page.split("| option of `detect` |")[1].split("\n\n")[0]
    assert options - set(re.findall(r"--[a-z]+", table)) == set()


def test_the_test_command_is_the_one_that_continuous_integration_runs(readme, repository):
    [command] = [line for block in blocks(readme, "bash") for line in block.splitlines() if "pytest" in line]
    script = repository / ".ci" / "run"
    assert script.read_text(encoding="utf-8").splitlines()[-1] == command
    if os.name == "posix":
        assert os.access(script, os.X_OK)
    [constraints] = re.findall(r"-c (\S+)", command)
    assert (repository / constraints).is_file()


def test_the_keyframe_shown_has_the_real_fields(readme):
    [block] = blocks(readme, "json")
    assert list(json.loads(block)) == list(Keyframe.__dataclass_fields__)
