"""How a watched folder is shown, and in one sentence why it is as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from howdah_desktop.engine.ledger import Ledger
from howdah_desktop.engine.showing import explain_problem, shown_path
from howdah_desktop.engine.views import FolderView, ReceiverView
from howdah_desktop.folders.watched import FolderState, Watched

if TYPE_CHECKING:
    from howdah_desktop.engine.kept import Kept

ALL_IS_WELL = ReceiverView()
_YES = "If that was meant, say so with `howdah watch resume {id}`; if not, put the files back."
_AWAY = (
    "It goes on by itself once the folder is back. If it is meant to be as it is now, run"
    " `howdah watch resume {id}`."
)


def folder_view(kept: Kept, ledger: Ledger, receiver: ReceiverView = ALL_IS_WELL) -> FolderView:
    watched = kept.watched
    sentence, remedy = explain_folder(watched)
    code = None
    if not sentence and receiver.code is not None:
        code, sentence, remedy = receiver.code, receiver.sentence, receiver.remedy
    if not sentence and kept.held_up is not None:
        code = kept.held_up.code
        sentence, remedy = explain_problem(code, kept.held_up.detail)
    if not sentence:
        sentence = _at_work(kept)
    hints = kept.hints
    return FolderView(
        id=watched.id,
        local=shown_path(watched.local),
        target=watched.target,
        mirror=watched.mirror,
        state=watched.state.value,
        sentence=sentence,
        remedy=remedy,
        mode=hints.mode.value if hints is not None else "",
        why=hints.why if hints is not None else "",
        files=ledger.known_files(watched.id),
        transfers=ledger.states_of_root(watched.root),
        left_out=ledger.left_out_counts(watched.id),
        compared=watched.compared,
        until=watched.until,
        surveying=kept.surveying,
        code=code,
        follow=watched.settings.follow,
        free=watched.settings.free,
        freed=kept.freed,
    )


def explain_folder(watched: Watched) -> tuple[str, str]:
    """A sentence and a remedy; both empty where all is well."""
    match watched.state:
        case FolderState.PAUSED:
            return "Paused by you.", f"`howdah watch resume {watched.id}` goes on."
        case FolderState.UNAVAILABLE:
            return watched.detail, _AWAY.format(id=watched.id)
        case FolderState.ASKING:
            files = f"{int(watched.detail or 0):,} files"
            return (
                f"{files} were deleted here. Nothing was deleted there yet.",
                _YES.format(id=watched.id),
            )
        case FolderState.ACTIVE:
            return "", ""


def _at_work(kept: Kept) -> str:
    if kept.surveying:
        return "Is being compared." if kept.full_running else "Is being looked at."
    if kept.watched.compared is None:
        return "Waits for its first comparison."
    return "Is watched."
