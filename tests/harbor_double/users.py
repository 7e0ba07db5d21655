"""People: who is signed in, accounts, and the portal's own sign-in with a session."""

import re
import secrets
import urllib.parse
from typing import Any

from starlette.responses import HTMLResponse, Response

from tests.harbor_double.answers import Refusal, answer, done, paged, when
from tests.harbor_double.model import User
from tests.harbor_double.routing import BASE, Call, api
from tests.harbor_double.state import State
from tests.harbor_double.who import DEVELOPER, PROJECT_RIGHTS, sign_in


def shown(user: User) -> dict[str, Any]:
    """A person as the API has them (users-current-admin, users-list-admin)."""
    body: dict[str, Any] = {
        "admin_role_in_auth": False, "creation_time": when(user.made), "realname": user.realname,
        "sysadmin_flag": user.admin, "update_time": when(user.made), "user_id": user.id, "username": user.name,
    }  # fmt: skip
    if user.email:
        body["email"] = user.email
    if user.comment:
        body["comment"] = user.comment
    return body


@api("GET", "/users/current")
def current(call: Call) -> Response:
    """Who asks: 401 to strangers, 412 to robots (robot-permission-matrix)."""
    call.signed_in()
    if call.who.user is None:
        raise Refusal(412, "get current user not available for security context: robot")
    return answer(shown(call.who.user))


@api("GET", "/users/current/permissions")
def current_permissions(call: Call) -> Response:
    """What the asker may do in a project (users-current-permissions)."""
    call.signed_in()
    scope = call.query.get("scope", "")
    number = scope.removeprefix("/project/")
    project = call.state.projects.get(int(number)) if number.isdigit() else None
    if project is None:
        return answer([])
    prefix = "" if call.query.get("relative") == "true" else f"/project/{project.id}/"
    rights = [one for one in DEVELOPER | PROJECT_RIGHTS if call.who.may(project, *one)]
    here = prefix.rstrip("/") or "."
    return answer(
        [
            {"action": action, "resource": here if resource == "project" else prefix + resource}
            for resource, action in sorted(rights)
        ]
    )


@api("GET", "/users")
def users(call: Call) -> Response:
    """Everybody but the first administrator (users-list-admin)."""
    call.system("user", "list")
    found = [one for one in call.state.users.values() if one.id > 2]
    return paged(call.path, call.query, found, shown)


@api("POST", "/users")
def create(call: Call) -> Response:
    """Make an account (user-create-*)."""
    call.system("user", "create")
    body = call.body("userReq")
    name, password = body.get("username", ""), body.get("password", "")
    strong = 8 <= len(password) <= 128 and all(re.search(one, password) for one in ("[A-Z]", "[a-z]", "[0-9]"))
    if not strong:
        call.state.log(call.who.name, "create", "", "user", 0, "create user with name: ", good=False)
        text = "the password or secret must be 8-128, inclusively, characters long with at least 1 uppercase letter"
        raise Refusal(400, f"{text}, 1 lowercase letter and 1 number")
    if name in call.state.users:
        raise Refusal(409, f"user {name} or email {body.get('email', '')} already exists")
    user = call.state.add_user(name, password, body.get("email", ""), body.get("realname", ""))
    user.comment = body.get("comment", "")
    call.state.log(call.who.name, "create", name, "user", 0, f"create user with name: {name}")
    return done(201, Location=f"{BASE}/users/{user.id}")


# -- the portal's session


def login(state: State, body: bytes) -> Response:
    """A session for a name and a password (csrf-3-login-with-token, csrf-3b-login-wrong-password)."""
    form = dict(urllib.parse.parse_qsl(body.decode(errors="replace")))
    name = form.get("principal", "")
    if sign_in(state, name, form.get("password", "")).user is None:
        return done(401)
    session = secrets.token_hex(16)
    state.sessions[session] = name
    response = done()
    response.set_cookie("sid", session, httponly=True, path="/")
    return response


def no_page() -> Response:
    """There is no page to sign in by hand at this address (csrf-1b-get-login-page)."""
    return HTMLResponse("<!DOCTYPE HTML>\n<title>404 - Page Not Found</title>\n", 404)


def logout(state: State, session: str) -> Response:
    """Forget a session (logout)."""
    state.sessions.pop(session, None)
    return done()
