"""What Slicer's Python lacks and is installed after asking, and the Python that the background process runs in."""
