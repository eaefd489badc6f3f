"""The pages of documents, search and ratings: requests in, templates out."""
