"""Twenty threads on one space, and five writers on one folder: nothing that was acknowledged is lost.

The services are called as the handlers call them, as fast as they go. Seeds are printed where a test fails;
HOWDAH_SEED=n plays one again (as far as threads do the same twice).
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from howdah_common.problems import ProblemError
from howdah_receiver.app import Receiver
from howdah_receiver.settings import Settings
from kit.direct import Direct
from kit.forked import memory
from kit.oracle import complaints, snapshot
from kit.tree_model import TreeModel, any_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

THREADS = 20
SOAK = os.environ.get("HOWDAH_SOAK") == "1"
STEPS = 200 if SOAK else 40
WRITERS, EDITS = 5, 1_000
MAY_HAPPEN = {"path_conflict", "file_not_found", "version_conflict", "bad_path"}

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def seed() -> int:
    found = int(os.environ.get("HOWDAH_SEED", "0")) or random.SystemRandom().getrandbits(32)
    print(f"HOWDAH_SEED={found}")
    return found


@pytest.fixture
def here() -> Iterator[Direct]:
    """In memory: what a disk does after a power cut is for others to say."""
    folder = Path(tempfile.mkdtemp(prefix="howdah-many-", dir=memory()))
    receiver = Receiver(Settings(data=folder / "data"))
    try:
        yield Direct(receiver)
    finally:
        receiver.stop()
        shutil.rmtree(folder)


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


@contextmanager
def may_clash() -> Iterator[None]:
    """Others were quicker: that is an answer."""
    try:
        yield
    except LookupError:
        pass
    except ProblemError as problem:
        if problem.code not in MAY_HAPPEN:
            raise


def everything(here: Direct) -> Counter[bytes]:
    """Every content that can be had: where it stands, kept, or in the trash."""
    found = snapshot(here.data)
    contents = [*found.files.values(), *(one for kept in found.kept.values() for one in kept)]
    for _, files, kept in found.trash:
        contents += [*files.values(), *(one for versions in kept.values() for one in versions)]
    return Counter(contents)


def test_twenty_threads_change_what_the_others_change_and_no_content_is_lost(
    here: Direct, seed: int
) -> None:
    def work(thread: int) -> list[bytes]:
        rng = random.Random(f"{seed} {thread}")
        acknowledged = []
        for step in range(STEPS):
            path, to = any_path(rng, "all"), any_path(rng, "all")
            kind = rng.randrange(10)
            with may_clash():
                if kind < 4:
                    content = f"{thread} {step}".encode()
                    here.publish(path, content)
                    acknowledged.append(content)
                elif kind < 7:
                    way = rng.choice(["fail", "keep_both", "version"])
                    here.move(path, to, if_exists=way)
                elif kind < 8:
                    here.trash(path)
                elif kind < 9:
                    entries, _ = here.receiver.changing.trash(
                        here.caller, None, page=1, per_page=20
                    )
                    if entries:
                        here.restore(rng.choice(entries).id, rng.choice([None, to]))
                else:
                    versions = here.versions(path)
                    file = here.find(path)
                    here.receiver.history.restore(here.caller, file.id, rng.choice(versions).row.id)
        return acknowledged

    acknowledged = Counter(one for some in at_once(THREADS, work) for one in some)
    assert complaints(here.data, [], done=False) == []
    assert everything(here) == acknowledged


def test_twenty_threads_each_in_a_folder_of_its_own_do_what_a_model_says(
    here: Direct, seed: int
) -> None:
    def work(thread: int) -> TreeModel:
        rng = random.Random(f"{seed} {thread}")
        model, top = TreeModel(), f"t{thread}"
        for step in range(STEPS):
            _one_step(here, model, rng, top, f"{thread} {step}".encode())
        return model

    models = at_once(THREADS, work)
    assert complaints(here.data, [], done=False) == []
    there = snapshot(here.data)
    files = {path: one[-1] for model in models for path, one in model.files.items()}
    kept = {path: sorted(one[:-1]) for model in models for path, one in model.files.items()}
    assert there.files == files
    assert there.kept == {path: contents for path, contents in kept.items() if contents}
    trash = [
        (entry.path, {rest.lstrip("/"): one[-1] for rest, one in entry.files.items()})
        for model in models
        for entry in model.trash.values()
    ]
    in_trash = [(path, files) for path, files, _ in there.trash]
    assert sorted(in_trash, key=_order) == sorted(trash, key=_order)


def _order(entry: tuple[str, dict[str, bytes]]) -> str:
    return repr((entry[0], sorted(entry[1].items())))


def _one_step(here: Direct, model: TreeModel, rng: random.Random, top: str, content: bytes) -> None:
    path, to = any_path(rng, top), any_path(rng, top)
    standing = sorted({*model.files, *model.folders} - {top})
    kind = rng.randrange(6)
    if kind < 3 or not standing:
        if model.may_publish(path):
            here.publish(path, content)
            model.put(path, content)
        return
    if kind == 3 or (kind == 5 and not model.trash):
        chosen = rng.choice(standing)
        if model.is_free(to) and not to.startswith(f"{chosen}/"):
            here.move(chosen, to)
            model.move(chosen, to)
        return
    if kind == 4:
        chosen = rng.choice(standing)
        model.put_away(chosen, here.trash(chosen).id)
        return
    trash_id = rng.choice(sorted(model.trash))
    if model.is_free(to):
        assert here.restore(trash_id, to) == to
        model.bring_back(trash_id, to)


def test_five_writers_clash_a_thousand_times_and_no_version_is_lost(
    here: Direct, seed: int
) -> None:
    """Each edits what it last saw, as a client does: where it is another's by now, it looks again."""
    clashes = Counter[str]()

    def work(writer: int) -> list[bytes]:
        rng = random.Random(f"{seed} {writer}")
        acknowledged, seen = [], dict[str, str]()
        for edit in range(EDITS // WRITERS):
            name, content = f"shared/{rng.randrange(20)}", f"{writer} {edit}".encode()
            sent = here.send(name, content)
            while True:
                try:
                    version = here.complete(sent, if_version=seen.get(name, "none"))
                except ProblemError as problem:
                    if problem.code != "version_conflict":
                        raise
                    clashes[name] += 1
                    seen[name] = str(problem.extra["version"])
                    continue
                seen[name] = version
                acknowledged.append(content)
                break
        return acknowledged

    acknowledged = [one for some in at_once(WRITERS, work) for one in some]
    assert len(acknowledged) == EDITS
    assert everything(here) == Counter(acknowledged)
    assert complaints(here.data, [], done=False) == []
    assert sum(clashes.values()) > EDITS // 4
