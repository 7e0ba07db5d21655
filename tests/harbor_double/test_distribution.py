"""`/v2/` behind a proxy, by token, and under load; what the recordings do not show."""

import hashlib
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.harbor_double import HarborDouble, harbor_double
from tests.harbor_double.test_double import pushed

API = "/api/v2.0"


def test_behind_https_the_realm_has_its_scheme_and_the_name_that_was_asked(tmp_path: Path) -> None:
    """Facts: the scheme of external_url, the host of the request; uploads go where the proxy's headers say."""
    with harbor_double(tmp_path, external_url="https://harbor.example") as double:
        named = {"Host": "192.0.2.7", "X-Forwarded-Proto": "https"}
        got = requests.get(f"{double.url}/v2/", headers=named, timeout=9)
        challenge = 'Bearer realm="https://192.0.2.7/service/token",service="harbor-registry"'
        assert got.headers["Www-Authenticate"] == challenge
        at = f"{double.url}/v2/library/app/blobs/uploads/"
        begun = requests.post(at, headers=named, auth=double.admin, timeout=9)
        assert begun.headers["Location"].startswith("https://192.0.2.7/v2/library/app/blobs/uploads/")
        plain = requests.post(at, headers={"Host": "192.0.2.7"}, auth=double.admin, timeout=9)
        assert plain.headers["Location"].startswith("http://192.0.2.7/")


def test_a_layer_of_twenty_megabytes_passes_in_chunks(harbor: HarborDouble) -> None:
    data = os.urandom(20 << 20)
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    at = requests.post(f"{harbor.url}/v2/library/app/blobs/uploads/", auth=harbor.admin, timeout=9).headers["Location"]
    for begin in range(0, len(data), 5 << 20):
        chunk = data[begin : begin + (5 << 20)]
        sent = {"Content-Range": f"{begin}-{begin + len(chunk) - 1}", "Content-Type": "application/octet-stream"}
        done = requests.patch(at, data=chunk, headers=sent, auth=harbor.admin, timeout=30)
        assert done.status_code == 202, done.text
        at = done.headers["Location"]
    assert requests.put(f"{at}&digest={digest}", auth=harbor.admin, timeout=30).status_code == 201
    got = requests.get(f"{harbor.url}/v2/library/app/blobs/{digest}", auth=harbor.admin, timeout=30)
    assert got.content == data
    head = requests.head(f"{harbor.url}/v2/library/app/blobs/{digest}", auth=harbor.admin, timeout=30)
    assert int(head.headers["Content-Length"]) == len(data)


def test_a_token_is_good_for_what_it_names_and_until_it_ends(harbor: HarborDouble) -> None:
    harbor.state.add_project("own")
    pushed(harbor, "own/app", "v1")
    pushed(harbor, "own/other", "v1")

    def asked(repository: str, token: str) -> int:
        at = f"{harbor.url}/v2/{repository}/manifests/v1"
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.oci.image.manifest.v1+json"}
        return requests.get(at, headers=headers, timeout=9).status_code

    def token(*scopes: str) -> str:
        query = [("service", "harbor-registry"), *(("scope", one) for one in scopes)]
        got = requests.get(f"{harbor.url}/service/token", params=query, auth=harbor.admin, timeout=9)
        return str(got.json()["token"])

    one = token("repository:own/app:pull")
    assert (asked("own/app", one), asked("own/other", one)) == (200, 401)
    both = token("repository:own/app:pull", "repository:own/other:pull")
    assert (asked("own/app", both), asked("own/other", both)) == (200, 200)
    assert asked("own/app", one[:-4] + "AAAA") == 401
    harbor.parts.tokens.seconds = -1
    assert asked("own/app", token("repository:own/app:pull")) == 401


def test_a_client_that_keeps_cookies_cannot_write(harbor: HarborDouble) -> None:
    """A session with a jar is refused at its second request, as by the real one (csrf-9-…)."""
    with requests.Session() as jar:
        jar.auth = harbor.admin
        assert jar.get(f"{harbor.url}{API}/projects", timeout=9).status_code == 200
        refused = jar.post(f"{harbor.url}{API}/projects", json={"project_name": "new"}, timeout=9)
    assert (refused.status_code, refused.json()["errors"][0]["message"]) == (403, "CSRF token not found in request")
    made = requests.post(f"{harbor.url}{API}/projects", json={"project_name": "new"}, auth=harbor.admin, timeout=9)
    assert made.status_code == 201


def test_readers_and_writers_at_once_find_it_whole(harbor: HarborDouble) -> None:
    """Lists, referrers and pushes in many threads: nothing but good answers."""
    pushed(harbor, "library/app", "v0")
    wrong: list[Any] = []

    def read() -> None:
        for _ in range(20):
            got = requests.get(
                f"{harbor.url}{API}/projects/library/repositories/app/artifacts?with_accessory=true",
                auth=harbor.admin, timeout=30,
            )  # fmt: skip
            if got.status_code != 200:
                wrong.append(got.text)

    def write(number: int) -> None:
        for count in range(5):
            try:
                pushed(harbor, "library/app", f"v{number}-{count}")
            except Exception as error:
                wrong.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    threads += [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert wrong == []
    repository = harbor.state.repository("library/app")
    assert repository is not None
    assert len(repository.tags) == 16


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_manifest_that_is_deleted_by_its_digest_is_gone(harbor: HarborDouble, method: str) -> None:
    digest = pushed(harbor, "library/app", "v1")
    at = f"{harbor.url}/v2/library/app/manifests"
    assert requests.delete(f"{at}/{digest}", auth=harbor.admin, timeout=9).status_code == 202
    assert requests.request(method, f"{at}/{digest}", auth=harbor.admin, timeout=9).status_code == 404


def test_an_index_page_that_is_html_has_the_portals_name(harbor: HarborDouble) -> None:
    """What is no API is the portal's, with 200 (unknown-root-path)."""
    got = requests.get(f"{harbor.url}/harbor/projects", timeout=9)
    assert (got.status_code, got.headers["Content-Type"]) == (200, "text/html")
    with pytest.raises(json.JSONDecodeError):
        json.loads(got.text)
