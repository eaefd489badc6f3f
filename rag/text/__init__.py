"""What is known of natural language without a model: sentences, words, languages, spelling, quoted words. Pure."""
