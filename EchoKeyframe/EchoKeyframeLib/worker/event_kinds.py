"""What a worker's events are called: those of the process, and those of a request."""

STARTED, READY, IDLE = "started", "ready", "idle"
PROGRESS, DONE, FAILED, CANCELLED = "progress", "done", "failed", "cancelled"
