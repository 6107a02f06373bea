"""What the row of a folder says that was given as one, and all its files with it. Pure."""

from __future__ import annotations

from howdah_desktop.engine.views import RootView
from howdah_desktop.window import figures
from howdah_desktop.window.look import Act, Part, RowLook, Span, Tone
from howdah_desktop.window.sentences import (
    FULL,
    TAGS,
    Circumstances,
    Words,
    folder_of,
    next_look,
    remedy,
    spoken,
)


def folder_look(row: RootView, around: Circumstances, expanded: bool) -> RowLook:
    words = _folder_words(row, around)
    download = row.kind == "download"
    total = sum(row.files.values())
    target = folder_of(row.source if download else row.target)
    note = figures.count(total, "file")
    if row.listing:
        note = f"Counting… {note}" if total else "Counting…"
    return RowLook(
        title=row.name,
        tile="DIR",
        target=target,
        note=note,
        tag=words.tag,
        tag_tone=words.tag_tone,
        bar=_folder_bar(row) if words.bar else None,
        status=words.status,
        status_tone=words.tone,
        right=words.right,
        act=words.act,
        act_words=words.act_words,
        download=download,
        expandable=total > 0,
        expanded=expanded,
        spoken=spoken(f"{row.name}, folder, {note}", target, download, words),
    )


def _folder_words(row: RootView, around: Circumstances) -> Words:
    files = row.files
    done, total = files.get("done", 0), sum(files.values())
    moving = sum(files.get(state, 0) for state in ("sending", "fetching", "finishing"))
    if row.asks:
        much = f"{figures.count(total, 'file')}, {figures.size(row.size)}"
        status = f"{much}: more than anyone drops by accident"
        return Words(
            status,
            tag="waits for your yes",
            tag_tone=Tone.WARN,
            act=Act.SEND_ALL,
            act_words="Send all",
        )
    progress = f"{done:,} of {figures.count(total, 'file')}"
    rest = f" · {figures.size(row.left_bytes)} left" if row.left_bytes else ""
    if files.get("failed"):
        need = files["failed"]
        what = "needs you" if need == 1 else "need you"
        return Words(
            f"{progress}{rest} · {row.sentence} {remedy(row.code, row.remedy)}".rstrip(),
            tag=f"{figures.count(need, 'file')} {what}",
            tag_tone=Tone.ERROR,
            act=Act.PAUSE if moving else Act.TRY_NOW,
            act_words="" if moving else "Try again",
            bar=done < total and row.size > 0,
        )
    if moving:
        rate = row.bytes_per_second
        speed = f" · {figures.speed(rate)}" if rate is not None and rate >= 1 else ""
        right = "" if row.seconds_left is None else f"{figures.left(row.seconds_left)} left"
        return Words(progress + rest + speed, right=right, act=Act.PAUSE, bar=True)
    return _resting_folder(row, around, progress, rest)


def _resting_folder(row: RootView, around: Circumstances, progress: str, rest: str) -> Words:
    """Nothing of it moves just now."""
    files = row.files
    if files.get("waiting") or files.get("settling"):
        full = row.code in FULL
        verb = "asks again" if full else "next try"
        tag = TAGS[row.code or ""][0] if full else next_look(row.next_try, around, verb)
        sentence = row.sentence.rstrip(".")
        return Words(
            f"{progress}{rest} · {sentence}" if sentence else progress + rest,
            tag=tag,
            tag_tone=Tone.WARN,
            act=Act.TRY_NOW,
            act_words="Try now",
            bar=True,
        )
    if files.get("queued") or files.get("new"):
        away = around.receiver.code is not None
        told = f"Waits for {around.receiver_name}" if away else "Waits for its turn"
        return Words(f"{told} · {progress}{rest}", act=Act.PAUSE, bar=row.done_bytes > 0)
    if files.get("paused"):
        if row.code == "held" or row.listing:
            return Words("Being counted before it is sent" if row.listing else progress + rest)
        return Words(f"Paused by you · {progress}{rest}", act=Act.GO_ON, bar=row.done_bytes > 0)
    return _ended_folder(row)


def _ended_folder(row: RootView) -> Words:
    if row.listing:
        return Words("Being looked through", act=Act.PAUSE)
    files = row.files
    parts = [f"{figures.size(row.size)} · {files.get('done', 0):,} verified"]
    if files.get("skipped"):
        parts.append(f"{files['skipped']:,} left out")
    if files.get("cancelled"):
        parts.append(f"{files['cancelled']:,} cancelled")
    return Words(" · ".join(parts), act=Act.REMOVE)


def _folder_bar(row: RootView) -> tuple[Span, ...]:
    if row.size <= 0:  # nothing but empty files: they count by number
        total = sum(row.files.values())
        done = row.files.get("done", 0) / total if total else 0.0
        return (Span(0.0, done, Part.RECEIVED),) if done else ()
    done = min(1.0, row.done_bytes / row.size)
    flown = min(1.0, done + row.in_flight_bytes / row.size)
    spans = [Span(0.0, done, Part.RECEIVED)] if done else []
    if flown > done:
        spans.append(Span(done, flown, Part.IN_FLIGHT))
    return tuple(spans)
