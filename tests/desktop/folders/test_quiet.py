"""What was hinted is listed after its quiet time, never lost, and never later than a minute after."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from howdah_desktop.folders.hint_kinds import Doubtful
from howdah_desktop.folders.quiet import LATEST_SECONDS, MOST, MOST_BELOW, Due, Quiet


def run(quiet: Quiet, until: float) -> list[tuple[float, Due | Doubtful]]:
    """What became due, and when, up to and with `until`."""
    found = []
    while (at := quiet.next_due()) is not None and at <= until:
        done = quiet.due(at)
        assert done, "next_due named a time at which nothing is due"
        found += [(at, item) for item in done]
    return found


def rest(quiet: Quiet) -> list[tuple[float, Due | Doubtful]]:
    return [(round(at, 6), item) for at, item in run(quiet, float("inf"))]


def test_one_hint_is_due_half_a_second_later() -> None:
    quiet = Quiet()
    quiet.dirty(b"a", 10)
    assert quiet.due(10.49) == []
    assert quiet.next_due() == 10.5
    assert quiet.due(10.5) == [Due(b"a", False)]
    assert quiet.next_due() is None
    assert quiet.due(100) == []


def test_a_longer_burst_is_waited_for_longer_up_to_one_and_a_half_seconds() -> None:
    for seconds, due_after in ((0.4, 0.7), (1, 1.0), (2, 1.5), (20, 1.5)):
        quiet = Quiet()
        for step in range(101):
            quiet.dirty(b"a", seconds * step / 100)
            assert quiet.due(seconds * step / 100) == []
        assert rest(quiet) == [(round(seconds + due_after, 6), Due(b"a", False))]


def test_what_never_rests_is_due_every_minute() -> None:
    quiet = Quiet()
    found = []
    for step in range(2000):
        now = step / 10
        found += run(quiet, now)
        quiet.dirty(b"log", now)
    assert [round(at) for at, _ in found] == [60, 120, 180]
    assert {item for _, item in found} == {Due(b"log", False)}


def test_a_busy_folder_holds_up_no_other() -> None:
    quiet = Quiet()
    quiet.dirty(b"note", 0)
    for step in range(20):
        quiet.dirty(b"log", step / 10)
    assert run(quiet, 2) == [(0.5, Due(b"note", False))]


def test_a_file_that_grows_holds_up_none_of_its_neighbours() -> None:
    quiet = Quiet()
    found = []
    for step in range(700):
        now = step / 10
        found += run(quiet, now)
        quiet.grown(b"a", now)
        if step == 100:
            quiet.dirty(b"a", now)
    # The minute of what grows begins anew with each look.
    assert found == [(10.5, Due(b"a", False))]


def test_what_grew_and_rests_is_due_as_what_changed() -> None:
    quiet = Quiet()
    for step in range(21):
        quiet.grown(b"a", step / 10)
    assert rest(quiet) == [(3.5, Due(b"a", False))]


def test_many_folders_in_one_become_that_one_with_all_that_is_in_it() -> None:
    quiet = Quiet()
    quiet.dirty(b"other", 0)
    for number in range(MOST_BELOW):
        quiet.dirty(b"a/%d" % number, 1)
    for number in range(10):
        quiet.dirty(b"a/%d/x" % number, 1)
    assert len(quiet) == 1 + MOST_BELOW + 10
    quiet.dirty(b"a/one more", 1.2)
    assert len(quiet) == 2
    assert rest(quiet) == [(0.5, Due(b"other", False)), (1.8, Due(b"a", True))]


def test_what_collapses_counts_as_one_further_up() -> None:
    quiet = Quiet()
    for outer in range(MOST_BELOW + 1):
        for inner in range(MOST_BELOW + 1):
            quiet.dirty(b"t/%d/%d" % (outer, inner), 0)
    assert rest(quiet) == [(0.5, Due(b"t", True))]


def test_below_a_folder_that_is_gone_through_nothing_waits_by_itself() -> None:
    quiet = Quiet()
    quiet.dirty(b"a/b/c", 0)
    quiet.dirty(b"ab", 0)
    quiet.dirty(b"a", 0.1, recursive=True)
    quiet.dirty(b"a/d", 0.2)
    quiet.dirty(b"a", 0.3)
    assert rest(quiet) == [(0.5, Due(b"ab", False)), (0.95, Due(b"a", True))]


def test_too_many_folders_in_all_become_doubt() -> None:
    quiet = Quiet()
    for number in range(MOST):
        quiet.dirty(b"%d/%d/x" % (number % 100, number), number / 1000)
    assert len(quiet) == MOST
    quiet.dirty(b"one/more", 0.6)
    assert len(quiet) == 1
    quiet.dirty(b"and/another", 0.7)
    ((at, item),) = rest(quiet)
    assert item == Doubtful(f"more than {MOST} folders changed at once")
    assert at == 1.55


def test_doubt_takes_in_what_waits_and_what_comes_and_keeps_its_reason() -> None:
    quiet = Quiet()
    quiet.dirty(b"a", 0)
    quiet.doubtful("an overflow", 0.25)
    quiet.dirty(b"b", 0.3)
    quiet.doubtful("polling", 0.4)
    assert rest(quiet) == [(1.1, Doubtful("an overflow"))]
    quiet.dirty(b"c", 5)
    assert rest(quiet) == [(5.5, Due(b"c", False))]


def test_doubt_that_never_ends_is_due_every_minute() -> None:
    quiet = Quiet()
    found = []
    for step in range(700):
        found += run(quiet, step / 10)
        quiet.doubtful("overflow", step / 10)
    assert [round(at) for at, _ in found] == [60]


@dataclass(frozen=True)
class Told:
    at: float
    folder: bytes | None  # None: doubt
    recursive: bool = False
    grows: bool = False


FOLDERS = st.lists(st.sampled_from([b"a", b"b", b"ab", b"c"]), max_size=3).map(b"/".join)
STEPS = st.sampled_from([0, 0, 0.1, 0.3, 0.49, 0.5, 0.6, 1.6, 7, 61])


@st.composite
def stories(draw: st.DrawFn) -> list[Told]:
    now = 0.0
    story: list[Told] = []
    for _ in range(draw(st.integers(1, 15))):
        now += draw(STEPS)
        kind = draw(st.integers(0, 29))
        folder = draw(FOLDERS)
        if kind == 0:
            story.append(Told(now, None))
        elif kind == 1:  # a storm
            wide = draw(st.booleans())
            for number in range(draw(st.sampled_from([100, 140, 520]))):
                name = b"%d" % number if wide else b"%d/%d" % (number % 99, number)
                story.append(Told(now, b"/".join(filter(None, [folder, name]))))
        elif kind == 2:  # constant change
            for _ in range(draw(st.sampled_from([20, 160]))):
                now += 0.4
                story.append(Told(now, folder))
        elif kind in (4, 5, 6):  # a file grows
            for _ in range(draw(st.sampled_from([1, 20, 160]))):
                now += 0.4
                story.append(Told(now, folder, grows=True))
        else:
            story.append(Told(now, folder, recursive=kind == 3))
    return story


def covers(item: Due | Doubtful, told: Told) -> bool:
    if isinstance(item, Doubtful):
        return True
    if told.folder is None:
        return False
    if item.folder == told.folder:
        return item.recursive or not told.recursive
    beginning = item.folder + b"/" if item.folder else b""
    return item.recursive and told.folder.startswith(beginning)


@settings(max_examples=60, deadline=None)
@given(story=stories())
def test_nothing_is_lost_nothing_too_early_and_nothing_later_than_a_minute(
    story: list[Told],
) -> None:
    quiet = Quiet()
    done: list[tuple[float, Due | Doubtful]] = []
    for told in story:
        done += run(quiet, told.at)
        if told.folder is None:
            quiet.doubtful("x", told.at)
        elif told.grows:
            quiet.grown(told.folder, told.at)
        else:
            quiet.dirty(told.folder, told.at, recursive=told.recursive)
        assert len(quiet) <= MOST
    done += run(quiet, float("inf"))
    assert len(quiet) == 0
    for told in story:
        # What falls on the very moment of a hint was done just before it.
        answers = [at for at, item in done if at > told.at and covers(item, told)]
        assert answers, f"lost: {told}"
        assert answers[0] - told.at <= LATEST_SECONDS + 1e-9
    for at, item in done:
        heard = [told for told in story if told.at < at and covers(item, told)]
        earlier = [before for before, other in done if before < at and _overlap(other, item)]
        since = [told for told in heard if told.at >= max(earlier, default=-1)]
        assert since, f"for nothing: {item}"
        # What grows waits for itself, and so does all else.
        kinds = [[told.at for told in since if told.grows is grows] for grows in (False, True)]
        is_quiet = any(times and at - max(times) >= 0.5 - 1e-9 for times in kinds)
        assert is_quiet or at - min(told.at for told in since) >= LATEST_SECONDS - 1e-9


def _overlap(one: Due | Doubtful, other: Due | Doubtful) -> bool:
    """Whether doing `one` does all of `other`."""
    if isinstance(one, Doubtful) or isinstance(other, Doubtful):
        return isinstance(one, Doubtful)
    return covers(one, Told(0, other.folder, other.recursive))
