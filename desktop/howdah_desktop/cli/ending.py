"""A command run to its exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable

import typer

from howdah_common.problems import ProblemError
from howdah_desktop.cli.exits import Exit, code_of, tell


def end(work: Callable[[], Exit], as_json: bool = False) -> None:
    """Raises typer.Exit, always."""
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
