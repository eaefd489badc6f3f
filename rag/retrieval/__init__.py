"""Finding passages: what an audience may read, one SQL statement, and what is made of its rows (docs/retrieval.md)."""
