"""The growing text of an answer as one subscriber gets it. Pure."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TextPiece:
    """The next piece for the subscriber. `index` counts from 0; 0 again means: begin anew, the worker was replaced."""

    index: int
    text: str


@dataclass(slots=True)
class AnswerText:
    """Joins what the database holds of an answer with the deltas that follow, whichever arrive first or twice.

    `version` is that of the message: a higher one with fewer deltas is a new attempt, whose deltas count from 0.
    """

    version: int = 0
    text: str = ""
    taken: int = 0  # deltas of this attempt that `text` contains
    _told: int = 0
    _ahead: dict[int, str] = field(default_factory=dict)

    def read(self, version: int, text: str, delta_index: int) -> list[TextPiece]:
        """Take the state that the database holds: `text` with the first `delta_index` deltas in it."""
        if version < self.version or (version == self.version and delta_index <= self.taken):
            return []
        if version > self.version:
            self._ahead.clear()
        self.version, self.taken = version, delta_index
        if text.startswith(self.text):
            pieces = self._tell(text[len(self.text) :])
        else:
            self.text, self._told = "", 0
            pieces = self._tell(text)
        return pieces + self._catch_up()

    def add(self, index: int, text: str) -> list[TextPiece]:
        """Take a delta. One that is ahead waits for those before it (`has_gap`)."""
        if index >= self.taken:
            self._ahead[index] = text
        return self._catch_up()

    @property
    def has_gap(self) -> bool:
        """Whether deltas wait for one that has not come: only reading again can help."""
        return bool(self._ahead)

    def finish(self, text: str, *, is_new_attempt: bool = False) -> list[TextPiece]:
        """What is missing of the finished text. Checked citations may have changed earlier words: then nothing.

        A new attempt has other words, which are told from the start.
        """
        if is_new_attempt and not text.startswith(self.text):
            self.text, self._told = "", 0
        if self._told == 0 or text.startswith(self.text):
            return self._tell(text[len(self.text) :])
        return []

    def _catch_up(self) -> list[TextPiece]:
        pieces: list[TextPiece] = []
        while self.taken in self._ahead:
            pieces += self._tell(self._ahead.pop(self.taken))
            self.taken += 1
        return pieces

    def _tell(self, text: str) -> list[TextPiece]:
        if not text:
            return []
        self.text += text
        self._told += 1
        return [TextPiece(self._told - 1, text)]
