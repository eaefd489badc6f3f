"""PostgreSQL and Valkey that come with the program and live under DATA_DIR, for when no others are named."""
