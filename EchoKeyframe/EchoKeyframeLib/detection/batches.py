"""Work through many items in batches that fit the memory there is."""

from __future__ import annotations

from collections.abc import Callable

from .detector import Progress
from .keyframes import DetectionError

_OUT_OF_MEMORY = "out of memory", "allocate memory", "bad_alloc", "bad allocation"  # the last two are C++'s


class Batches:
    """Runs work in slices of at most ``size`` items, and of half as many each time that memory runs out.

    The smaller size is kept for what follows. release: called after running out, to give cached memory back.
    """

    def __init__(self, size: int, release: Callable[[], None] = lambda: None) -> None:
        self.size = max(1, size)
        self._release = release

    def run(self, count: int, work: Callable[[slice], None], progress: Progress | None = None) -> None:
        """Call ``work`` with consecutive slices of ``range(count)``; ``progress`` after each, where it may raise.

        ``work`` must store its result only when it has it whole: a slice is asked for again after it failed.
        Raises DetectionError where not even one item fits.
        """
        done = 0
        while done < count:
            part = slice(done, min(done + self.size, count))
            if self._fits(work, part):
                done = part.stop
                if progress is not None:
                    progress(done / count)

    def _fits(self, work: Callable[[slice], None], part: slice) -> bool:
        try:
            work(part)
            return True
        except (RuntimeError, MemoryError) as error:
            if not _is_out_of_memory(error):
                raise
            if part.stop - part.start == 1:
                raise DetectionError(
                    "the network does not fit into this device's memory; use another with --device"
                ) from None
            self.size = (part.stop - part.start) // 2
        # Outside the handler: until it ends, the error's traceback holds on to the batch that was too large.
        self._release()
        return False


def _is_out_of_memory(error: Exception) -> bool:
    """Whether memory ran out, on whichever device: CUDA has an exception of its own, MPS and CPUs only a message."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(words in text for words in _OUT_OF_MEMORY)
