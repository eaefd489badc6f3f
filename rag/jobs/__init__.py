"""The job queue: enqueueing by name, working jobs off, and keeping them in order. The jobs are in `rag.tasks`."""
