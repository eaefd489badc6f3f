"""From an uploaded file or a fetched page to chunks with vectors (docs/architecture.md, "A document")."""
