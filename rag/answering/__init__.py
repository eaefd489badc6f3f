"""Answering a question, from the claim of its job to the checked answer (docs/architecture.md, "A question")."""
