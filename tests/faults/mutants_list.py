"""The mutants: what is broken, and which tests must notice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Trial:
    """Words for pytest, and the environment that makes its selection small."""

    tests: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Mutant:
    name: str
    file: str
    old: str
    new: str
    trials: tuple[Trial, ...]


RECEIVER = "receiver/howdah_receiver"
ENGINE = "desktop/howdah_desktop/engine"

CUT = Trial(
    ("tests/faults/test_power_cut.py", "-k", "no_promise_is_broken"),
    {"HOWDAH_CUT_CLIENTS": "1"},
)
SWEEP = Trial(
    ("tests/faults/test_crash_sweep.py", "-k", "disk_call_it_keeps"),
    {"HOWDAH_SWEEP_EVERY": "7"},
)
TREE_CUT = Trial(("tests/faults/test_tree_power_cut.py",))
BATCH_CUT = Trial(("tests/faults/test_batch_power_cut.py",))
TREES = Trial(("tests/faults/test_tree_sweep.py",))
FAILING = Trial(
    ("tests/faults/test_failing_disk.py", "-k", "not whatever"), {"HOWDAH_FAULTS_EVERY": "5"}
)
TORN = Trial(("tests/faults/test_torn_catalogue.py",))


def _tests(name: str, words: str = "") -> Trial:
    return Trial((f"tests/{name}.py", *(("-k", words) if words else ())))


MUTANTS = (
    # -- what is on the disk before anybody is told so
    Mutant(
        "the part is not synced before it is published",
        f"{RECEIVER}/uploads/session.py",
        "                os.fsync(self._descriptor)\n",
        "                pass\n",
        (CUT,),
    ),
    Mutant(
        "the name of the part is not synced before its intent",
        f"{RECEIVER}/uploads/session.py",
        "                    self._parts.sync_names()\n",
        "",
        (CUT,),
    ),
    Mutant(
        "the part is renamed before it is synced",
        f"{RECEIVER}/uploads/endings.py",
        "            self._make_durable(session, manifest, upload.modified_ns)\n"
        "            self._publish(upload, path, manifest, sha256, request.if_version, caller, kind)\n",
        "            self._publish(upload, path, manifest, sha256, request.if_version, caller, kind)\n"
        "            self._make_durable(session, manifest, upload.modified_ns)\n",
        (CUT,),
    ),
    Mutant(
        "the folder of versions is not synced",
        f"{RECEIVER}/storage/ground.py",
        "        os.fsync(self.folder.versions)\n",
        "",
        (CUT,),
    ),
    Mutant(
        "the target's folder is not synced after the rename",
        f"{RECEIVER}/storage/publishing.py",
        "            os.fsync(folder)\n",
        "",
        (CUT,),
    ),
    Mutant(
        "new folders are not synced",
        f"{RECEIVER}/storage/disk.py",
        "    os.fsync(parent)\n",
        "",
        (CUT,),
    ),
    Mutant(
        "the catalogue is not synced at each commit",
        f"{RECEIVER}/catalogue/database.py",
        'connection.execute("PRAGMA synchronous=FULL")',
        'connection.execute("PRAGMA synchronous=NORMAL")',
        (CUT,),
    ),
    Mutant(
        "the mark of a clean stop stays while the receiver works",
        f"{RECEIVER}/storage/folders.py",
        "            os.unlink(CLEAN_MARK, dir_fd=self.root)\n",
        "            os.stat(CLEAN_MARK, dir_fd=self.root)\n",
        (CUT,),
    ),
    Mutant(
        "chunks are trusted after an unclean stop",
        f"{RECEIVER}/uploads/recovery.py",
        "            rows.suspect_all(connection)\n",
        "            pass\n",
        (CUT,),
    ),
    Mutant(
        "chunks are trusted after a failed fsync",
        f"{RECEIVER}/uploads/session.py",
        "            self._distrust(covered)\n",
        "            pass\n",
        (FAILING,),
    ),
    # -- one change, whole or not at all
    Mutant(
        "the intent is not written",
        f"{RECEIVER}/storage/unfinished.py",
        "self.begun(space, intent, intents.insert(connection, space.id, intent))",
        'self.begun(space, intent, "0" * 32)',
        (SWEEP,),
    ),
    Mutant(
        "the folder that a file is moved to is not synced",
        f"{RECEIVER}/storage/moving.py",
        "            os.fsync(target)\n            self._sync(space, remote_path.parent(intent.path))\n",
        "",
        (TREE_CUT,),
    ),
    Mutant(
        "the trash is not synced",
        f"{RECEIVER}/storage/trashing.py",
        "                os.fsync(trash)\n                os.fsync(folder)\n",
        "",
        (TREE_CUT,),
    ),
    Mutant(
        "what comes back from the trash is not synced",
        f"{RECEIVER}/storage/restoring.py",
        "            os.fsync(folder)\n            os.fsync(trash)\n",
        "",
        (TREE_CUT,),
    ),
    Mutant(
        "a version that comes back is not synced",
        f"{RECEIVER}/storage/reverting.py",
        "            os.fsync(folder)\n            os.fsync(versions)\n",
        "",
        (TREE_CUT,),
    ),
    Mutant(
        "a version that comes back does not keep what stood there",
        f"{RECEIVER}/storage/reverting.py",
        """                kept_id = ground.keep(
                    folder,
                    name,
                    kept_id,
                    lambda new: ground.unfinished.change(pending, replaced_id=new),
                )
""",
        "",
        (_tests("receiver/test_versions"),),
    ),
    Mutant(
        "a folder at a date forgets that it was cleared",
        f"{RECEIVER}/storage/rewinding.py",
        "        if not intent.cleared:\n",
        "        if True:\n",
        (TREES,),
    ),
    Mutant(
        "what is replaced is not kept",
        f"{RECEIVER}/storage/publishing.py",
        "                kept_id = ground.keep(\n",
        "                kept_id, _ = intent.replaced_id, (\n",
        (SWEEP,),
    ),
    Mutant(
        "a part that has moved counts for nothing in a recovery that the disk stopped",
        f"{RECEIVER}/uploads/recovery.py",
        "    for upload_id in live - there - pending:\n",
        "    for upload_id in live - there:\n",
        (FAILING,),
    ),
    Mutant(
        "the tree has no lock",
        f"{RECEIVER}/storage/tree.py",
        "self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)",
        "self._locks = defaultdict(lambda: threading.Semaphore(1000))",
        (_tests("receiver/test_races"),),
    ),
    Mutant(
        "a publication half-way is taken for other hands' work",
        f"{RECEIVER}/storage/outside.py",
        "        content = _read(descriptor, status, row)\n        with self._quiet(space, path):\n",
        "        content = _read(descriptor, status, row)\n        if True:\n",
        (Trial((SWEEP.tests[0], "-k", "three_clients"), {"HOWDAH_SWEEP_EVERY": "1"}),),
    ),
    Mutant(
        "an empty catalogue is begun over files",
        f"{RECEIVER}/catalogue/migrate.py",
        "        _refuse_empty_over_data(folder, path)\n",
        "        pass\n",
        (TORN,),
    ),
    # -- chunks
    Mutant(
        "the digest of a chunk is not checked",
        f"{RECEIVER}/uploads/writers.py",
        " or self._state.digest() != digest:",
        ":",
        (_tests("receiver/test_chunks"),),
    ),
    Mutant(
        "other bytes for a received chunk pass",
        f"{RECEIVER}/uploads/writers.py",
        "        if there != arrived:\n",
        "        if False:\n",
        (_tests("receiver/test_chunks"),),
    ),
    Mutant(
        "what came over the line is hashed, not what stands on the disk",
        f"{RECEIVER}/uploads/writers.py",
        "            for block in read_blocks(self._session.descriptor, self._at, length):\n",
        "            for block in blocks:\n",
        (FAILING,),
    ),
    Mutant(
        "a late writer goes on",
        f"{RECEIVER}/uploads/writers.py",
        "        if self._claim.stopped:\n",
        "        if False:\n",
        (_tests("receiver/test_races"),),
    ),
    Mutant(
        "a completion does not stop the writers",
        f"{RECEIVER}/uploads/endings.py",
        "                    session.stop()\n",
        "                    session.commit()\n",
        (_tests("receiver/test_races"),),
    ),
    Mutant(
        "the manifest is not checked at completion",
        f"{RECEIVER}/uploads/endings.py",
        "        if not hmac.compare_digest(manifest.digest().hex(), request.manifest_digest):\n",
        "        if False:\n",
        (_tests("receiver/test_completions"),),
    ),
    # -- who may
    Mutant(
        "a pairing code is good twice",
        f"{RECEIVER}/accounts/pairing.py",
        "delete(pairing_codes).where(pairing_codes.c.code_sha256 == code_sha256)",
        "delete(pairing_codes).where(pairing_codes.c.code_sha256 == b'')",
        (_tests("receiver/test_pairing"),),
    ),
    Mutant(
        "the gate is open for reading",
        f"{RECEIVER}/api/gate.py",
        '        elif is_open(scope["method"], path):\n',
        '        elif scope["method"] == "GET" or is_open(scope["method"], path):\n',
        (_tests("receiver/test_gate"),),
    ),
    Mutant(
        "the docs leave out a problem that a call has",
        f"{RECEIVER}/api/folders.py",
        'problems=("bad_path", "path_conflict", "not_found", "not_allowed")',
        'problems=("bad_path", "not_found", "not_allowed")',
        (_tests("receiver/test_openapi_answers"),),
    ),
    Mutant(
        "the page of docs allows any style",
        f"{RECEIVER}/api/docs.py",
        "style-src 'sha256-{style_hash}'",
        "style-src 'unsafe-inline'",
        (_tests("receiver/test_docs_page"),),
    ),
    # -- running it
    Mutant(
        "anybody is believed about whom they ask for",
        f"{RECEIVER}/proxies.py",
        'if scope["type"] == "lifespan" or not self._proxies.trusts(peer[0] if peer else ""):',
        'if scope["type"] == "lifespan":',
        (_tests("receiver/test_proxies", "headers_count or strangers"),),
    ),
    Mutant(
        "without TLS everybody on the network is let in",
        f"{RECEIVER}/limits.py",
        'if self.settings.tls == "off" and not is_loopback(address):',
        "if False:",
        (_tests("receiver/test_proxies", "without_tls"),),
    ),
    Mutant(
        "half of a renewed certificate is taken up",
        f"{RECEIVER}/tls.py",
        "            found = certificate_given(certificate_file, key_file)\n            load(",
        "            found = self.certificate\n            load(",
        (_tests("receiver/test_proxies", "renewed"),),
    ),
    Mutant(
        "a connection that rests over TLS holds up a stop",
        f"{RECEIVER}/limits.py",
        "            self.loop.call_later(GOODBYE_SECONDS, self.transport.abort)\n",
        "            pass\n",
        (_tests("receiver/test_stop", "rest"),),
    ),
    Mutant(
        "the catalogue is upgraded without a copy",
        f"{RECEIVER}/catalogue/migrate.py",
        "        keep_before(path, HEAD)\n",
        "        pass\n",
        (_tests("receiver/test_upgrade", "copy_is_kept"),),
    ),
    Mutant(
        "a backup holds changes that are half-way",
        f"{RECEIVER}/backup/contents.py",
        '        self._connection.execute("DELETE FROM intents")\n',
        "",
        (_tests("receiver/test_backup", "half_way"),),
    ),
    Mutant(
        "a backup looks for contents only where they stood",
        f"{RECEIVER}/backup/run.py",
        '(content.place, content.kept_place, now.place if now else "")',
        "(content.place,)",
        (_tests("receiver/test_backup", "half_way or one_moment"),),
    ),
    # -- uploads that rest, and room
    Mutant(
        "what rests loses its part at the next start",
        f"{RECEIVER}/uploads/recovery.py",
        "rows.live(connection, states=HOLDING)",
        "rows.live(connection)",
        (_tests("receiver/test_expiry", "off_for_a_year"),),
    ),
    Mutant(
        "a clock that jumps makes idle what is at work",
        f"{RECEIVER}/uploads/expiry.py",
        "            if self._sessions.activity.idle_seconds(upload_id) >= self._idle_seconds:\n"
        "                self._expire(upload_id, before_ns)\n",
        "            self._expire(upload_id, before_ns)\n",
        (_tests("receiver/test_expiry", "jumps_a_year"),),
    ),
    Mutant(
        "what rests is expired though a chunk came meanwhile",
        f"{RECEIVER}/catalogue/resting.py",
        "        only_if=[uploads.c.active_ns < before_ns],\n",
        "        only_if=[],\n",
        (_tests("receiver/test_expiry", "expires_it_no_more"),),
    ),
    Mutant(
        "a quota is looked at before the row is written, and not with it",
        f"{RECEIVER}/uploads/service.py",
        "                self._admission.confirm(connection, upload)\n",
        "",
        (_tests("receiver/test_quotas", "fifty_starts_at_once"),),
    ),
    Mutant(
        "what grows is not held against the quota when it counts",
        f"{RECEIVER}/uploads/session.py",
        "                quotas.check_bytes(connection, self.upload.space_id)\n",
        "                pass\n",
        (_tests("receiver/test_quotas", "a_commit_that_would_exceed"),),
    ),
    # -- who may ask
    Mutant(
        "a token of another type is taken",
        f"{RECEIVER}/accounts/tokens.py",
        '        if found["header"].get("typ") != TYPE or not isinstance(claims["sid"], str):\n',
        '        if not isinstance(claims["sid"], str):\n',
        (_tests("receiver/test_every_route", "useless or stands"),),
    ),
    Mutant(
        "a token that lacks claims is taken",
        f"{RECEIVER}/accounts/tokens.py",
        '                options={"require": _CLAIMS, "strict_aud": True},\n',
        '                options={"strict_aud": True},\n',
        (_tests("receiver/test_every_route", "useless or stands"),),
    ),
    Mutant(
        "a token for another receiver is taken",
        f"{RECEIVER}/accounts/tokens.py",
        "                audience=self._audience,\n",
        '                audience=jwt.decode(token, options={"verify_signature": False})["aud"],\n',
        (_tests("receiver/test_every_route", "useless or stands"),),
    ),
    Mutant(
        "a token names its algorithm",
        f"{RECEIVER}/accounts/tokens.py",
        "                algorithms=[ALGORITHM],\n",
        '                algorithms=[jwt.get_unverified_header(token)["alg"]],\n',
        (_tests("receiver/test_every_route", "useless or stands"),),
    ),
    Mutant(
        "a token names its account",
        f"{RECEIVER}/accounts/callers.py",
        "                devices.c.account_id == claims.account_id,\n",
        "",
        (_tests("receiver/test_every_route", "useless or stands"),),
    ),
    Mutant(
        "a disabled account goes on",
        f"{RECEIVER}/accounts/callers.py",
        ".where(which, rows.live(time.time_ns()), accounts.c.disabled.is_(False))",
        ".where(which, rows.live(time.time_ns()))",
        (_tests("receiver/test_every_route", "useless or stands"),),
    ),
    Mutant(
        "a refresh token that was replaced is good for ever",
        f"{RECEIVER}/accounts/logins.py",
        "    return device.rotated_ns is not None and now_ns - device.rotated_ns < AGAIN_SECONDS * 10**9\n",
        "    return True\n",
        (_tests("receiver/test_login", "token_that_was_replaced or stolen"),),
    ),
    Mutant(
        "a revocation waits for the cache",
        f"{RECEIVER}/accounts/callers.py",
        "        self._known.clear()\n\n    def _find",
        "        pass\n\n    def _find",
        (_tests("receiver/test_devices", "revoked_device"),),
    ),
    Mutant(
        "a limited device speaks for its account",
        f"{RECEIVER}/api/who.py",
        "    if caller.send_only or caller.space_id is not None:\n",
        "    if False:\n",
        (_tests("receiver/test_every_route", "who_may_not and (accounts or codes)"),),
    ),
    Mutant(
        "every member manages a space",
        f"{RECEIVER}/accounts/spaces.py",
        '    if need not in rights:\n        raise ProblemError("not_allowed")\n    return OwnSpace',
        "    return OwnSpace",
        (_tests("receiver/test_every_route", "who_may_not and spaces"),),
    ),
    Mutant(
        "failures make nobody wait",
        f"{RECEIVER}/accounts/attempts.py",
        "        failures.count, failures.last = failures.count + 1, now\n",
        "        failures.last = now\n",
        (_tests("receiver/test_attempts"),),
    ),
    Mutant(
        "turns go to whoever came first",
        f"{RECEIVER}/accounts/attempts.py",
        "            key = min(self._queues, key=self._place)\n",
        "            key = next(iter(self._queues))\n",
        (_tests("receiver/test_attempts"),),
    ),
    # -- recipes
    Mutant(
        "a recipe takes from what its account may not read",
        f"{RECEIVER}/uploads/sources.py",
        "            if Right.READ not in spaces.rights(connection, self._caller, row.space_id):\n",
        "            if False:\n",
        (_tests("receiver/test_recipes", "another_account or member or only_send"),),
    ),
    Mutant(
        "a recipe takes from a file that other hands changed",
        f"{RECEIVER}/uploads/sources.py",
        "        if descriptor is None or kept or Identity.of(os.fstat(descriptor)) == row.identity:\n",
        "        if True:\n",
        (_tests("receiver/test_recipes", "other_hands"),),
    ),
    Mutant(
        "a short request makes long work",
        f"{RECEIVER}/uploads/sources.py",
        "        if self._left < 0:\n",
        "        if False:\n",
        (_tests("receiver/test_recipes", "no_long_work"),),
    ),
    Mutant(
        "a chunk whose recipe came out wrong is made by recipe again",
        f"{ENGINE}/recipes.py",
        "                self._plain.add(number)\n",
        "                pass\n",
        (_tests("desktop/test_file_recipes", "plainly"),),
    ),
    Mutant(
        "a piece is cut before all bytes that say where are there",
        f"{ENGINE}/pieces.py",
        "            self._cut(self._most)\n",
        "            self._cut(1)\n",
        (_tests("desktop/test_pieces", "fed or stretches"),),
    ),
    # -- the client
    Mutant(
        "a client moves to any receiver that takes its token",
        "desktop/howdah_desktop/remote/moving.py",
        "    if found != paired.catalogue:\n",
        "    if False:\n",
        (_tests("desktop/test_moving"),),
    ),
    Mutant(
        "a link without a pin trusts any certificate",
        "desktop/howdah_desktop/remote/trust.py",
        "        context = authorities_context() if tls and pin is None else tls_context()\n",
        "        context = tls_context()\n        pin = pin or '0' * 64\n",
        (_tests("desktop/test_trust", "without_a_pin"),),
    ),
    Mutant(
        "the client completes a file that changed while it was read",
        f"{ENGINE}/source.py",
        "        if SourceIdentity.of_descriptor(self._fd) != self.identity:\n"
        '            raise ProblemError("source_changed")\n'
        "        if look(self._path) != self.identity:\n",
        "        if False:\n",
        (_tests("desktop/test_sender", "chang"),),
    ),
    Mutant(
        "the client keeps a downloaded chunk whatever its digest",
        f"{ENGINE}/fetch_ranges.py",
        "    return state.digest() == manifest.chunk_digest(number)\n",
        "    return bool(state.digest())\n",
        (_tests("desktop/test_fetcher", "wrong or damaged"),),
    ),
    # -- small files in batches
    Mutant(
        "the journal is not synced before its files are answered for",
        f"{RECEIVER}/storage/journal.py",
        "        os.fdatasync(self._descriptor)\n",
        "",
        (BATCH_CUT,),
    ),
    Mutant(
        "the journal's name is not synced before its files are answered for",
        f"{RECEIVER}/storage/journal.py",
        "        os.fdatasync(self._descriptor)\n        os.fsync(self._folder)\n",
        "        os.fdatasync(self._descriptor)\n",
        (BATCH_CUT,),
    ),
    Mutant(
        "a start does not give back what a journal holds",
        f"{RECEIVER}/storage/tree.py",
        "        self.small_files.replay()\n",
        "",
        (BATCH_CUT,),
    ),
    Mutant(
        "folders that were made for a batch that was never committed stay",
        f"{RECEIVER}/storage/small_files.py",
        "                self.remove_folders(journal_id)\n",
        "",
        (BATCH_CUT,),
    ),
    Mutant(
        "a journal goes before its files are synced",
        f"{RECEIVER}/storage/small_files.py",
        "            os.fsync(descriptor)\n",
        "            pass\n",
        (BATCH_CUT,),
    ),
    Mutant(
        "a small file that is deleted or replaced is not synced first",
        f"{RECEIVER}/storage/tree.py",
        "        self.small_files.settle(space, path, all_below=all_below)\n",
        "",
        (BATCH_CUT, _tests("receiver/test_batch", "synced_first")),
    ),
    Mutant(
        "the same file of a batch again is another one",
        f"{RECEIVER}/uploads/batch.py",
        "                found.append(None if upload is None else self._ones.again(item, upload))\n",
        "                found.append(None)\n",
        (_tests("receiver/test_batch", "same"),),
    ),
    Mutant(
        "a small file is sent though it changed while it was read",
        f"{ENGINE}/batch_run.py",
        "            source.check_unchanged()\n",
        "",
        (_tests("desktop/test_batches", "changes_while"),),
    ),
    Mutant(
        "what the disk has not kept goes out with the others",
        f"{RECEIVER}/files/together.py",
        "    return data if found.digest() == row.manifest_digest else None\n",
        "    return data if found.digest() else None\n",
        (_tests("receiver/test_contents", "has_not_kept"),),
    ),
)
