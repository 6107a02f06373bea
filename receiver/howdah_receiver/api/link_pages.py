"""The pages of links: plain HTML, made here, whole without scripts but for a request's. Their files lie in
`web/links`.

Everything that comes from somebody is escaped where it is put in (`_fill`), isolated from what stands around
it (`bdi`), and shown without what would turn its letters round.
"""

from __future__ import annotations

import datetime as dt
from functools import cache
from html import escape
from importlib.resources import files
from string import Template
from urllib.parse import quote, urlencode

from starlette.responses import Response

from howdah_common import remote_path
from howdah_common.messages_links import SharedItem, SharedList
from howdah_common.problems import ProblemError
from howdah_receiver.catalogue.links import LinkRow
from howdah_receiver.links.door import OpenLink

PER_PAGE = 200
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Robots-Tag": "noindex, nofollow",
}


class _Html(str):
    """What is markup already, and not to be escaped again."""


def asset(name: str, media_type: str) -> Response:
    headers = {
        "Cache-Control": "no-cache",  # another version may run by the next time
        "Content-Security-Policy": "default-src 'none'",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    return Response(_file(name), headers=headers, media_type=media_type)


# -- the pages


def file(base: str, link: OpenLink) -> Response:
    row = link.file
    facts = _facts(
        ("Size", _size(row.size)),
        ("Changed", _time(row.modified_ns)),
        *_ends(link.row),
        ("SHA-256", row.sha256.hex() if row.sha256 else ""),
    )
    name = remote_path.name(row.path)
    body = _fill(
        "file.html",
        name=_shown(name),
        label=_label(link.row),
        facts=facts,
        href=f"{base}/content",
    )
    return _page(base, name, body)


def folder(base: str, link: OpenLink, below: str, listed: SharedList) -> Response:
    top = _top_name(link)
    name = remote_path.name(below) or top
    body = _fill(
        "folder.html",
        name=_shown(name),
        label=_label(link.row),
        crumbs=_crumbs(base, top, below),
        facts=_facts(*_ends(link.row)),
        href=base + "/zip" + (f"?{urlencode({'path': below})}" if below else ""),
        count=_count(listed.total),
        rows=_Html("".join(_row(base, item) for item in listed.items)),
        pager=_pager(base, below, listed),
    )
    return _page(base, name, body)


def request(base: str, link: OpenLink) -> Response:
    row = link.row
    limits = [
        f"at most {row.most_uses} files" if row.most_uses is not None else "",
        f"at most {_size(row.most_bytes)} in all" if row.most_bytes is not None else "",
    ]
    until = f"Open until {_time(row.expires_ns)}." if row.expires_ns is not None else ""
    said = ", ".join(filter(None, limits))
    body = _fill(
        "request.html",
        base=base,
        name=_shown(row.label or "Send files"),
        until=until,
        limits=f"{said[0].upper()}{said[1:]}." if said else "",
        field=_Html(_file("name_field.html")) if row.asks_name else "",
    )
    head = _Html(f'<script src="{escape(_assets(base))}/request.js" defer></script>')
    return _page(base, row.label or "Send files", body, head=head)


def password(base: str, problem: ProblemError | None = None) -> Response:
    """It tells nothing of what is behind it."""
    wrong = "" if problem is None else f"{problem.problem.sentence} {problem.problem.remedy}"
    body = _fill(
        "password.html",
        action=f"{base}/password",
        wrong=_Html(f'<p class="wrong" role="alert">{escape(wrong)}</p>') if wrong else "",
    )
    return _page(base, "Password needed", body, problem.problem.status if problem else 200)


def problem(base: str, found: ProblemError) -> Response:
    """What went wrong, as a page. With a wrong password, or none, that is asked for once more."""
    if found.code in ("link_password", "too_many_attempts"):
        answer = password(base, found)
    else:
        body = _fill("ended.html", sentence=found.problem.sentence, remedy=found.problem.remedy)
        answer = _page(base, "Nothing here", body, found.problem.status)
    if found.problem.status == 401:
        answer.headers["WWW-Authenticate"] = "Link"
    if "retry_after_seconds" in found.extra:
        answer.headers["Retry-After"] = str(found.extra["retry_after_seconds"])
    return answer


# -- their parts


def _assets(base: str) -> str:
    """Where the files of the pages are, for the link at `base`."""
    return f"{base.rpartition('/')[0]}/-"


def _page(
    base: str, title: str, body: _Html, status: int = 200, head: _Html | None = None
) -> Response:
    html = _fill(
        "base.html",
        assets=_assets(base),
        title=_text(title),
        head=head or _Html(""),
        mark=_Html(_file("mark.svg")),
        body=body,
    )
    return Response(html, status, headers=_HEADERS, media_type="text/html; charset=utf-8")


def _fill(template: str, /, **values: str) -> _Html:
    """The template with these values, each escaped unless it is markup of ours."""
    given = {
        key: value if isinstance(value, _Html) else escape(value) for key, value in values.items()
    }
    return _Html(Template(_file(template)).substitute(given))


@cache
def _file(name: str) -> str:
    return files("howdah_receiver").joinpath("web", "links", name).read_text(encoding="utf-8")


def _text(words: str) -> str:
    """Without what cannot be seen, or would turn the letters after it round."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in words)


def _shown(words: str) -> _Html:
    """Whatever way it is written, it does not change the way of what stands around it."""
    return _Html(f"<bdi>{escape(_text(words))}</bdi>")


def _label(row: LinkRow) -> _Html:
    return _Html(f'<p class="label">{_shown(row.label)}</p>' if row.label else "")


def _top_name(link: OpenLink) -> str:
    """The space's name is nobody's business."""
    return link.folder.name or link.row.label or "Shared files"


def _ends(row: LinkRow) -> list[tuple[str, str]]:
    left = "" if row.most_uses is None else str(row.most_uses - row.uses)
    ends = "" if row.expires_ns is None else _time(row.expires_ns)
    return [("Link ends", ends), ("Downloads left", left)]


def _facts(*facts: tuple[str, str]) -> _Html:
    rows = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
        for name, value in facts
        if value
    )
    return _Html(f"<dl>{rows}</dl>" if rows else "")


def _row(base: str, item: SharedItem) -> str:
    name = _shown(remote_path.name(item.path))
    if item.kind == "folder":
        href = _browse(base, path=item.path)
        return (
            f'<li><a class="name folder" href="{href}">{name}/</a><span></span><span></span></li>'
        )
    href = escape(f"{base}/files/{quote(item.path)}")
    return (
        f'<li><a class="name" href="{href}" download>{name}</a>'
        f'<span class="when">{_time(item.modified_ns or 0)}</span>'
        f'<span class="size">{_size(item.size or 0)}</span></li>'
    )


def _browse(base: str, **query: str) -> str:
    """The address of a folder's page, for an attribute."""
    given = {name: value for name, value in query.items() if value}
    return escape(f"{base}?{urlencode(given)}" if given else base)


def _crumbs(base: str, top: str, below: str) -> _Html:
    if not below:
        return _Html("")
    above = [("", top), *((path, remote_path.name(path)) for path in remote_path.parents(below))]
    links = (f'<a href="{_browse(base, path=path)}">{_shown(name)}</a>' for path, name in above)
    return _Html(f'<nav aria-label="Folders above">{" / ".join(links)} /</nav>')


def _pager(base: str, below: str, listed: SharedList) -> _Html:
    pages = max(1, -(-listed.total // listed.per_page))
    if pages == 1:
        return _Html("")

    def link(page: int, word: str) -> str:
        if not 1 <= page <= pages:
            return f"<span>{word}</span>"
        return f'<a href="{_browse(base, path=below, page=str(page))}">{word}</a>'

    return _Html(
        f'<nav class="pager" aria-label="Pages">{link(listed.page - 1, "Previous")}'
        f"<span>Page {listed.page} of {pages}</span>{link(listed.page + 1, 'Next')}</nav>"
    )


def _count(total: int) -> str:
    return "Nothing is in it." if not total else "1 entry" if total == 1 else f"{total:,} entries"


def _size(count: int) -> str:
    """By powers of 1000."""
    size, units = float(count), ("B", "kB", "MB", "GB", "TB")
    for unit in units:
        if size < 999.5 or unit == units[-1]:
            break
        size /= 1000
    else:
        raise AssertionError("units have an end")
    return f"{size:.0f} {unit}" if unit == "B" or size >= 99.5 else f"{size:.3g} {unit}"


def _time(when_ns: int) -> str:
    try:
        when = dt.datetime.fromtimestamp(when_ns // 10**9, dt.UTC)
    except (ValueError, OverflowError, OSError):  # beyond the years that Python knows
        return ""
    return f"{when:%Y-%m-%d %H:%M} UTC"
