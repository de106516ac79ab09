"""Files that are either written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def written_atomically(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of ``path``; what is written there becomes ``path`` if no error occurs.

    A reader sees the old file or the new one, never a part. The folder must exist. Raises OSError.
    """
    temporary = path.with_name(f".writing-{uuid4().hex}{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
