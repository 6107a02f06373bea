"""How the command ends: exit codes, and problems as one line each."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from enum import IntEnum

import typer

from howdah_common.problems import ProblemError
from howdah_desktop.engine.verdict import NEEDS_SIGN_IN

HELP = """
Exit codes: 0 all is done; 1 something needs you; 2 wrong use; 3 not paired or not signed in;
4 gave up waiting; 130 interrupted, everything can be resumed.
"""


class Exit(IntEnum):
    DONE = 0
    NEEDS_YOU = 1
    USAGE = 2
    NOT_PAIRED = 3
    GAVE_UP = 4
    INTERRUPTED = 130


def end(work: Callable[[], Exit], as_json: bool = False) -> None:
    """Run a command to its exit code."""
    from howdah_desktop.settings import BadSetting

    try:
        code = work()
    except ProblemError as problem:
        tell(problem, as_json=as_json)
        code = code_of(problem)
    except BadSetting as error:
        print(f"howdah: {error}", file=sys.stderr)
        code = Exit.USAGE
    except KeyboardInterrupt:
        print("howdah: interrupted. `howdah resume` goes on.", file=sys.stderr)
        code = Exit.INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output is gone (`howdah ls | head`); nothing can be said to them.
        sys.stdout = None  # or the interpreter would try once more
        code = Exit.NEEDS_YOU
    raise typer.Exit(int(code))


def code_of(problem: ProblemError) -> Exit:
    return Exit.NOT_PAIRED if problem.code in NEEDS_SIGN_IN else Exit.NEEDS_YOU


def tell(problem: ProblemError, *, as_json: bool = False) -> None:
    """What happened and what to do, on stderr; with --json also as an object on stdout."""
    if as_json:
        print(
            json.dumps(
                {
                    "event": "problem",
                    "code": problem.code,
                    "sentence": problem.sentence,
                    "remedy": problem.problem.remedy,
                }
            ),
            flush=True,
        )
    print(f"howdah: {problem}", file=sys.stderr)
