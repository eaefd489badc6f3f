"""What calls of models cost, and that nobody spends more than allowed (docs/costs.md)."""
