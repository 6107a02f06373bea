"""What is open to who has the address of a link: its page, its files, its zip. Uploads are in `requests`."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated
from urllib.parse import parse_qs

from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from howdah_common.messages import MOST_PER_PAGE
from howdah_common.messages_links import SharedList
from howdah_common.problems import ProblemError
from howdah_receiver.api import files, link_pages
from howdah_receiver.api.answers import check_announced, check_not_encoded, json_answer
from howdah_receiver.api.context import context_of
from howdah_receiver.api.described import Answer, Call, Described, Header, Parameter
from howdah_receiver.api.link_entry import (
    LINK,
    PASS_COOKIE,
    PASSWORD,
    SECRET,
    base_of,
    cookie_for,
    for_people,
    found,
    is_let_in,
    opened,
    tried,
)
from howdah_receiver.api.links import paging
from howdah_receiver.api.lists import PER_PAGE
from howdah_receiver.api.zip import MEDIA_TYPE, ZIP_HEADERS, zip_answer
from howdah_receiver.files.archive import Archive
from howdah_receiver.files.service import OpenFile
from howdah_receiver.links import browsing
from howdah_receiver.links.door import PASS_SECONDS, TICKET_SECONDS, OpenLink

_FORM = "application/x-www-form-urlencoded"
_MOST_FORM_BYTES = 8 * 1024


# -- the page


@for_people
async def page(request: Request) -> Response:
    """Open a link as a page.

    It shows the file, the folder (`path`: one below it), or takes files; where the link has a password, it
    asks for that and shows nothing else.
    """
    link = await found(request)
    base = base_of(request)
    if not await is_let_in(request, link):
        return link_pages.password(base)
    if link.row.kind == "request":
        return link_pages.request(base, link)
    if link.row.kind != "folder":
        return link_pages.file(base, link)
    below = request.query_params.get("path", "")
    page_number, _ = paging(request)
    listed = await _listed(request, link, below, page_number, link_pages.PER_PAGE)
    return link_pages.folder(base, link, below, listed)


@for_people
async def password(request: Request) -> Response:
    """Give the password of a link, as its page does.

    The form has one field, `password`. The answer leads back to the page and has a cookie that stands for
    the password for some hours. A program may send the header `Howdah-Link-Password` with each call
    instead.
    """
    link = await found(request)
    note = await tried(request, link, await _form_password(request))
    cookie = cookie_for(request, PASS_COOKIE, note, PASS_SECONDS)
    return Response(status_code=303, headers={"Location": base_of(request), **cookie})


async def _form_password(request: Request) -> str:
    """Raises ProblemError: media_type_unsupported, body_encoded, body_too_large, bad_request."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise ProblemError("media_type_unsupported", f"{_FORM} belongs here.")
    check_not_encoded(request)
    check_announced(request, _MOST_FORM_BYTES)
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _MOST_FORM_BYTES:
            raise ProblemError("body_too_large", f"{_MOST_FORM_BYTES} bytes are the most.")
    try:
        fields = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=4)
        (words,) = fields["password"]
    except (ValueError, KeyError) as error:
        raise ProblemError("bad_request", "One password belongs here.") from error
    return words


# -- a file


@for_people
async def content(request: Request) -> Response:
    """Fetch the file of a link.

    As the bytes of a file are fetched by who is signed in: always as an attachment, in ranges where asked
    for. A download counts where the link has a number of them: the whole, or a range from its first byte
    on. What was begun may be taken up again for an hour, with the cookie that came along.
    """
    link = await opened(request, "version", "file", used_up=True)
    context = context_of(request)
    row = link.file

    def work() -> OpenFile:
        try:
            if link.row.kind == "version":
                return context.files.open_version(link.space, row.version_id)
            return context.files.open_current(link.space, row.id)
        except ProblemError as problem:
            if problem.code == "file_not_found":  # taken away by other hands, or just now
                raise ProblemError("link_not_found") from problem
            raise

    return await _download(request, link, work)


@for_people
async def folder_file(request: Request) -> Response:
    """Fetch a file of a shared folder.

    It counts as the file of a link does.
    """
    link = await opened(request, "folder", used_up=True)
    context, below = context_of(request), request.path_params["below"]
    return await _download(request, link, partial(browsing.opened, context.files, link, below))


async def _download(request: Request, link: OpenLink, work: Callable[[], OpenFile]) -> Response:
    """The bytes, counted where they are a download of their own."""
    context = context_of(request)
    file = await context.offload(work)
    try:
        thing = file.row.version_id
        name = _ticket_name(thing)
        ticket = request.cookies.get(name, "")
        resumes = bool(ticket) and await context.offload(
            context.link_door.has_ticket, link, thing, ticket
        )
        if link.row.used_up and not resumes:
            raise ProblemError("link_not_found")
        answer = files.content_answer(request, context, file)
    except BaseException:
        os.close(file.descriptor)
        raise
    # What has no bytes (HEAD, 304) is closed by now, and no download.
    if isinstance(answer, StreamingResponse) and not (resumes and _first_byte(answer)):
        try:
            note = await context.offload(context.link_door.use, link, thing)
        except BaseException:
            os.close(file.descriptor)  # as nobody sends the answer, nobody else does
            raise
        answer.headers.update(cookie_for(request, name, note, TICKET_SECONDS))
    return answer


def _first_byte(answer: Response) -> int:
    """Its place in the file."""
    return int(answer.headers.get("Content-Range", "bytes 0-").split(" ")[1].partition("-")[0])


def _ticket_name(thing: str) -> str:
    return f"howdah-ticket-{hashlib.sha256(thing.encode()).hexdigest()[:8]}"


# -- a folder


async def list_folder(request: Request) -> Response:
    """List a shared folder, or one below it."""
    link = await opened(request, "folder")
    page_number, per_page = paging(request)
    below = request.query_params.get("path", "")
    return json_answer(await _listed(request, link, below, page_number, per_page))


async def _listed(
    request: Request, link: OpenLink, below: str, page_number: int, per_page: int
) -> SharedList:
    context = context_of(request)
    work = partial(browsing.listed, context.files, link, below, page=page_number, per_page=per_page)
    return await context.offload(work)


@for_people
async def zip_folder(request: Request) -> Response:
    """Fetch a shared folder, or one below it, as a zip.

    It is made as the zip of a folder is for who is signed in, and counts as one download.
    """
    link = await opened(request, "folder")
    context, below = context_of(request), request.query_params.get("path", "")

    def work() -> Archive:
        return context.archives.of(link.space, browsing.place(link, below))

    archive = await context.offload(work)

    async def before() -> Mapping[str, str]:
        await context.offload(context.link_door.use, link, "zip")
        return {}

    return await zip_answer(request, context, archive, f"link {link.row.id}", before)


# -- the files of the pages


async def show_style(request: Request) -> Response:
    """The style of the pages of links."""
    return link_pages.asset("links.css", "text/css; charset=utf-8")


async def show_script(request: Request) -> Response:
    """What sends the files of a request's page."""
    return link_pages.asset("request.js", "text/javascript; charset=utf-8")


async def show_icon(request: Request) -> Response:
    """The sign of the pages of links."""
    return link_pages.asset("icon.svg", "image/svg+xml")


_PATH = Parameter("path", "query", "A folder below the shared one.", default="")
_PAGE = Parameter("page", "query", "From 1 on.", Annotated[int, Meta(ge=1)], default=1)
_PEOPLE = "A browser (`Accept: text/html`) is answered with a page where something goes wrong."


def _file(path: Mapping[str, str]) -> Described:
    return Described(
        path=path,
        parameters=(PASSWORD, *files.CONTENT_PARAMETERS),
        answers=files.CONTENT_ANSWERS,
        problems=(*LINK, "bad_path", "file_not_found", "range_not_satisfiable", "file_damaged"),
        more=_PEOPLE,
        pages=True,
    )


def _asset(media_type: str) -> Described:
    return Described(answers={200: Answer("The file.", media_type)})


routes = [
    Call("GET", "/s/-/links.css", show_style, _asset("text/css")),
    Call("GET", "/s/-/request.js", show_script, _asset("text/javascript")),
    Call("GET", "/s/-/icon.svg", show_icon, _asset("image/svg+xml")),
    Call(
        "GET",
        "/s/{secret}",
        page,
        Described(
            path=SECRET,
            parameters=(PASSWORD, _PATH, _PAGE),
            answers={200: Answer("The page.", "text/html")},
            problems=(*LINK, "bad_request", "bad_path", "file_not_found"),
            more=_PEOPLE,
            pages=True,
        ),
    ),
    Call(
        "POST",
        "/s/{secret}/password",
        password,
        Described(
            path=SECRET,
            takes=_FORM,
            example=b"password=secret",
            answers={
                303: Answer(
                    "It is right.",
                    headers=(
                        Header("Location", "The page."),
                        Header("Set-Cookie", "What stands for the password."),
                    ),
                )
            },
            problems=(
                *LINK,
                "media_type_unsupported",
                "body_encoded",
                "body_too_large",
                "bad_request",
            ),
            more=_PEOPLE,
            pages=True,
        ),
    ),
    Call(
        "GET",
        "/s/{secret}/content",
        content,
        _file(SECRET),
    ),
    Call(
        "GET",
        "/s/{secret}/list",
        list_folder,
        Described(
            path=SECRET,
            parameters=(
                PASSWORD,
                _PATH,
                _PAGE,
                Parameter(
                    "per_page",
                    "query",
                    "Entries a page.",
                    Annotated[int, Meta(ge=1, le=MOST_PER_PAGE)],
                    default=PER_PAGE,
                ),
            ),
            answers={200: Answer("A page of it.", SharedList)},
            problems=(*LINK, "bad_request", "bad_path", "file_not_found"),
        ),
    ),
    Call(
        "GET",
        "/s/{secret}/files/{below:steps}",
        folder_file,
        _file({**SECRET, "below": "The file's path below the shared folder."}),
    ),
    Call(
        "GET",
        "/s/{secret}/zip",
        zip_folder,
        Described(
            path=SECRET,
            parameters=(PASSWORD, _PATH),
            answers={200: Answer("The zip.", MEDIA_TYPE, ZIP_HEADERS)},
            problems=(*LINK, "bad_path", "file_not_found", "too_many_downloads"),
            more=_PEOPLE,
            pages=True,
        ),
    ),
]
