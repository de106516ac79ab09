"""Weights that a person added: copied into a folder of their own, each file with its card."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from ...atomic_file import written_atomically
from ...cine.cine import CineError
from ...models.registry import SUFFIX, bundled_weights, detector_names


@dataclass(frozen=True)
class Detectors:
    """The detectors that can be chosen: those that the package knows by name, and the weights in ``folder``."""

    folder: Path

    def names(self) -> dict[str, str]:
        """What ``load_detector`` takes, by the name to show."""
        added = {path.stem: str(path) for path in self.added()}
        return {**{name: name for name in detector_names()}, **added}

    def added(self) -> list[Path]:
        return list(bundled_weights(self.folder).values()) if self.folder.is_dir() else []

    def add(self, path: str | Path) -> Path:
        """Copy a weights file and its card into the folder; returns the copy.

        Raises CineError for another kind of file, a missing card, a name that is taken, or a folder that cannot be
        written. Whether the weights fit their card is checked when they are used, in the worker.
        """
        path = Path(path)
        card = path.with_suffix(".json")
        if path.suffix != SUFFIX:
            raise CineError(path.name, f"a weights file ends in {SUFFIX}")
        for file in (path, card):
            if not file.is_file():
                raise CineError(file.name, "is missing; weights and their card (.json) belong together")
        if path.stem in self.names():
            raise CineError(path.stem, "a detector of this name exists; remove it or rename the file")
        copy = self.folder / path.name
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with written_atomically(copy) as weights, written_atomically(copy.with_suffix(".json")) as beside:
                shutil.copyfile(path, weights)
                shutil.copyfile(card, beside)
        except OSError as error:
            raise CineError(path.name, f"cannot be copied ({error.strerror or error})") from None
        return copy

    def remove(self, path: str | Path) -> None:
        """Delete added weights and their card. Raises CineError for weights that are not in the folder."""
        path = Path(path)
        if path not in self.added():
            raise CineError(path.name, "only weights that were added here can be removed")
        try:
            path.unlink()
            path.with_suffix(".json").unlink(missing_ok=True)
        except OSError as error:
            raise CineError(path.name, f"cannot be removed ({error.strerror or error})") from None
