"""A weights file's card in lines for a person."""

from __future__ import annotations

from typing import Any

from .weights_card import WeightsCard


def describe_card(card: WeightsCard) -> list[tuple[str, str]]:
    """(heading, text) of all that the card tells, in a fixed order; what it does not tell is said to be unknown."""
    about, config, training = card.about, card.config, card.training
    data = about.data
    views = ", ".join(f"{view} {count}" for view, count in data.views.items())
    rates = f"{data.frame_rates[0]:g} to {data.frame_rates[1]:g} frames/s" if data.frame_rates else ""
    clips = "" if data.clips is None else f"{data.clips} {data.kind} clips"
    patients = "" if data.patients is None else f"{data.patients} patients"
    return [
        ("weights", f"{card.title}, {config.architecture}, {config.size} px, {card.precision}"),
        ("licence", card.licence or UNKNOWN),
        ("use", about.intended_use or UNKNOWN),
        ("not for", about.not_for or UNKNOWN),
        *((f"{phase} means", text) for phase, text in about.moments.items()),
        ("data", ", ".join(filter(None, (clips, patients, views, rates, data.makers))) or UNKNOWN),
        ("labelled by", data.labelled_by or UNKNOWN),
        ("in sight", data.in_sight or UNKNOWN),
        ("ImageNet", _imagenet(training)),
        ("data SHA-256", str(_part(training, "data").get("sha256") or UNKNOWN)),
        *(("limit", text) for text in about.limits),
        *(("input", f"{t.name}: {t.type}, {t.range}; {t.meaning}") for t in about.inputs),
        *(("output", f"{t.name}: {t.type}, {t.range}; {t.meaning}") for t in about.outputs),
        ("metrics", _flat(card.metrics) or UNKNOWN),
        ("training", ", ".join(filter(None, (_flat(_part(training, "recipe")), _minutes(about.minutes), about.machine)))
         or UNKNOWN),
        ("versions", _flat(about.versions) or UNKNOWN),
        *(("changed", f"{change.version}: {change.change}") for change in about.changelog),
        *(("SHA-256", f"{sha256} {name} (catches mix-ups, not attackers)") for name, sha256 in about.files.items()),
    ]


UNKNOWN = "the card does not say"


def _imagenet(training: dict[str, Any]) -> str:
    if "imagenet" not in training:
        return UNKNOWN
    found = training["imagenet"]
    return f"{found.get('source')} ({found.get('sha256')})" if isinstance(found, dict) else "not used"


def _part(values: dict[str, Any], key: str) -> dict[str, Any]:
    found = values.get(key)
    return found if isinstance(found, dict) else {}


def _minutes(minutes: float | None) -> str:
    return "" if minutes is None else f"{minutes:g} minutes"


def _flat(values: dict[str, Any], before: str = "") -> str:
    parts = []
    for key, value in values.items():
        parts.append(_flat(value, f"{before}{key} ") if isinstance(value, dict) else f"{before}{key} {value}")
    return ", ".join(filter(None, parts))
