"""Loads and detections under way, from a request to the background process to nodes. No Qt."""
