"""A file that another file names: one that lies beside it, and nothing else."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath


def file_beside(path: Path, name: str) -> Path:
    """The file called ``name`` in the folder of ``path``.

    Raises ValueError, with a reason that continues "NAME ...", where the name leads out of the folder, by itself or by
    a link, or is that of a folder, a device or a pipe; nothing is opened. OSError where no such file is there.
    """
    bare = Path(name).name == name == PureWindowsPath(name).name and name not in ("", ".", "..") and "\0" not in name
    if not bare:
        raise ValueError("is no bare file name; only a file in the same folder can be named")
    found = path.parent / name
    resolved = found.resolve(strict=True)
    if resolved.parent != path.parent.resolve():
        raise ValueError("is a link that leads out of the folder")
    if not resolved.is_file():
        raise ValueError("is no regular file")
    return found
