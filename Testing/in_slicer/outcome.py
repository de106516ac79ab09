"""What a step may raise: it failed, or it cannot be walked in this application."""


class Failed(Exception):
    """What a person would call a fault; one line."""


class Skipped(Exception):
    """What this application lacks for the step; one line."""


def check(holds, complaint: str) -> None:
    """Raise Failed unless something holds."""
    if not holds:
        raise Failed(complaint)


def need(owner, *names: str, what: str = ""):
    """The attribute at the end of a chain of names; Skipped where the application lacks one."""
    for name in names:
        owner = getattr(owner, name, None)
        if owner is None:
            raise Skipped(what or f"this application has no {name}")
    return owner
