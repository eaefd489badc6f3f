"""How good the search is: golden questions, runs over them, and what changed between two runs."""
