"""What a process counts from its start on. Plain numbers that only grow: `chat.ops.figures` makes rates of them.

Each is counted once per batch, or where something goes wrong, never once per delivery.
"""

from dataclasses import dataclass, field
from threading import Lock


@dataclass(slots=True)
class Counters:
    """Of one process.

    Attributes:
        messages_posted: new messages that it stored, by whatever transport they came.
        events_delivered: events handed to listeners, once for each of them.
        slow_readers: connections that were cut off because they did not read.
        rate_limited: what a limit refused as too many or too much, or made wait, by whatever transport it came.
    """

    messages_posted: int = 0
    events_delivered: int = 0
    slow_readers: int = 0
    rate_limited: int = 0
    _lock: Lock = field(default_factory=Lock, repr=False)

    def count_posted(self, messages: int) -> None:
        """Count stored messages; called by several database threads."""
        with self._lock:
            self.messages_posted += messages

    def count_rate_limited(self) -> None:
        """Count one thing that a limit refused; called by any thread, where the limit is."""
        with self._lock:
            self.rate_limited += 1


counters = Counters()
