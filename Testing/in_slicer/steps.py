"""Steps of a walk: their order, how one ends, and what is written about it."""

from __future__ import annotations

import json
import re
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from outcome import Failed, Skipped


@dataclass(frozen=True)
class Step:
    """One thing that a person does. modules: Slicer's that it needs. torch: whether it needs PyTorch."""

    name: str
    walk: Callable
    modules: tuple[str, ...] = ()
    torch: bool = False


@dataclass
class Entry:
    """One entry of walkthrough.json."""

    step: str
    status: str
    reason: str
    seconds: float
    screenshot: str | None = None


@dataclass
class Book:
    """The steps, in the order in which they were written down."""

    steps: list[Step] = field(default_factory=list)

    def step(self, name: str, modules: tuple[str, ...] = (), torch: bool = False):
        """Decorator: a function of the person is a step. What it returns, if anything, is told as its reason."""

        def add(walk: Callable) -> Callable:
            self.steps.append(Step(name, walk, modules, torch))
            return walk

        return add


BOOK = Book()
step = BOOK.step


def walk_all(person, steps: list[Step], folder: Path) -> list[Entry]:
    """Walk every step, tell each, keep DIR/walkthrough.json up to date: a crash leaves what was walked."""
    entries: list[Entry] = []
    for number, one in enumerate(steps, 1):
        entries.append(_walk(person, one, folder, number))
        text = json.dumps([asdict(entry) for entry in entries], indent=1, ensure_ascii=False)
        (folder / "walkthrough.json").write_text(text + "\n", "utf-8")
        entry = entries[-1]
        print(f"{entry.status} {entry.seconds:5.1f} s  {entry.step}" + (f": {entry.reason}" if entry.reason else ""),
              flush=True)  # fmt: skip
    return entries


def _walk(person, one: Step, folder: Path, number: int) -> Entry:
    missing = [name for name in one.modules if not person.has_module(name)]
    started = time.monotonic()
    status, reason = "PASS", ""
    if missing:
        return Entry(one.name, "SKIP", f"without the module {', '.join(missing)}", 0.0)
    if one.torch and not person.has_torch:
        return Entry(one.name, "SKIP", "without torch", 0.0)
    person.begin()
    try:
        reason = one.walk(person) or ""
    except Skipped as skipped:
        status, reason = "SKIP", str(skipped)
    except Failed as failed:
        status, reason = "FAIL", str(failed)
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        status, reason = "FAIL", f"{type(error).__name__}: {error} ({where})"
    troubles = person.end()
    if troubles:
        status, reason = "FAIL", "; ".join(([reason] if reason else []) + troubles)
    seconds = time.monotonic() - started
    picture = None
    if status != "SKIP":
        picture = f"{number:02d}-{re.sub(r'[^a-z0-9]+', '-', one.name.lower()).strip('-')}.png"
        picture = picture if person.take_picture(folder / picture) else None
    return Entry(one.name, status, reason, round(seconds, 2), picture)
