"""What a row says: a transfer as the engine sees it, turned into words. Pure.

One sentence, one next step. What is kept is always said, so that nobody fears for it.
"""

from __future__ import annotations

from dataclasses import dataclass

from howdah_common.problems import PROBLEMS
from howdah_common.ranges import RangeSet
from howdah_desktop.engine.transfers import TransferState
from howdah_desktop.engine.views import ChunksView, ReceiverView, TransferView
from howdah_desktop.window import figures
from howdah_desktop.window.look import Act, Part, RowLook, Span, Tone

S = TransferState

TAGS = {
    "storage_full": ("receiver is full", Tone.WARN),
    "quota_exceeded": ("quota is used up", Tone.WARN),
    "local_full": ("disk is full", Tone.WARN),
    "upload_too_large": ("too large there", Tone.ERROR),
    "type_refused": ("type is refused", Tone.ERROR),
    "source_missing": ("file is gone", Tone.ERROR),
    "source_unreadable": ("cannot be read", Tone.ERROR),
    "source_not_a_file": ("not a file", Tone.ERROR),
    "name_not_unicode": ("name is not UTF-8", Tone.ERROR),
    "name_unsafe": ("unsafe name", Tone.ERROR),
    "bad_path": ("name is refused", Tone.ERROR),
    "target_exists": ("stands there already", Tone.ERROR),
    "path_conflict": ("is in the way there", Tone.ERROR),
    "file_not_found": ("not there", Tone.ERROR),
    "file_damaged": ("damaged there", Tone.ERROR),
    "target_unwritable": ("cannot be written", Tone.ERROR),
}
"""Two or three words beside the name, for what needs somebody."""

REMEDIES = {
    "source_missing": "Put it back and try again, or cancel it.",
    "source_unreadable": "Give yourself the right to read it, then try again.",
    "source_not_a_file": "Devices, sockets and pipes are left out.",
    "target_exists": "Rename one of the two, then try again.",
    "path_conflict": "Rename one of them, then try again.",
    "file_not_found": "Check the path at the receiver.",
    "target_unwritable": "Give yourself the right to write there, then try again.",
}
"""Where the table's remedy speaks of commands, and the window has buttons."""

TOLD_BY_TAG = frozenset({"bad_path", "path_conflict"})
"""Their sentence says no more than their tag, and is long: what it is about in particular, and what to do,
must still be seen at the end of the line."""

FULL = frozenset({"storage_full", "quota_exceeded", "local_full"})
"""They pass by themselves, but only when somebody makes room."""


ALL_IS_WELL = ReceiverView()


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What holds for every row. `now` as time.time()."""

    now: float
    receiver: ReceiverView = ALL_IS_WELL
    receiver_name: str = "the receiver"


@dataclass(frozen=True, slots=True)
class Words:
    """What differs from state to state."""

    status: str = ""
    tone: Tone = Tone.PLAIN
    tag: str = ""
    tag_tone: Tone = Tone.GOOD
    right: str = ""
    act: Act | None = None
    act_words: str = ""
    bar: bool = False


def transfer_look(
    row: TransferView, around: Circumstances, chunks: ChunksView | None = None, child: bool = False
) -> RowLook:
    state = S(row.state)
    words = _moving(row, chunks) if state in _MOVING else _TRANSFER_WORDS[state](row, around)
    download = row.kind == "download"
    target = folder_of(row.source if download else row.target)
    bar = _bar(row, chunks) if words.bar and row.size else None
    only_changes = row.state == "sending" and _known_bytes(row, chunks) > 0
    return RowLook(
        title=row.name,
        tile=_tile(row),
        target=target,
        tag=words.tag or ("only changes" if only_changes else ""),
        tag_tone=words.tag_tone,
        bar=bar,
        # A tick is for what arrived.
        bar_tone=Tone.PLAIN if row.state == "cancelled" else Tone.GOOD,
        status=words.status,
        status_tone=words.tone,
        right=words.right,
        act=words.act,
        act_words=words.act_words,
        download=download,
        child=child,
        spoken=spoken(row.name, target, download, words),
    )


def remedy(code: str | None, given: str) -> str:
    return REMEDIES.get(code or "", given)


# -- one state each


def _moving(row: TransferView, chunks: ChunksView | None) -> Words:
    status = progress(row)
    known = _known_bytes(row, chunks)
    if known:
        status += f" · {figures.size(known)} already there"
    rate = row.bytes_per_second
    if rate is not None:
        # A line that carries nothing for a while is not slow; it stands.
        status += f" · {figures.speed(rate)}" if rate >= 1 else " · nothing gets through just now"
    right = "" if row.seconds_left is None else f"{figures.left(row.seconds_left)} left"
    return Words(status, right=right, act=Act.PAUSE, bar=True)


def _finishing(row: TransferView, around: Circumstances) -> Words:
    told = "everything is there, it is being put in its place"
    return Words(f"{_size(row)} · {told}", act=Act.PAUSE, bar=True)


def _queued(row: TransferView, around: Circumstances) -> Words:
    receiver = around.receiver
    if receiver.code is not None:
        told = f"Waits for {around.receiver_name}"
    else:
        told = "Waits for its turn"
    rest = kept(row)
    if not rest and row.size is not None:
        rest = f" · {figures.size(row.size)}"
    return Words(told + rest, act=Act.PAUSE, bar=row.done_bytes > 0)


def _settling(row: TransferView, around: Circumstances) -> Words:
    return Words(
        "It is being written to; it goes on once it is left alone",
        tag=next_look(row.next_try, around, "looks again"),
        tag_tone=Tone.WARN,
        act=Act.TRY_NOW,
        act_words="Try now",
    )


def _waiting(row: TransferView, around: Circumstances) -> Words:
    sentence = row.sentence.rstrip(".")
    if row.code in FULL:
        tag, tone = TAGS[row.code]
        status = f"{sentence}{_room(row)}. Nothing is lost; it goes on by itself."
        again = next_look(row.next_try, around, "asks again")
        return Words(status, Tone.PLAIN, tag, tone, again, Act.TRY_NOW, "Try now", bar=False)
    tries = f" (try {row.attempt})" if row.attempt > 1 else ""
    return Words(
        f"{sentence}{tries}{kept(row)}",
        tag=next_look(row.next_try, around, "next try"),
        tag_tone=Tone.WARN,
        act=Act.TRY_NOW,
        act_words="Try now",
        bar=row.done_bytes > 0,
    )


def _paused(row: TransferView, around: Circumstances) -> Words:
    if row.code == "held":
        return Words(row.sentence.rstrip("."), act=Act.SEND_ALL, act_words="Send all")
    rest = kept(row) or f" · {_size(row)}"
    until = "" if row.next_try is None else f" until {figures.clock(row.next_try, around.now)}"
    return Words(f"Paused by you{until}{rest}", act=Act.GO_ON, bar=row.done_bytes > 0)


def _failed(row: TransferView, around: Circumstances) -> Words:
    tag, tone = TAGS.get(row.code or "", ("needs you", Tone.ERROR))
    status = f"{_particular(row)} {remedy(row.code, row.remedy)}".strip()
    return Words(status, tag=tag, tag_tone=tone, act=Act.TRY_NOW, act_words="Try again")


def _done(row: TransferView, around: Circumstances) -> Words:
    if row.note == "already there":
        status = f"{_size(row)} · was there already, nothing was sent"
    elif row.note == "clash":
        status = f"{_size(row)} · changed there by somebody else: both are kept"
    elif row.kind == "folder":
        status = "Empty folder, made there"
    else:
        digest = f", blake3 {row.digest[:4]}…{row.digest[-4:]}" if row.digest else ""
        status = f"{_size(row)} · verified{digest}"
    right = figures.clock(row.finished, around.now) if row.finished else ""
    return Words(status, right=right, act=Act.REMOVE)


def _cancelled(row: TransferView, around: Circumstances) -> Words:
    right = figures.clock(row.finished, around.now) if row.finished else ""
    return Words("Cancelled by you", right=right, act=Act.REMOVE)


def _skipped(row: TransferView, around: Circumstances) -> Words:
    return Words(row.sentence.rstrip("."), tag="left out", tag_tone=Tone.WARN, act=Act.REMOVE)


_MOVING = frozenset({S.SENDING, S.FETCHING})
_TRANSFER_WORDS = {
    S.NEW: _queued,
    S.SETTLING: _settling,
    S.QUEUED: _queued,
    S.FINISHING: _finishing,
    S.WAITING: _waiting,
    S.PAUSED: _paused,
    S.FAILED: _failed,
    S.DONE: _done,
    S.SKIPPED: _skipped,
    S.CANCELLED: _cancelled,
    S.SUPERSEDED: _done,
}


# -- pieces


def _bar(row: TransferView, chunks: ChunksView | None) -> tuple[Span, ...]:
    if chunks is None or not chunks.total_chunks:
        share = min(1.0, row.done_bytes / row.size) if row.size else 0.0
        flown = min(1.0, share + row.in_flight_bytes / row.size) if row.size else 0.0
        spans = [Span(0.0, share, Part.RECEIVED)] if share else []
        return tuple([*spans, Span(share, flown, Part.IN_FLIGHT)] if flown > share else spans)
    total = chunks.total_chunks
    sent = RangeSet(chunks.received)
    for first, last in chunks.known:
        sent.remove(first, last)
    pieces = [
        (first, last, part)
        for part, ranges in (
            (Part.IN_FLIGHT, chunks.in_flight),
            (Part.RECEIVED, sent),
            (Part.KNOWN, chunks.known),
        )
        for first, last in ranges
    ]
    pieces.sort(key=lambda piece: piece[0])
    return tuple(Span(first / total, (last + 1) / total, part) for first, last, part in pieces)


def _known_bytes(row: TransferView, chunks: ChunksView | None) -> int:
    """What the receiver had without being sent it; the last chunk may be a short one."""
    if chunks is None:
        return 0
    known = sum(last - first + 1 for first, last in chunks.known) * chunks.chunk_bytes
    return min(known, row.done_bytes)


def progress(row: TransferView) -> str:
    if row.size is None:
        return figures.size(row.done_bytes)
    return figures.share_of(min(row.done_bytes, row.size), row.size)


def kept(row: TransferView) -> str:
    return f" · {progress(row)} are kept" if row.done_bytes > 0 else ""


def _particular(row: TransferView) -> str:
    """The sentence of what is wrong, without what the tag says already."""
    if row.code not in TOLD_BY_TAG:
        return row.sentence
    return row.sentence.removeprefix(PROBLEMS[row.code].sentence).lstrip() or row.sentence


def _room(row: TransferView) -> str:
    if not row.size or row.code == "quota_exceeded":  # which may be one of files
        return ""
    return f", this needs {figures.size(row.size)}"


def _size(row: TransferView) -> str:
    return figures.size(row.size) if row.size is not None else "size unknown"


def next_look(next_try: float | None, around: Circumstances, verb: str) -> str:
    if next_try is None:
        return "waits"
    return f"{verb} in {figures.until(next_try, around.now)}"


def folder_of(path: str) -> str:
    """The folder with a slash at its end; of the root: `Home`."""
    folder = path.rstrip("/").rpartition("/")[0]
    return f"{folder}/" if folder else ("/" if path.startswith("/") else "Home")


def _tile(row: TransferView) -> str:
    if row.kind == "folder":
        return "DIR"
    stem, _, extension = row.name.rpartition(".")
    if not stem or not extension or len(extension) > 4 or not extension.isalnum():
        return "FILE"
    return extension.upper()


def spoken(name: str, target: str, download: bool, words: Words) -> str:
    way = "from" if download else "to"
    parts = [f"{name}, {way} {target}", words.tag, words.status, words.right]
    return ". ".join(part for part in parts if part)
