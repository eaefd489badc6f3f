"""GraphQL types, by subject. Fields of models are named one by one; everything else has its resolver."""
