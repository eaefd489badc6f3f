"""From what a client sent to an operation that may run. A document is a GraphQL text here, never a file."""
