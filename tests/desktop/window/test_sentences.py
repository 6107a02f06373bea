"""What a row says: one sentence, what is kept, one next step."""

from __future__ import annotations

from typing import Any

import pytest

from howdah_common.problems import PROBLEMS
from howdah_desktop.engine.transfers import TransferState
from howdah_desktop.engine.views import ChunksView, ReceiverView
from howdah_desktop.window.folder_sentences import folder_look
from howdah_desktop.window.look import Act, Part, RowLook, Tone
from howdah_desktop.window.sentences import REMEDIES, Circumstances, transfer_look
from kit.window_rows import MB, NOW, folder, transfer

AROUND = Circumstances(NOW, receiver_name="nas.home")


def look(state: str, **others: Any) -> RowLook:
    return transfer_look(transfer(1, state, **others), AROUND)


def test_what_is_sent_says_how_far_how_fast_and_how_long() -> None:
    row = look("sending", done_bytes=6 * MB, bytes_per_second=2.0 * MB, seconds_left=2.2)
    assert row.status == "6.00 MB of 10.0 MB · 2.00 MB/s"
    assert row.right == "2 s left"
    assert row.act is Act.PAUSE
    assert row.target == "Videos/"


def test_a_broken_connection_says_when_it_is_tried_again_and_what_is_kept() -> None:
    row = look(
        "waiting",
        code="storage_failed",
        sentence="The receiver's disk reported an error.",
        attempt=3,
        next_try=NOW + 8,
        done_bytes=4 * MB,
    )
    assert row.tag == "next try in 8 s"
    assert row.status == (
        "The receiver's disk reported an error (try 3) · 4.00 MB of 10.0 MB are kept"
    )
    assert (row.act, row.act_words) == (Act.TRY_NOW, "Try now")


def test_a_full_receiver_is_no_loss() -> None:
    row = look("waiting", code="storage_full", sentence="The receiver's disk is full.")
    assert row.tag == "receiver is full"
    assert "Nothing is lost" in row.status
    assert row.tag_tone is Tone.WARN


def test_a_quota_that_is_used_up_is_no_loss() -> None:
    row = look("waiting", code="quota_exceeded", sentence="The quota at the receiver is used up.")
    assert row.tag == "quota is used up"
    assert row.status.startswith("The quota at the receiver is used up. Nothing is lost")
    assert row.tag_tone is Tone.WARN


def test_what_arrived_shows_its_digest_and_when() -> None:
    row = look("done", digest="9f2c" + "0" * 56 + "41ab", finished=NOW - 60)
    assert row.status == "10.0 MB · verified, blake3 9f2c…41ab"
    assert row.right.count(":") == 1
    assert row.bar is None
    assert row.act is Act.REMOVE


def test_while_the_receiver_is_away_rows_wait_and_do_not_fail() -> None:
    away = Circumstances(NOW, ReceiverView("offline"), "nas.home")
    row = transfer_look(transfer(1), away)
    assert row.status.startswith("Waits for nas.home")
    assert row.tag == ""


@pytest.mark.parametrize("state", [state.value for state in TransferState])
def test_every_state_has_a_sentence_and_is_spoken(state: str) -> None:
    row = look(state, sentence="Something is so.")
    assert row.status
    assert row.title in row.spoken
    assert row.status in row.spoken


@pytest.mark.parametrize("code", sorted(PROBLEMS))
def test_no_problem_is_told_with_a_command_where_the_window_has_a_button(code: str) -> None:
    problem = PROBLEMS[code]
    row = look("failed", code=code, sentence=problem.sentence, remedy=problem.remedy)
    assert row.tag
    assert row.act is Act.TRY_NOW
    if code in REMEDIES:
        assert "`" not in row.status
        assert "--" not in row.status


def test_what_the_receiver_had_already_is_told_while_only_the_changes_go() -> None:
    row = transfer(1, "sending", done_bytes=9 * MB, bytes_per_second=2.0 * MB)
    chunks = ChunksView(1, MB, 10, received=((0, 8),), known=((0, 6),))
    found = transfer_look(row, AROUND, chunks)
    assert found.tag == "only changes"
    assert found.status == "9.00 MB of 10.0 MB · 7.00 MB already there · 2.00 MB/s"


@pytest.mark.parametrize(
    ("code", "detail", "told"),
    [
        (
            "path_conflict",
            "'Photos' is a folder.",
            "'Photos' is a folder. Rename one of them, then try again.",
        ),
        ("path_conflict", "", f"{PROBLEMS['path_conflict'].sentence} Rename one of them, then try"),
        ("target_exists", "It is a.txt.", "Another file stands at the target. It is a.txt. Rename"),
    ],
)
def test_a_long_sentence_makes_room_for_the_remedy_where_the_tag_says_it(
    code: str, detail: str, told: str
) -> None:
    sentence = f"{PROBLEMS[code].sentence} {detail}".rstrip()
    row = look("failed", code=code, sentence=sentence, remedy=PROBLEMS[code].remedy)
    assert row.status.startswith(told)


def test_the_chunk_map_has_three_parts() -> None:
    chunks = ChunksView(1, MB, 10, received=((0, 3),), in_flight=((4, 5),), known=((0, 0),))
    row = transfer_look(transfer(1, "sending", done_bytes=4 * MB), AROUND, chunks)
    assert row.bar is not None
    assert [(span.part, span.first, span.last) for span in row.bar] == [
        (Part.KNOWN, 0.0, 0.1),
        (Part.RECEIVED, 0.1, 0.4),
        (Part.IN_FLIGHT, 0.4, 0.6),
    ]
    assert row.tag == "only changes"


def test_a_download_says_where_it_comes_from() -> None:
    row = look("fetching", kind="download", source="Photos/a.jpg", target="/home/me/a.jpg")
    assert row.download
    assert row.target == "Photos/"
    assert "from Photos/" in row.spoken


@pytest.mark.parametrize(
    ("name", "tile"),
    [
        ("a.mp4", "MP4"),
        ("README", "FILE"),
        (".bashrc", "FILE"),
        ("a.tar.gz", "GZ"),
        ("x.<b>", "FILE"),
    ],
)
def test_the_tile_names_the_kind_of_file(name: str, tile: str) -> None:
    assert look("queued", name=name).tile == tile


def test_a_folder_counts_its_files() -> None:
    row = folder_look(
        folder(1, {"done": 271, "sending": 1, "queued": 40}, left_bytes=34 * MB), AROUND, False
    )
    assert row.note == "312 files"
    assert row.status == "271 of 312 files · 34.0 MB left"
    assert row.expandable
    assert row.act is Act.PAUSE


def test_a_folder_that_is_counted_says_so() -> None:
    row = folder_look(folder(1, {"paused": 12_400}, listing=True, code="held"), AROUND, False)
    assert row.note == "Counting… 12,400 files"


def test_a_huge_drop_waits_for_a_yes() -> None:
    row = folder_look(folder(1, {"paused": 12_400}, asks=True, code="held"), AROUND, False)
    assert row.act is Act.SEND_ALL
    assert row.tag == "waits for your yes"


def test_one_bad_file_does_not_hide_that_the_rest_goes_on() -> None:
    row = folder_look(
        folder(
            1,
            {"done": 3, "failed": 1, "sending": 1},
            code="source_missing",
            sentence="The file is no longer there.",
        ),
        AROUND,
        False,
    )
    assert row.tag == "1 file needs you"
    assert row.act is Act.PAUSE
    assert "Put it back" in row.status
