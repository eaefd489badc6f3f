"""When a process counts as hung."""

import os
from collections.abc import Iterator

import pytest

from project.pulse import Pulse


@pytest.fixture
def pulse() -> Pulse:
    return Pulse(limit_s=3)


@pytest.fixture
def writer(pulse: Pulse) -> Iterator[int]:
    descriptor = pulse.begin()
    yield descriptor
    os.close(descriptor)


def lost_at(pulse: Pulse, seconds: list[float]) -> list[float]:
    return [second for second in seconds if pulse.is_lost(second)]


def test_silence_after_a_beat_is_noticed_once(pulse, writer):
    os.write(writer, b".")

    assert lost_at(pulse, [100, 101, 102, 103, 104, 105, 106, 107]) == [103]


def test_beats_keep_it_from_being_noticed(pulse, writer):
    for second in range(100, 110):
        os.write(writer, b".")
        assert not pulse.is_lost(second)


def test_one_that_has_not_spoken_yet_is_still_loading(pulse, writer):
    assert lost_at(pulse, [100.0 + second for second in range(60)]) == []


def test_time_in_which_nobody_listened_counts_little(pulse, writer):
    os.write(writer, b".")

    assert lost_at(pulse, [100, 1000, 1000.5]) == []


def test_the_next_process_begins_anew(pulse, writer):
    os.write(writer, b".")
    assert lost_at(pulse, [100, 101, 102]) == []

    os.close(pulse.begin())

    assert lost_at(pulse, [103, 104, 105, 106, 107]) == []
