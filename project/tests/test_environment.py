"""The suite's own ground: what keeps parallel test processes from hearing each other."""

import os

from django.conf import settings


def test_the_channels_are_this_process_alone():
    """Ids in the processes' databases are the same: with one prefix, a room's events would reach another's room."""
    assert settings.CHANNEL_PREFIX == os.environ["CHANNEL_PREFIX"] == f"test-{os.getpid()}"
