"""Connections: pages of lists, their cursors, and the search that merges several lists."""
