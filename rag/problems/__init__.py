"""The error log: what failed, how often, and how to correct it (docs/operations.md, "When something is wrong")."""
