"""Sluice's loops over bytes. Everything crosses by the batch; malformed input raises `KernelError`, which never quotes data.

The plain Python twins in `tests/kernel/reference` pin the behaviour.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol, final

Column = tuple[str, str, bool, Mapping[str, str]] | None
"""How a column is hidden: method, kind of its type, whether binary, settings; None: it is not.

Besides the methods' own settings, what the column declares: `max_len` characters, `precision` and `scale` of a numeric. The method
`detect` looks values through, which stand under `name`, and replaces in them what the detectors of the bits `hide` find; `pass` does
nothing. With `subject`, a key of 32 hexadecimal digits, the column is watched: its values are hashed whatever becomes of them, and
`told` are the fields of JSON that stand beside the hashes in the event.
"""

Findings = list[tuple[int, bytes, int, int, int]]
"""The column, the path within a JSON, the number of the detector (0xffff: unread), how often, how often as all of the value."""

class KernelError(ValueError):
    """Input that breaks its own layout; the text says what, never what it held."""

@final
class Frames:
    """Cuts one direction of a PostgreSQL v3 stream, after the start-up, into messages."""

    def __new__(cls, *, server: bool, max_frame: int) -> Frames:
        """`max_frame`: the longest message, header included, that is put together."""

    def feed(self, data: bytes, /) -> list[tuple[int, bytes]]:
        """(type byte, whole message) in order; consecutive rows (`D` of a server, `d`) are one item.

        The first malformed header gives a last item (0, reason); from then on nothing comes.
        """

    stream: bool
    """Hand on parts of an incomplete row at once, so that a row of any size passes in constant memory."""

    @property
    def pending(self) -> int:
        """Bytes of an unfinished message."""

    def take_rows(self) -> int:
        """Rows or CopyData messages begun since the last call."""

@final
class MaskPlan:
    """The masks of one result."""

    def __new__(cls, columns: Sequence[Column], key: bytes, detectors: Detectors | None = None, /) -> MaskPlan:
        """`key` is behind `hash` and `pseudonym`. KernelError for an unknown method or setting, and `scrub` without detectors."""

    def rows(self, run: bytes, subjects: Subjects | None = None, /) -> tuple[bytes, int, list[int], Findings]:
        """A run of DataRow messages rewritten, its rows, the values hidden per column, and what `detect` found.

        `subjects` takes the hashes of the columns that are watched.

        The run itself when nothing in it is hidden. KernelError: use none of it.
        """

@final
class CopyMask:
    """The masks of one COPY TO STDOUT, whose rows may be cut anywhere."""

    def __new__(
        cls,
        columns: Sequence[Column],
        key: bytes,
        detectors: Detectors | None = None,
        /,
        *,
        format: str,
        delimiter: bytes,
        null: bytes,
        quote: bytes,
        escape: bytes,
        header: bool,
        max_row: int,
    ) -> CopyMask:
        """`format` is text, csv or binary; marks are one byte each.

        Where a value in text could be written as `null` is, everything masked is: a caller could guess values else.
        """

    def feed(self, run: bytes, subjects: Subjects | None = None, /) -> tuple[bytes, int, list[int], Findings]:
        """A run of CopyData messages to messages of the masked rows that are whole by now, with their counts.

        The run itself where it is whole rows, one a message, in which nothing is hidden.
        """

    def finish(self) -> bytes:
        """At the end of the data; KernelError when a row is incomplete."""

@final
class Subjects:
    """Keyed hashes of the identifying values of one result, gathered as its rows pass."""

    def __new__(cls) -> Subjects:
        """Empty."""

    def told(self) -> bytes:
        """The event's entries in JSON, joined by commas: one for each column that was watched while rows passed."""

def subject_hash(value: bytes, key: bytes, /) -> int:
    """The hash of a value under a key of 16 bytes: one for upper and lower case and for the ways to separate digits."""

def count_rows(run: bytes, /) -> int:
    """The messages in a run of whole messages."""

def head(run: bytes, n: int, /) -> bytes:
    """The first `n` messages of a run."""

def mask_value(
    value: bytes | None,
    method: str,
    kind: str,
    binary: bool,
    params: Mapping[str, str],
    key: bytes,
    detectors: Detectors | None = None,
    /,
) -> bytes | None:
    """One value masked; for previews and tests."""

def normalize(sql: bytes, /) -> tuple[bytes, list[tuple[int, int]]] | None:
    """A cache key of a statement: plain literals replaced by placeholders of their kind, and where they stood.

    None whenever the server's lexer could read the text in another way.
    """

def reply_signature(data: bytes, /) -> bytes | None:
    """The signature of a server's whole answer; it leaves out only the rows and the numbers in the tag.

    None for an answer with an error, a notice or two results.
    """

@final
class Judge(Protocol):
    """Answers for a lane what only its session can know."""

    def meant(self, track: int, /) -> bool:
        """Whether the statements that a track needs are still those that it was laid down with."""

    def clean(self, data: bytes, /) -> bool:
        """Whether nothing in these messages would have to be left out of their record."""

class Lane:
    """The fast lane of one connection: the exchanges that went the whole way, recognised by signature when they come again.

    A signature leaves out only the plain literals of a lone Query and the values of a Bind. Times are seconds since the epoch;
    an event's number is its place in the connection, and its id `connection-number`.
    """

    def __new__(cls, connection: str, until: float) -> Lane:
        """`connection` is its id in the log, of letters, digits and `_.:-`; nothing enters at or after `until`."""

    @property
    def number(self) -> int:
        """The number of the connection's last event."""

    @property
    def now(self) -> float:
        """When that was, if it was in the lane."""

    @property
    def riding(self) -> bool:
        """Whether an exchange is under way."""

    @property
    def track(self) -> int:
        """The track of the one under way; KernelError when there is none."""

    @property
    def waits(self) -> bool:
        """Whether it waits for `go`."""

    def settle(self, free: bool, number: int, /) -> None:
        """Whether the next messages may enter, and the number of the last event; what tracks need is asked about anew."""

    def signature(self) -> bytes | None:
        """The signature of the messages last asked about, if a track could be made of them; once."""

    def keep(
        self,
        signature: bytes,
        reply: bytes,
        legs: Sequence[tuple[bytes, bool, bytes, str]],
        mask: MaskPlan | None,
        needs: Sequence[str],
        defines: Sequence[str],
        /,
    ) -> None:
        """Lays a track down. `reply` is the signature of its answer; the names of statements it needs and gives a meaning to.

        Of each recorded statement: what its line has behind the time, whether its own text follows, the rest of the line, and
        how it ends (`completed` or `prepared`).
        """

    def forget(self) -> None:
        """Forgets all of them."""

    def ask(self, data: bytes, at: float, judge: Judge, /) -> tuple[bytes, tuple[str, ...]] | None:
        """(the lines of its record, their events' ids) when a client's whole messages are a track that may be taken now."""

    def go(self) -> bytes:
        """What goes upstream, now that the log has the record; empty when that has gone."""

    def answer(self, data: bytes, at: float, /) -> tuple[bytes, bytes | None] | None:
        """(the lines that complete the record, what the client gets if not these bytes) when the answer is the expected one."""

    def ended(self, at: float, /) -> None:
        """The log has these lines: the exchange is over."""

    def finished(self) -> tuple[int, list[int]]:
        """How many have ended since this was last asked, and their tracks, each once, in the order of their last ends."""

    def leave(self) -> tuple[int, int, float, bytes, bool] | None:
        """The exchange under way, which goes the whole way from here: track, number before it, when, its bytes, are they sent."""

class Tail:
    """Where lines are put into a mapped file, and how far it goes; nobody else writes there."""

    def __new__(cls, room: object, extent: object, first: int) -> Tail:
        """`room`: the whole file; `extent`: its word for where the lines end; `first`: where they begin. KernelError."""

    @property
    def end(self) -> int:
        """Where the lines end."""

    def append(self, lines: bytes, /) -> bool:
        """Puts whole lines there; False when they are not whole, or there is no room."""

    def settle(self) -> None:
        """Nothing is there any more."""

    def release(self) -> None:
        """Lets go of the file: nothing can be put there from here on."""

class Calls(Protocol):
    """What the runtime does for one end of a connection."""

    def received(self, data: bytes, /) -> None:
        """Takes bytes that the lane does not."""

    def gone(self, error: BaseException | None, /) -> None:
        """It will send nothing more, or reading it failed; it is read no more."""

    def write(self, data: bytes, /) -> None:
        """Sends what did not go at once."""

    def waiting(self) -> int:
        """Bytes that still wait to be sent."""

class End:
    """One end of a connection, as the pump reads it."""

    def read(self, on: bool, /) -> None:
        """Whether it is read; OSError."""

    def behind(self) -> None:
        """Something waits to be sent: what follows must wait behind it."""

    def leave(self) -> None:
        """It is read no more, for good."""

class Pump:
    """Reads the ends of many connections for one thread, and carries their lanes' exchanges by itself."""

    def __new__(cls, tail: Tail, log: object, every: int, /) -> Pump:
        """`log.failure` is None while the log takes lines; of each connection, one exchange after so many is let by; OSError."""

    def fileno(self) -> int:
        """Readable when an end is."""

    def door(self) -> int | None:
        """The socket over which the descriptors of two ends are handed in (SCM_RIGHTS) before each `join`; once."""

    def join(self, lane: Lane, judge: Judge, client: Calls, upstream: Calls, /) -> tuple[End, End]:
        """Reads the connection whose descriptors, client's first, were handed in; OSError."""

    def turn(self) -> tuple[int, int]:
        """Serves the ends that can be read; how many events and bytes of lines were put into the log. OSError."""

class Declared(Protocol):
    """A detector; see `sluice.classify.detector.Detector`. Texts are patterns over bytes, numbers percent (`bare` below 0: as `alone`)."""

    @property
    def lead(self) -> str: ...
    @property
    def pattern(self) -> str: ...
    @property
    def follow(self) -> str: ...
    @property
    def shown(self) -> str: ...
    @property
    def check(self) -> str: ...
    @property
    def needs(self) -> str: ...
    @property
    def bound(self) -> str: ...
    @property
    def context(self) -> Sequence[str]: ...
    @property
    def against(self) -> Sequence[str]: ...
    @property
    def alone(self) -> int: ...
    @property
    def bare(self) -> int: ...
    @property
    def told(self) -> int: ...
    @property
    def reach(self) -> int: ...

Found = tuple[int, int, int, int]
"""Start and end in bytes, number of the detector (0xffff: the rest is unread, and has to be hidden), percent."""

Tally = list[tuple[bytes, int, int]]
"""Where (as `messages[].content`), number of the detector, how often."""

@final
class Detectors:
    """Detectors, compiled. The work for a text is bounded by its length, whatever it holds; `least` is percent."""

    def __new__(cls, declared: Sequence[Declared], /) -> Detectors:
        """At most 127. KernelError for a pattern that cannot be compiled, an unknown check or bound."""

    def scan(self, values: Sequence[bytes], name: bytes, least: int, /) -> list[list[Found]]:
        """What is in each value; they stand under the column or key `name`."""

    def steps(self, value: bytes, name: bytes, least: int, /) -> tuple[int, int]:
        """How many bytes were looked at by automata, and the most that they may be."""

    def scrub(
        self,
        run: bytes,
        form: str,
        key: bytes | None,
        least: int,
        *,
        delimiter: int = ...,
        columns: Sequence[bytes] = ...,
    ) -> tuple[bytes, Tally]:
        """Whole records of a file (`jsonl`, `json`, `csv`, `text`) scrubbed, and what was found; `key`: with marks for equal values."""

    def scrub_values(
        self, values: Sequence[bytes | None], name: bytes, key: bytes | None, least: int, /
    ) -> tuple[list[bytes | None], Tally]:
        """The values of a column scrubbed."""

def holds(name: str, value: bytes, /) -> bool | None:
    """Whether a value passes a check; None: there is none of that name."""

def checks() -> list[str]:
    """The names of all checks."""

def cut(buffer: bytes, form: str, /) -> int:
    """How much of a buffer of a file is whole records."""

def merkle_leaves(lines: bytes, salts: bytes, /) -> tuple[bytes, bytes, bytes]:
    """Entries and leaf hashes (32 bytes a line) of whole lines, and the salts they hang on, zeros where no text is salted.

    `salts`: 16 bytes a line. KernelError when their number is another, or the last line is not whole.
    """

def merkle_fresh(lines: bytes, seed: bytes, /) -> tuple[bytes, bytes, bytes]:
    """`merkle_leaves` of lines that have no salts yet: these are stretched from 32 random bytes, to be used once and forgotten.

    Raises KernelError when the last line is not whole, ValueError when the seed is not 32 bytes.
    """

def tally(lines: bytes, /) -> list[tuple[str, str, str, int, int, int]]:
    """What whole lines of the log say: (kind, source, outcome, events, rows, hidden values), each kind, source and outcome once.

    The source is that of statements asked, the outcome that of these and of statements done; both are empty for other events. What is
    no event counts for nothing.
    """

def merkle_lines(lines: bytes, /) -> int:
    """How many line feeds there are."""

def merkle_hashes(entries: bytes, /) -> bytes:
    """The leaf hashes of entries of 32 bytes each."""

def merkle_root(hashes: bytes, /) -> bytes:
    """The tree hash (RFC 9162) over hashes of leaves or of equal subtrees, 32 bytes each. KernelError for other lengths."""

def merkle_above(hashes: bytes, /) -> bytes:
    """The hash over each 256 of them: the next level's. KernelError for other lengths."""

def merkle_struck(line: bytes, salt: bytes, /) -> bytes | None:
    """A line (without its line feed) with its text struck out, of the same leaf; None when it has none to strike out."""
