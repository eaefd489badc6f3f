"""Reading for many at once: loaders, batched resolvers, and the rows they give."""
