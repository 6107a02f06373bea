"""Who may ask for what, on every route that there is: a new one fails here until it is on the list.

Each route is asked by everybody who must not be answered, and at last by one who may, so that a denial is
never one of an address that means nothing.
"""

from __future__ import annotations

import re
import secrets
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import msgspec
import pytest

from howdah_common.messages import API, Message
from howdah_receiver.api import examples, openapi
from howdah_receiver.api.gate import OPEN_ROUTES
from kit.inside import app_on
from kit.native import Answer, Native, random_content
from kit.people import PASSWORD, add_account, add_space, device_of, told
from kit.raw_http import Raw
from kit.tokens import wrong_tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from howdah_receiver.api.described import Call
    from kit.receiver import RunningReceiver

VERBS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

EVERYBODY = frozenset({"stranger", "reader", "sender", "writer", "send-only", "elsewhere"})
"""An account that is no member; members of each role; the owner's own devices: one that may only put things
in, and one that is limited to another space."""
DENIED = {
    # What a route needs, and who is denied.
    "nothing": frozenset(),
    "any device": frozenset(),
    "sight": frozenset({"send-only"}),
    "a whole account": frozenset({"send-only", "elsewhere"}),
    "a device of one's own": EVERYBODY,
    "an upload of one's own": EVERYBODY,
    "a link of one's own": EVERYBODY,
    "an admin": EVERYBODY,
    "to be a member": frozenset({"stranger", "send-only", "elsewhere"}),
    "to send": frozenset({"stranger", "reader", "elsewhere"}),
    "to read": frozenset({"stranger", "sender", "send-only", "elsewhere"}),
    "to change": frozenset({"stranger", "reader", "sender", "send-only", "elsewhere"}),
    "to manage": EVERYBODY,
}

NOT_THERE = {"not_found", "not_allowed", "file_not_found", "upload_not_found", "link_not_found"}

ROUTES = {
    # As the design lists them. A new one belongs there first, then here.
    "GET /healthz": "nothing",
    "GET /readyz": "nothing",
    "GET /docs": "nothing",
    "GET /openapi.json": "nothing",
    f"POST {API}/pair": "nothing",
    f"POST {API}/auth/signup": "nothing",
    f"POST {API}/auth/login": "nothing",
    f"POST {API}/auth/refresh": "nothing",
    "GET /s/-/links.css": "nothing",
    "GET /s/-/request.js": "nothing",
    "GET /s/-/icon.svg": "nothing",
    "GET /s/{secret}": "nothing",
    "POST /s/{secret}/password": "nothing",
    "GET /s/{secret}/content": "nothing",
    "GET /s/{secret}/list": "nothing",
    "GET /s/{secret}/files/{below}": "nothing",
    "GET /s/{secret}/zip": "nothing",
    "POST /s/{secret}/uploads": "nothing",
    "GET /s/{secret}/uploads/{upload}": "nothing",
    "DELETE /s/{secret}/uploads/{upload}": "nothing",
    "PUT /s/{secret}/uploads/{upload}/chunks/{number}": "nothing",
    "POST /s/{secret}/uploads/{upload}/complete": "nothing",
    f"POST {API}/auth/logout": "any device",
    f"POST {API}/auth/password": "a whole account",
    f"GET {API}/account": "sight",
    f"GET {API}/accounts": "an admin",
    f"POST {API}/accounts": "an admin",
    f"PATCH {API}/accounts/{{account}}": "an admin",
    f"DELETE {API}/accounts/{{account}}": "an admin",
    f"GET {API}/devices": "a whole account",
    f"POST {API}/devices/codes": "a whole account",
    f"PATCH {API}/devices/{{device}}": "a device of one's own",
    f"DELETE {API}/devices/{{device}}": "a device of one's own",
    f"GET {API}/invitations": "an admin",
    f"POST {API}/invitations": "an admin",
    f"DELETE {API}/invitations/{{invitation}}": "an admin",
    f"GET {API}/spaces": "sight",
    f"POST {API}/spaces": "a whole account",
    f"GET {API}/spaces/{{space}}": "to be a member",
    f"PATCH {API}/spaces/{{space}}": "to manage",
    f"DELETE {API}/spaces/{{space}}": "to manage",
    f"GET {API}/spaces/{{space}}/members": "to read",
    f"PUT {API}/spaces/{{space}}/members/{{account}}": "to manage",
    f"DELETE {API}/spaces/{{space}}/members/{{account}}": "to manage",
    f"POST {API}/batch": "to send",
    f"POST {API}/uploads": "to send",
    f"GET {API}/uploads": "any device",
    f"GET {API}/uploads/{{upload}}": "an upload of one's own",
    f"DELETE {API}/uploads/{{upload}}": "an upload of one's own",
    f"GET {API}/uploads/{{upload}}/manifest": "an upload of one's own",
    f"POST {API}/uploads/{{upload}}/have": "an upload of one's own",
    f"POST {API}/uploads/{{upload}}/chunks": "an upload of one's own",
    f"PUT {API}/uploads/{{upload}}/chunks/{{number}}": "an upload of one's own",
    f"POST {API}/uploads/{{upload}}/complete": "an upload of one's own",
    f"POST {API}/uploads/{{upload}}/verify": "an upload of one's own",
    f"GET {API}/files": "to read",
    f"POST {API}/files/contents": "to read",
    f"GET {API}/files/{{file}}": "to read",
    f"GET {API}/files/{{file}}/manifest": "to read",
    f"GET {API}/files/{{file}}/content": "to read",
    f"POST {API}/files/{{file}}/verify": "to read",
    f"PATCH {API}/files/{{file}}": "to change",
    f"DELETE {API}/files/{{file}}": "to change",
    f"GET {API}/files/{{file}}/versions": "to read",
    f"GET {API}/files/{{file}}/versions/{{version}}": "to read",
    f"GET {API}/files/{{file}}/versions/{{version}}/content": "to read",
    f"POST {API}/files/{{file}}/versions/{{version}}/restore": "to change",
    f"DELETE {API}/files/{{file}}/versions/{{version}}": "to change",
    f"POST {API}/folders": "to change",
    f"GET {API}/folders/zip": "to read",
    f"POST {API}/links": "to read",
    f"GET {API}/links": "sight",
    f"GET {API}/links/{{link}}": "a link of one's own",
    f"DELETE {API}/links/{{link}}": "a link of one's own",
    f"POST {API}/folders/restore": "to change",
    f"GET {API}/folders/{{folder}}": "to read",
    f"PATCH {API}/folders/{{folder}}": "to change",
    f"DELETE {API}/folders/{{folder}}": "to change",
    f"GET {API}/trash": "to read",
    f"DELETE {API}/trash": "to change",
    f"POST {API}/trash/{{entry}}/restore": "to change",
    f"DELETE {API}/trash/{{entry}}": "to change",
    f"GET {API}/events": "any device",
    f"POST {API}/events/ticket": "any device",
    f"GET {API}/statistics": "a whole account",
    f"GET {API}/audit": "an admin",
    "GET /metrics": "an admin",
}


# -- who asks, and for what


@dataclass
class House:
    """A receiver with one shared space, everybody who may ask, and what is in it."""

    receiver: RunningReceiver
    space: str
    owner: Native
    people: dict[str, Native]
    accounts: dict[str, str]
    newest: dict[str, str] = field(default_factory=dict)

    def upload(self) -> str:
        name = f"u{secrets.token_hex(4)}"
        return self.owner.started(name, random_content(3), space=self.space)

    def file(self) -> str:
        name = f"f{secrets.token_hex(4)}"
        self.newest = self.owner.published(name, b"abc", space=self.space)
        return str(self.newest["id"])

    def version(self) -> str:
        """Of the file that was made last."""
        return str(self.newest["version"])

    def folder(self) -> str:
        name = f"d{secrets.token_hex(4)}"
        return str(self.owner.make_folder(name, space=self.space).json["id"])

    def entry(self) -> str:
        """In the trash."""
        return str(self.owner.delete(self.file()).json["id"])

    def account(self) -> str:
        """Of a member of the space."""
        name = f"a{secrets.token_hex(4)}"
        account = add_account(self.receiver, name)
        told(self.receiver, "space.role", space=self.space, account=account, role="writer")
        return account

    def device(self) -> str:
        with device_of(self.receiver) as device:
            return next(
                str(d["id"]) for d in device.get("/devices").json["devices"] if d.get("own")
            )

    def link(self) -> str:
        asked = {"kind": "file", "file": self.file()}
        return str(self.owner.post("/links", asked).json["link"]["id"])

    def secret(self) -> str:
        asked = {"kind": "folder", "path": "", "space": self.space}
        return str(self.owner.post("/links", asked).json["url"]).rpartition("/")[2]

    def invitation(self) -> str:
        (line,) = told(self.receiver, "invite", role="member", space_role="reader", days=1)
        return str(line["id"])


OF_THE_SPACE: dict[str, Callable[[House], str]] = {
    # How to make an id for each name in a path, a query or a body.
    "account": House.account,
    "below": lambda house: str(house.owner.file(house.file()).json["path"]),
    "device": House.device,
    "entry": House.entry,
    "file": House.file,
    "folder": House.folder,
    "invitation": House.invitation,
    "link": House.link,
    "number": lambda house: "0",
    "secret": House.secret,
    "space": lambda house: house.space,
    "upload": House.upload,
    "version": House.version,
}


@pytest.fixture(scope="module")
def house(shared: RunningReceiver, native: Native) -> Iterator[House]:
    roles = {"reader": "reader", "sender": "sender", "writer": "writer"}
    accounts = {name: add_account(shared, name) for name in ("stranger", *roles)}
    space, other = add_space(shared, "shared", **roles), add_space(shared, "other")
    with ExitStack() as stack:
        people = {name: stack.enter_context(device_of(shared, name)) for name in accounts}
        people["send-only"] = stack.enter_context(device_of(shared, send_only=True))
        people["elsewhere"] = stack.enter_context(device_of(shared, space=other))
        found = House(shared, space, native, people, accounts)
        found.file()  # so that nobody can remove the space
        native.make_folder("notes", space=space)  # that of the examples
        yield found


def listed(folder: Path) -> dict[str, Call]:
    found = {}
    for path, call in openapi.calls(app_on(folder).routes):
        for method in sorted(call.methods or ()):
            if method != "HEAD":  # comes with GET
                found[f"{method} {path}"] = call
    return found


@pytest.fixture(scope="module")
def calls(module_path: Path) -> dict[str, Call]:
    """Those of the very app that answers."""
    return listed(module_path / "for-routes")


@dataclass(frozen=True)
class Asked:
    """A call as it is sent."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes | None

    def by(self, device: Native, method: str) -> Answer:
        return device.ask(method, self.path, query=self.query, headers=self.headers, body=self.body)


def asked(route: str, call: Call, id_for: Callable[[str], str]) -> Asked:
    """The call with ids in its path, in its query and in its body."""
    described = call.described
    path = re.sub(r"\{(\w+)\}", lambda m: id_for(m[1]), route.partition(" ")[2])
    query, headers = {}, {}
    for parameter in described.parameters:
        if parameter.where == "query" and parameter.name in OF_THE_SPACE:
            query[parameter.name] = id_for(parameter.name)
        elif parameter.where == "header" and parameter.required:
            headers[parameter.name] = parameter.example
    takes, body = described.takes, None
    if isinstance(takes, str):
        headers["Content-Type"], body = takes, described.example or b""
    elif takes is not None:
        headers["Content-Type"], body = "application/json", _body(takes, id_for)
    return Asked(path, query, headers, body)


def _body(takes: type, id_for: Callable[[str], str]) -> bytes:
    message: Message = examples.OF_TYPE[takes]
    # The ids that the example names; a space is named wherever it can be, and nothing else is.
    members = [name for name in message.__struct_fields__ if name in OF_THE_SPACE]
    named = [name for name in members if getattr(message, name) is not None]
    ids = {name: id_for(name) for name in named or set(members) & {"space"}}
    # Whatever must be new with each call is.
    fresh = {"client_id": secrets.token_hex(16), "name": f"n{secrets.token_hex(4)}",
             "email": f"{secrets.token_hex(4)}@example.org"}  # fmt: skip
    ids |= {name: value for name, value in fresh.items() if name in message.__struct_fields__}
    return msgspec.json.encode(msgspec.structs.replace(message, **ids))


def made_for(house: House) -> Callable[[str], str]:
    """Ids of what is in the space: the same one wherever a name stands twice in one call."""
    known: dict[str, str] = {}

    def id_for(name: str) -> str:
        assert name in OF_THE_SPACE, f"how is an id for {name!r} made? Say it in OF_THE_SPACE."
        return known.setdefault(name, OF_THE_SPACE[name](house))

    return id_for


def of_nothing(name: str) -> str:
    return "0" if name == "number" else secrets.token_hex(16)


def shape(answer: Answer) -> tuple[int, str | None, bytes]:
    return answer.status, answer.code, answer.body


# -- the walk


def test_the_routes_are_those_on_the_list(calls: dict[str, Call]) -> None:
    assert dict.fromkeys(calls) == dict.fromkeys(ROUTES)


def test_open_routes_are_those_that_need_nothing() -> None:
    gates = {f"{method} {path}" for method, path in OPEN_ROUTES if method != "HEAD"}
    assert gates == {route for route, need in ROUTES.items() if need == "nothing"}


def test_every_name_in_a_path_has_a_way_to_make_an_id(calls: dict[str, Call]) -> None:
    names = {name for call in calls.values() for name in call.param_convertors}
    assert names <= OF_THE_SPACE.keys()


@pytest.mark.parametrize("route", [route for route, need in ROUTES.items() if DENIED[need]])
def test_who_may_not_is_told_that_it_is_not_there(
    route: str, house: House, calls: dict[str, Call]
) -> None:
    method, call = route.partition(" ")[0], calls[route]
    ids = made_for(house)
    wanted, need = partial(asked, route, call, ids), ROUTES[route]
    for name in sorted(DENIED[need]):
        answer = wanted().by(house.people[name], method)
        assert answer.status == 404, (name, answer)
        assert answer.code in NOT_THERE
        if method == "GET":
            assert wanted().by(house.people[name], "HEAD").status == 404
    with device_of(house.receiver) as owner:
        answer = wanted().by(owner, method)
    assert answer.status not in (401, 404, 405), answer


@pytest.mark.parametrize("name", ["stranger", "elsewhere"])
@pytest.mark.parametrize(
    "route", [route for route, need in ROUTES.items() if "{" in route and need != "nothing"]
)
def test_what_is_in_anothers_space_is_like_what_is_nowhere(
    route: str, name: str, house: House, calls: dict[str, Call]
) -> None:
    """For every verb. One that the address does not have is 405 to everybody, whatever the id."""
    device, ids = house.people[name], made_for(house)
    path = route.partition(" ")[2]
    for verb in VERBS:
        call = calls.get(f"{verb} {path}", calls[route])
        theirs = asked(route, call, ids).by(device, verb)
        unknown = asked(route, call, of_nothing).by(device, verb)
        assert shape(theirs) == shape(unknown), verb
        there_is = f"{verb.replace('HEAD', 'GET')} {path}" in calls
        assert theirs.status == (404 if there_is else 405), (verb, theirs)


# -- tokens


@pytest.fixture(scope="module")
def signed_in(shared: RunningReceiver) -> Answer:
    """A login that stands."""
    add_account(shared, "signed-in", password=PASSWORD)
    with Native(shared.url) as someone:
        return someone.post("/auth/login", {"email": "signed-in", "password": PASSWORD})


@pytest.fixture(scope="module")
def useless(shared: RunningReceiver, signed_in: Answer) -> dict[str, str]:
    """Tokens that are good for nothing, by why."""
    found = wrong_tokens(shared, signed_in)
    with device_of(shared) as device:
        found["revoked device"] = str(device.token)
        assert device.post("/auth/logout").status == 204
    with closing(Native(shared.url)) as someone:
        again = someone.post("/auth/login", {"email": "signed-in", "password": PASSWORD}).json
    found["refresh token"] = again["refresh_token"]
    found["login that was ended"] = again["access_token"]
    told(shared, "device.revoke", device=again["device"])
    add_account(shared, "disabled")
    with device_of(shared, "disabled") as device:
        found["device of a disabled account"] = str(device.token)
    told(shared, "account.change", account="disabled", disabled=True)
    return found


def test_a_login_that_stands_is_answered(shared: RunningReceiver, signed_in: Answer) -> None:
    with Native(shared.url, signed_in.json["access_token"]) as device:
        assert device.get("/files").status == 200


def test_a_useless_token_is_one_on_every_route(
    shared: RunningReceiver, useless: dict[str, str], calls: dict[str, Call]
) -> None:
    assert len(useless) > 30
    routes = [route for route, need in ROUTES.items() if need != "nothing"]
    with Raw(shared.url) as raw:
        for why, token in useless.items():
            for route in routes:
                path = re.sub(r"\{(\w+)\}", lambda m: of_nothing(m[1]), route.partition(" ")[2])
                for verb in (route.partition(" ")[0], "OPTIONS"):
                    token_bytes = token.encode().decode("latin-1")
                    raw.head(verb, path, Authorization=f"Bearer {token_bytes}", Content_Length=0)
                    answer = raw.answer(verb)
                    assert (answer.status, answer.code) == (401, "not_signed_in"), (why, route)


def test_the_walk_has_changed_nothing(house: House) -> None:
    """Each of those who were denied has tried everything by now."""
    members = house.owner.get(f"/spaces/{house.space}/members").json["members"]
    roles = {one["name"]: one["role"] for one in members}
    assert {name: roles[name] for name in ("owner", "reader", "sender", "writer")} == {
        "owner": "owner", "reader": "reader", "sender": "sender", "writer": "writer"
    }  # fmt: skip
    accounts = {one["name"]: one for one in house.owner.get("/accounts").json["accounts"]}
    for name in house.accounts:
        assert (accounts[name]["role"], accounts[name]["disabled"]) == ("member", False)
