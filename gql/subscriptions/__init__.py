"""The fields of `Subscription`, and what they follow."""
