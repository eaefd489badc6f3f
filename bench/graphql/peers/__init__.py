"""The servers that are measured beside Parley."""
