"""Formats of what people read that are not Django's own, by language."""
