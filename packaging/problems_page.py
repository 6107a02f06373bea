"""Write docs/problems.md: everything that can go wrong, from the table that both programs use.

Run with `make docs`.
"""

from __future__ import annotations

from pathlib import Path

from howdah_common.problems import PROBLEMS, TYPE_PREFIX, Next, Problem

PAGE = Path(__file__).resolve().parent.parent / "docs" / "problems.md"

NEXT = {
    Next.RETRY: "waits, then tries the same again",
    Next.RESYNC: "asks the receiver what is there, then goes on",
    Next.RESTART: "begins another upload of the same file",
    Next.USER: "stops and tells its user",
}

HEADER = f"""\
# Problems

Everything that can go wrong, by its code (written by `make docs` from the table in the code).
A receiver answers with `application/problem+json` (RFC 9457), as
[protocol.md](protocol.md#problems) says; its `type` is `{TYPE_PREFIX}CODE`. Go by the code: it
stays, while sentences may be put better. A code of a newer receiver, which a client does not know,
is to be taken by its status.
"""


def row(problem: Problem) -> str:
    """One line of a table; a problem that never crosses the wire has no status to show."""
    status = f" {problem.status} |" if problem.status else ""
    return (
        f"| `{problem.code}` |{status} {problem.sentence} | {problem.remedy}"
        f" | {NEXT[problem.next]} |\n"
    )


def table(problems: list[Problem], *columns: str) -> str:
    head = ["code", *columns, "what happened", "what to do", "a client"]
    lines = [f"| {' | '.join(head)} |\n", f"|{'---|' * len(head)}\n"]
    return "\n" + "".join([*lines, *map(row, problems)])


def page() -> str:
    """The whole page, in the order of the table in the code."""
    answered = [problem for problem in PROBLEMS.values() if problem.status]
    found = [problem for problem in PROBLEMS.values() if not problem.status]
    return (
        HEADER
        + "\n## What a receiver answers\n"
        + table(answered, "HTTP status")
        + "\n## What the client finds by itself\n\nThese never cross the wire.\n"
        + table(found)
    )


if __name__ == "__main__":
    PAGE.write_text(page())
