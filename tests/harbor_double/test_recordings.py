"""Every recording of the real Harbor, played to the double in their order: the answers are the recorded ones."""

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests import parts
from tests.harbor_double import HarborDouble, harbor_double
from tests.harbor_double.replay import HOST, PASSWORDS, WRONG, Answer, Player
from tests.harbor_double.stage import BEFORE
from tests.harbor_double.stage_others import OTHERS, fill

FOLDER = parts.SHARED / "harbor-2.15-recordings"
# What the double does not answer as recorded, and why.
CANNOT: dict[str, str] = {}


def _names() -> list[str]:
    """The recordings in the order in which they were made."""
    if not FOLDER.exists():
        return []
    return re.findall(r"^\| (\S+)\.json \|", (FOLDER / "index.md").read_text(), re.M)


def _recorded(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text())


class _Quiet(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[str]]]:
    """Each recording with the ways in which the double's answer was another one."""
    parts.shared("harbor-2.15-recordings")
    folder = tmp_path_factory.mktemp("replay")
    with ExitStack() as stack:
        upstream = stack.enter_context(parts.registry_server(folder / "upstream"))
        hooks = ThreadingHTTPServer(("127.0.0.1", 0), _Quiet)
        threading.Thread(target=hooks.serve_forever, daemon=True).start()
        stack.callback(hooks.server_close)
        stack.callback(hooks.shutdown)
        double = stack.enter_context(
            harbor_double(folder / "harbor", external_url=f"http://{HOST}", admin_password=PASSWORDS["admin"])
        )
        double.state.freeze_seconds = 0.05
        double.state.instead = {
            "http://peer-upstream:5000": upstream.url, "http://nosuch-host:5000": "http://127.0.0.1:1",
            "http://peer-hook:9000": f"http://127.0.0.1:{hooks.server_port}",
        }  # fmt: skip
        fill(upstream.url)
        player = Player(double)
        found = {}
        for name in _names():
            if name in BEFORE:
                BEFORE[name](player, _recorded)
            if name in OTHERS:
                other, compare = OTHERS[name]
                found[other] = compare(player, FOLDER / other)
            found[name] = player.play(name, _recorded(name))
            if name in WRONG or name in ("unknown-user-401", "csrf-3b-login-wrong-password"):
                time.sleep(0.1)  # until the user is no longer frozen
        yield found


@pytest.mark.parametrize("name", [one for one in _names() if one not in CANNOT] or ["none"])
def test_the_answer_is_the_recorded_one(name: str, played: dict[str, list[str]]) -> None:
    assert played[name] == []


def test_only_what_differs_is_excused(played: dict[str, list[str]]) -> None:
    """The list names no file that is not there, and none that would pass."""
    assert [name for name in CANNOT if not (FOLDER / f"{name}.json").exists() or played[name] == []] == []


@pytest.mark.parametrize("name", [name for name, _ in OTHERS.values()])
def test_what_was_written_down_in_other_forms_is_so(name: str, played: dict[str, list[str]]) -> None:
    """A table of robots and addresses, refusals as text, what tokens were good for."""
    assert played[name] == []


def test_every_recording_is_in_the_index_or_compared_otherwise() -> None:
    parts.shared("harbor-2.15-recordings")
    elsewhere = {  # where another test holds it, and what is no answer of Harbor's API
        "index.md", "webhook-payloads.jsonl", "wrong-password-lockout.txt",  # test_double.py
        "cosign-https.txt", "prepare-non-root.txt", "runtime-failures.txt",
    }  # fmt: skip
    others = {name for name, _ in OTHERS.values()} | elsewhere
    assert {one.name for one in FOLDER.iterdir()} - others == {f"{name}.json" for name in _names()}


HEADERS = {"content-type": "application/json", "x-total-count": "1"}
THEIRS = {"status": 200, "headers": HEADERS, "body": [{"name": "a", "tags": None, "id": 1}], "request": {"path": "/"}}


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (201, HEADERS, THEIRS["body"]),
        (200, {**HEADERS, "x-total-count": "2"}, THEIRS["body"]),
        (200, {"content-type": "application/json"}, THEIRS["body"]),
        (200, {**HEADERS, "set-cookie": "sid=1"}, THEIRS["body"]),
        (200, HEADERS, [{"name": "a", "tags": [], "id": 1}]),  # null where it was recorded
        (200, HEADERS, [{"name": "a", "tags": None}]),
        (200, HEADERS, [{"name": "b", "tags": None, "id": 1}]),
        (200, HEADERS, []),
        (200, HEADERS, {}),
    ],
)
def test_another_answer_is_seen(status: int, headers: dict[str, str], body: Any, harbor: HarborDouble) -> None:
    """The comparison itself: each of these differs in one thing, and what is the same in none."""
    player = Player(harbor)
    same = Answer(200, HEADERS, json.dumps(THEIRS["body"]).encode())
    assert player.differences("", THEIRS, same) == []
    assert len(player.differences("", THEIRS, Answer(status, headers, json.dumps(body).encode()))) == 1
