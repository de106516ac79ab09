"""Which side of the picture the probe is on."""

from __future__ import annotations

from enum import StrEnum


class Orientation(StrEnum):
    """Where the scan sector's apex lies. The values stand in result files: none is ever renamed."""

    UPRIGHT = "upright"
    APEX_DOWN = "apex down"
    """At the bottom: the whole display is inverted, as laboratories for children do."""

    UNKNOWN = "unknown"
    """The picture has no apex to go by (linear array, no sector found). It is taken for upright."""


AUTO = "auto"
"""The choice to find it in the picture."""

CHOICES = {AUTO: None, "upright": Orientation.UPRIGHT, "apex-down": Orientation.APEX_DOWN}
"""What a person may say, by the words of ``--orientation``; None: find it."""


def choice_of(given: Orientation | None) -> str:
    """The word of ``CHOICES`` for what a person said."""
    return next(word for word, orientation in CHOICES.items() if orientation is given)
