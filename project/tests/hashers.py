"""Password hashing for tests."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class QuickHasher(PBKDF2PasswordHasher):
    """Django's own hash with few rounds: quick here, and a server process over the test database can check it."""

    iterations = 10
