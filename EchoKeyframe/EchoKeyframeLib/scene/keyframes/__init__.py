"""ED and ES frames: the table in which they stand, what follows it, and the frames as volumes and side by side."""
