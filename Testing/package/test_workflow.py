"""The public forge's workflow runs what ``.ci/run`` runs, on three platforms."""

from __future__ import annotations

import tomllib

import yaml

LINUX = "runner.os == 'Linux'"


def test_the_workflow_runs_the_same_command_on_three_platforms(repository):
    text = (repository / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8")
    [job] = yaml.safe_load(text)["jobs"].values()
    matrix = job["strategy"]["matrix"]
    assert {name.partition("-")[0] for name in matrix["os"]} == {"ubuntu", "macos", "windows"}
    oldest = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    assert oldest == f">={min(matrix['python'])}" and "3.12" in matrix["python"]

    posix, windows = [step for step in job["steps"] if step.get("name") == "Tests"]
    assert (posix["if"], windows["if"]) == ("runner.os != 'Windows'", "runner.os == 'Windows'")
    command = (repository / ".ci" / "run").read_text(encoding="utf-8").splitlines()[-1]
    assert posix["run"] == command
    packages = [step["run"].partition("install -y ")[2] for step in job["steps"] if step.get("if") == LINUX]
    assert any("libegl1" in names for names in packages) and "dicom3tools" in packages
    for names in packages:
        assert f"install {names} ||" in (repository / ".ci" / "run").read_text(encoding="utf-8")
    assert windows["run"] == command.replace("python3 ", "python ").replace("/bin/", "\\Scripts\\")
