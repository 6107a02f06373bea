"""What can go wrong: one table for both programs.

Each problem has a stable code, the HTTP status that carries it (0: it never crosses the wire), a
sentence for a person, a remedy, and what a client does next. On the wire it is problem+json
(RFC 9457) whose `type` is `urn:howdah:problem:CODE`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:howdah:problem:"


class Next(Enum):
    """What a client does about a problem."""

    RETRY = "retry"
    """It may pass by itself: wait and try the same again."""
    RESYNC = "resync"
    """What both sides believe differs: ask the receiver what is there, then go on."""
    RESTART = "restart"
    """This upload is lost: begin another for the same file."""
    USER = "user"
    """Only a person can help."""


@dataclass(frozen=True, slots=True)
class Problem:
    code: str
    status: int
    sentence: str
    remedy: str
    next: Next

    @property
    def type(self) -> str:
        return TYPE_PREFIX + self.code


def _table(*rows: tuple[str, int, Next, str, str]) -> dict[str, Problem]:
    return {
        code: Problem(code, status, sentence, remedy, following)
        for code, status, following, sentence, remedy in rows
    }


PROBLEMS = _table(
    # -- the request
    ("bad_request", 400, Next.USER, "The receiver does not understand the request.",
     "Check that both programs are of a recent version."),
    ("bad_path", 400, Next.USER, "The receiver cannot store this name.",
     "Rename the file, then send it again."),
    ("bad_frame", 400, Next.RESYNC, "The stream of chunks is broken.",
     "The transfer asks what arrived and goes on by itself."),
    ("bad_chunk_size", 400, Next.USER, "The chunk size is not one that this receiver takes.",
     "Leave the chunk size out, or choose a power of two from 64 KiB that gives at most 65,536 chunks."),
    ("chunk_out_of_range", 400, Next.RESYNC, "The upload has no chunk of that number and length.",
     "Ask for the upload's state and send the chunks that are missing."),
    ("digest_missing", 400, Next.USER, "The chunk came without a digest.",
     "Send a Content-Digest header, in the upload's algorithm, with every chunk."),
    ("digest_unsupported", 400, Next.USER, "The receiver does not know this digest algorithm.",
     "Use sha-256 or blake3."),
    ("host_not_allowed", 400, Next.USER, "The receiver does not answer to this host name.",
     "Use the address that the receiver printed, or allow the name with --allowed-host."),
    ("headers_too_large", 431, Next.USER, "The request's headers are too large.",
     "Send fewer or shorter headers."),
    ("body_too_large", 413, Next.USER, "The request's body is larger than the receiver takes.",
     "Send fewer chunks in one request."),
    ("body_encoded", 415, Next.USER, "The receiver takes no compressed bodies.",
     "Send the body without Content-Encoding."),
    ("media_type_unsupported", 415, Next.USER, "The body is not of the type that belongs here.",
     "See docs/protocol.md for the type of each call."),
    ("type_refused", 415, Next.USER, "The receiver does not take files of this type.",
     "Ask the receiver's owner which types it takes."),
    ("upload_too_large", 413, Next.USER, "The file is larger than the receiver takes.",
     "Ask the receiver's owner to raise the limit, or send the file elsewhere."),
    ("request_timeout", 408, Next.RETRY, "The request took too long to arrive.",
     "The transfer tries again by itself; check the line if it goes on."),
    ("method_not_allowed", 405, Next.USER, "This address does not take that method.",
     "See docs/protocol.md for what can be asked."),
    ("upgrade_required", 426, Next.USER, "Events come over a WebSocket.",
     "Open the address as a WebSocket; see docs/protocol.md."),
    ("fetch_alone", 413, Next.RESYNC, "The file does not fit into one answer with others.",
     "Nothing to do: it is fetched by itself."),
    ("range_not_satisfiable", 416, Next.RESYNC, "The range lies beyond the end of the file.",
     "Ask for the file's size, then for a range inside it."),
    # -- who
    ("not_signed_in", 401, Next.USER, "This device is not signed in at the receiver.",
     "Run `howdah-receiver pair` there and `howdah pair LINK` here."),
    ("pairing_refused", 403, Next.USER, "The pairing code is wrong, used or expired.",
     "Run `howdah-receiver pair` at the receiver for a new link."),
    ("login_refused", 401, Next.USER, "The address or the password is wrong.",
     "Check both; whoever runs the receiver can set another password."),
    ("login_ended", 401, Next.USER, "This login has ended.",
     "Sign in again."),
    ("signup_closed", 403, Next.USER, "This receiver takes new accounts by invitation alone.",
     "Ask whoever runs the receiver for an invitation."),
    ("invitation_refused", 403, Next.USER, "The invitation is wrong, used or expired, or for another address.",
     "Ask whoever runs the receiver for another one."),
    ("password_refused", 403, Next.USER, "The password so far is another one.",
     "Type the password that you sign in with now."),
    ("too_many_attempts", 429, Next.RETRY, "There were too many attempts.",
     "Wait a minute, then try again."),
    ("link_password", 401, Next.USER, "The password of the link is missing or wrong.",
     "Ask whoever sent the link for its password."),
    ("too_many_downloads", 429, Next.RETRY, "Too many folders are being fetched at the same time.",
     "Wait until one of them is done, then try again."),
    ("too_many_uploads", 429, Next.RETRY, "Too many uploads were begun at once.",
     "The transfer goes on by itself when others have ended."),
    ("too_many_watchers", 429, Next.RETRY, "Too many programs watch what happens here.",
     "Close one of them, then try again."),
    # -- what
    ("link_not_found", 404, Next.USER, "There is no such link, or it has ended.",
     "Ask whoever sent it for another one."),
    ("not_found", 404, Next.USER, "There is nothing at this address.",
     "Check the address; `howdah ls` shows what is there."),
    ("file_not_found", 404, Next.USER, "The receiver has no such file or folder.",
     "Check the path; `howdah ls` shows what is there."),
    ("not_allowed", 404, Next.USER, "Your role in this space does not allow that.",
     "Ask an owner of the space for another role."),
    ("upload_not_found", 404, Next.RESTART, "The receiver does not know this upload.",
     "The file is sent again from its start."),
    # -- accounts and spaces
    ("bad_email", 422, Next.USER, "This is no e-mail address.",
     "Write it like someone@example.org."),
    ("bad_name", 422, Next.USER, "This cannot be a name.",
     "Choose one of 1 to 100 characters, without control characters; that of an account has no @ in it either."),
    ("password_weak", 422, Next.USER, "This password is too easy to guess.",
     "Choose a longer one; four words that have nothing to do with each other are good."),
    ("email_taken", 409, Next.USER, "There is an account with this address.",
     "Sign in with it, or use another address."),
    ("name_taken", 409, Next.USER, "There is an account of this name.",
     "Choose another name."),
    ("last_admin", 409, Next.USER, "Nobody else could look after this receiver.",
     "Make another account an admin first."),
    ("last_owner", 409, Next.USER, "The space would have no owner.",
     "Make another member an owner first."),
    ("space_not_empty", 409, Next.USER, "There is something in this space.",
     "Remove its files and folders, their versions and what is in its trash first."),
    # -- states that clash
    ("client_id_conflict", 409, Next.RESTART, "Another upload was begun under the same id.",
     "The file is sent again under a new id."),
    ("upload_not_open", 409, Next.RESYNC, "The upload does not take chunks any more.",
     "Ask for the upload's state; it may be complete already."),
    ("chunk_conflict", 409, Next.RESTART, "Other bytes were received under this chunk's number.",
     "The file has changed: it is sent again as it is now."),
    ("chunk_superseded", 409, Next.RESYNC, "A newer request sends this chunk.",
     "Nothing to do: the newer request goes on."),
    ("recipe_source_missing", 409, Next.RESYNC, "What a chunk was to be made of is not there any more.",
     "Nothing to do: the chunk is sent as it is."),
    ("upload_incomplete", 409, Next.RESYNC, "Chunks are missing.",
     "Send the chunks that the answer names, then complete again."),
    ("completion_conflict", 409, Next.RESTART, "The upload was completed with other words.",
     "The file has changed: it is sent again as it is now."),
    ("path_conflict", 409, Next.USER, "Something else stands in the way at that path.",
     "Choose another target with --to, or rename one of them."),
    ("link_full", 409, Next.USER, "The link does not take that much.",
     "Send less, or ask whoever sent the link for another one."),
    ("other_space", 409, Next.USER, "Nothing is moved from one space to another.",
     "Fetch it and send it to the other space, then delete it here."),
    ("version_current", 409, Next.USER, "This version is the one that stands there.",
     "Delete the file, or restore another version first."),
    ("version_conflict", 412, Next.USER, "Something else stands at this path.",
     "Choose --if-exists version, keep-both or skip."),
    ("chunk_mismatch", 422, Next.RETRY, "A chunk did not arrive as it was sent.",
     "It is sent again by itself; if this stays, check the memory and disks of both machines."),
    ("size_mismatch", 422, Next.RESTART, "The file has another size than announced.",
     "The file has changed: it is sent again as it is now."),
    ("manifest_mismatch", 422, Next.RESTART, "What arrived is not what was hashed.",
     "The file is sent again from its start."),
    ("sha256_mismatch", 422, Next.RESTART, "The whole file's SHA-256 is not the one that was given.",
     "Check the file and the SHA-256, then send it again."),
    # -- the receiver's own trouble
    ("storage_full", 507, Next.RETRY, "The receiver's disk is full.",
     "Free some space there; the transfer goes on by itself."),
    ("quota_exceeded", 507, Next.RETRY, "The quota at the receiver is used up.",
     "Delete something there, also from the trash, or ask its owner for more; the transfer goes on by itself."),
    ("storage_failed", 503, Next.RETRY, "The receiver's disk reported an error.",
     "Check the receiver's log and disk; the transfer goes on by itself."),
    ("file_damaged", 500, Next.USER, "The stored file no longer matches its digest.",
     "Restore it from a backup, or send it again from its source."),
    ("unavailable", 503, Next.RETRY, "The receiver is busy or stopping.",
     "The transfer tries again by itself."),
    ("internal", 500, Next.RETRY, "The receiver made a mistake.",
     "Look for the id in the receiver's log and report it; the transfer tries again."),
    # -- seen by the client alone
    ("offline", 0, Next.RETRY, "The receiver cannot be reached.",
     "Check that it runs and that the line is up; the transfer goes on by itself."),
    ("answer_invalid", 0, Next.RETRY, "The answer does not come from a Howdah receiver.",
     "Sign in to the network if it asks for that, and check the address."),
    ("captive_portal", 0, Next.RETRY, "A web page came in place of the receiver's answer.",
     "Open any page in a browser: the network may want to be signed in to. It goes on by itself then; if not,"
     " check the address."),
    ("answer_too_large", 0, Next.USER, "The receiver's answer is larger than it may be.",
     "Check that the address is that of your receiver."),
    ("redirect_refused", 0, Next.USER, "The receiver sends this device to another place.",
     "Sign in to the network if it asks for that; else pair with the address of the receiver itself."),
    ("certificate_changed", 0, Next.USER, "The receiver shows another certificate than the one paired with.",
     "Sign in to the network if it asks for that. If the certificate was renewed on purpose, pair again; if"
     " not, somebody may be listening."),
    ("certificate_untrusted", 0, Next.USER, "Nobody whom this computer trusts vouches for the receiver's certificate.",
     "Check this computer's clock and the address; at the receiver, check that its certificate is valid."),
    ("other_receiver", 0, Next.USER, "Another receiver answers at this address.",
     "Check the address; to work with that receiver, pair with it."),
    ("insecure_address", 0, Next.USER, "A token is never sent unencrypted over a network.",
     "Pair with an https address."),
    ("bad_link", 0, Next.USER, "This is not a pairing link.",
     "Copy the whole line that begins with howdah:// from `howdah-receiver pair`."),
    ("not_paired", 0, Next.USER, "This device is paired with no receiver.",
     "Run `howdah-receiver pair` at the receiver and `howdah pair LINK` here."),
    ("source_changed", 0, Next.RETRY, "The file changed while it was sent.",
     "It is sent again once it is left alone."),
    ("source_missing", 0, Next.USER, "The file is no longer there.",
     "Put it back, then run `howdah resume`; or cancel the transfer."),
    ("source_unreadable", 0, Next.USER, "The file cannot be read.",
     "Give yourself the right to read it, then run `howdah resume`."),
    ("source_not_a_file", 0, Next.USER, "This is not a file or folder that can be sent.",
     "Devices, sockets and pipes are left out; send a pipe with `howdah send -`."),
    ("source_failed", 0, Next.RETRY, "The disk reported an error while the file was read.",
     "Check the disk; the transfer tries again."),
    ("name_not_unicode", 0, Next.USER, "The file's name is not valid UTF-8.",
     "Rename it as proposed, then send it again."),
    ("name_unsafe", 0, Next.USER, "The receiver names a file in a way that is not safe to write here.",
     "Rename it at the receiver; nothing was written."),
    ("target_exists", 0, Next.USER, "Another file stands at the target.",
     "Choose --if-exists version, keep-both or skip, or another folder with --to."),
    ("target_unwritable", 0, Next.USER, "The file cannot be written there.",
     "Choose a folder that you may write to with --to."),
    ("local_full", 0, Next.RETRY, "This computer's disk is full.",
     "Free some space; the transfer goes on by itself."),
    ("download_mismatch", 0, Next.RETRY, "What was fetched does not match its digest.",
     "It is fetched again by itself; if this stays, run `howdah verify` on the original."),
    ("remote_changed", 0, Next.RETRY, "The file changed at the receiver while it was fetched.",
     "The new version is fetched by itself."),
    ("ledger_newer", 0, Next.USER, "The ledger was written by a newer version.",
     "Install that version again, or a newer one."),
    ("ledger_damaged", 0, Next.USER, "The ledger cannot be read.",
     "Move the file that is named aside and send again; what arrived is not sent twice."),
    ("folder_watched", 0, Next.USER, "This folder, or one above or below it, is watched already.",
     "Run `howdah watch list`, and remove that one first."),
    ("folder_unknown", 0, Next.USER, "No such folder is watched.",
     "Run `howdah watch list` to see those that are."),
    ("folder_not_there", 0, Next.USER, "There is no such folder that could be watched.",
     "Name a folder that is there; a file alone is sent with `howdah send`."),
    ("bad_target", 0, Next.USER, "This cannot be the target of a watched folder.",
     "Name a folder at the receiver; {date}, {host} and {name} may stand in it."),
    ("free_rule_mirror", 0, Next.USER, "A mirror frees nothing by rule: what is not here, it deletes there.",
     "Watch the folder without --mirror, or free by hand with `howdah free`."),
    ("limits_damaged", 0, Next.USER, "The file of the limits cannot be read.",
     "Correct it, or remove it and set the limits again with `howdah limit`; until then nothing is sent."),
    ("transfer_not_found", 0, Next.USER, "There is no unfinished transfer of this number.",
     "Look at `howdah queue`; what is at its end stands in no queue."),
    ("not_sent", 0, Next.USER, "The file was not sent from here.",
     "Send it with `howdah send`, then free it."),
    ("copy_differs", 0, Next.USER, "The receiver's copy is not what stands here.",
     "Send the file again, then free it."),
    ("copy_unread", 0, Next.RETRY, "The receiver has not worked out the SHA-256 of its copy yet.",
     "Free it later; nothing was removed."),
    ("freeing_changed", 0, Next.USER, "The file changed while it was compared.",
     "Send it again once it is left alone, then free it."),
    ("freeing_in_use", 0, Next.USER, "Another program has the file open to write to it.",
     "Close it there, then free it."),
    ("freeing_refused", 0, Next.USER, "The file cannot be taken away here.",
     "Give yourself the right to change its folder, then free it."),
    ("freeing_elsewhere", 0, Next.RETRY, "Another howdah is freeing space.",
     "Wait until it is done, then try again."),
    ("trash_unavailable", 0, Next.USER, "The desktop's trash does not take the file.",
     "Leave it, or have it deleted with --delete."),
    ("engine_unreachable", 0, Next.RETRY, "The running Howdah does not answer.",
     "End it, then try again."),
    ("interrupted", 0, Next.RETRY, "The work was interrupted.",
     "Run `howdah resume` to go on."),
)  # fmt: skip


@dataclass(eq=False)
class ProblemError(Exception):
    """A problem that happened: its code, what in particular, and machine-readable extras.

    `detail` is a sentence for this occurrence; `extra` goes into the problem+json beside it (for example
    `missing` chunks, `retry_after_seconds`).
    """

    code: str
    detail: str = ""
    extra: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        PROBLEMS[self.code]  # a code outside the table is a mistake of ours
        super().__init__(self.code, self.detail)

    @property
    def problem(self) -> Problem:
        return PROBLEMS[self.code]

    @property
    def sentence(self) -> str:
        """What happened, for a person."""
        return f"{self.problem.sentence} {self.detail}".rstrip()

    @property
    def remedy(self) -> str:
        """What to do about it, for a person."""
        return self.problem.remedy

    @property
    def status(self) -> int:
        """The HTTP status that carries it; 0: it never crosses the wire."""
        return self.problem.status

    def __str__(self) -> str:
        return f"{self.sentence} {self.problem.remedy} ({self.code})"
