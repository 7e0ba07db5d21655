"""Other registries: those to replicate with, which a proxy cache has behind it."""

from typing import Any

from starlette.responses import Response

from tests.harbor_double.answers import Refusal, answer, done, paged, when
from tests.harbor_double.model import Upstream
from tests.harbor_double.proxying import healthy
from tests.harbor_double.routing import BASE, Call, api

# registries-adapters
ADAPTERS = [
    "ali-acr", "aws-ecr", "azure-acr", "docker-hub", "docker-registry", "github-ghcr", "google-gcr", "harbor",
    "huawei-SWR", "jfrog-artifactory", "tencent-tcr", "volcengine-cr",
]  # fmt: skip


def shown(call: Call, upstream: Upstream) -> dict[str, Any]:
    """A registry as the API has it, its secret starred (registries-list)."""
    body: dict[str, Any] = {
        "creation_time": when(upstream.made), "id": upstream.id, "insecure": upstream.insecure, "name": upstream.name,
        "status": "healthy" if healthy(call.state, upstream) else "unhealthy", "type": upstream.type,
        "update_time": when(upstream.made), "url": upstream.url,
    }  # fmt: skip
    if upstream.description:
        body["description"] = upstream.description
    if upstream.credential:
        body["credential"] = {**upstream.credential, "access_secret": "*****"}
    return body


@api("GET", "/replication/adapters")
def adapters(call: Call) -> Response:
    """The kinds of registries that it knows."""
    call.system("replication-adapter", "list")
    return answer(ADAPTERS)


@api("GET", "/replication/adapterinfos")
def adapter_infos(call: Call) -> Response:
    """Where registries of a kind are found (registries-adapterinfos; of the many regions only the first)."""
    call.system("replication-adapter", "list")
    known = {
        "docker-hub": ("Fix", "hub.docker.com", "https://hub.docker.com"),
        "github-ghcr": ("Fix", "ghcr.io", "https://ghcr.io"),
        "google-gcr": ("List", "gcr.io", "https://gcr.io"),
        "aws-ecr": ("List", "us-east-2", "https://api.ecr.us-east-2.amazonaws.com"),
        "ali-acr": ("List", "cn-qingdao", "https://registry.cn-qingdao.aliyuncs.com"),
    }
    body: dict[str, Any] = {"tencent-tcr": {}, "volcengine-cr": {}}
    for kind, (style, key, url) in known.items():
        endpoints = [{"key": key, "value": url}]
        pattern = {"endpoint_type": f"EndpointPatternType{style}", "endpoints": endpoints}
        body[kind] = {"endpoint_pattern": pattern}
    body["google-gcr"]["credential_pattern"] = {
        "access_key_data": "_json_key", "access_key_type": "AccessKeyTypeFix", "access_secret_data": "No Change",
        "access_secret_type": "AccessSecretTypeFile",
    }  # fmt: skip
    return answer(body)


@api("GET", "/registries", talks=True)
def registries(call: Call) -> Response:
    """The registries, each asked whether it answers (registries-list, registries-list-dev-403)."""
    call.system("registry", "list")
    found = [one for one in call.state.upstreams.values() if call.query.get("name", "") in one.name]
    return paged(call.path, call.query, found, lambda one: shown(call, one))


def _given(body: dict[str, Any], upstream: Upstream) -> Upstream:
    """`upstream` with what was given of it."""
    credential = body.get("credential") or {}
    kept = {key: str(credential.get(key) or "") for key in ("access_key", "access_secret", "type")}
    return Upstream(
        upstream.id, body.get("name") or upstream.name, (body.get("url") or upstream.url).rstrip("/"),
        body.get("type") or upstream.type, bool(body.get("insecure", upstream.insecure)),
        body.get("description") or upstream.description, kept if kept["access_key"] else upstream.credential,
        upstream.made,
    )  # fmt: skip


@api("POST", "/registries", talks=True)
def create(call: Call) -> Response:
    """Add a registry that answers (registry-create*)."""
    call.system("registry", "create")
    upstream = _given(call.body("registry"), Upstream(0, "", "", ""))
    if any(one.name == upstream.name for one in call.state.upstreams.values()):
        raise Refusal(409, f"registry {upstream.name} already exists")
    if upstream.type not in ADAPTERS:
        raise Refusal(500, "internal server error")
    if not healthy(call.state, upstream):
        raise Refusal(400, "the registry is unhealthy")
    with call.state.lock:
        upstream.id = call.state.next("upstream")
        call.state.upstreams[upstream.id] = upstream
    return done(201, Location=f"{BASE}/registries/{upstream.id}")


def _one(call: Call, action: str) -> Upstream:
    call.system("registry", action)
    number = call.values["id"]
    found = call.state.upstreams.get(int(number)) if number.isdigit() else None
    if found is None:
        raise Refusal(404, f"registry {number} not found")
    return found


@api("POST", "/registries/ping", talks=True)
def ping(call: Call) -> Response:
    """Whether a registry answers: one that is there, or one that is described (registry-ping)."""
    call.system("registry", "read")
    body = call.body("registry")
    known = call.state.upstreams.get(body.get("id") or 0)
    if body.get("id") and known is None:
        raise Refusal(404, f"registry {body['id']} not found")
    upstream = _given(body, known or Upstream(0, "", "", "docker-registry"))
    if not upstream.url:
        raise Refusal(400, "URL cannot be empty")
    if upstream.type not in ADAPTERS:
        raise Refusal(500, "internal server error")
    if not healthy(call.state, upstream):
        raise Refusal(400, "the registry is unhealthy")
    return done()


@api("GET", "/registries/{id}", talks=True)
def get(call: Call) -> Response:
    """One registry."""
    return answer(shown(call, _one(call, "read")))


@api("PUT", "/registries/{id}", talks=True)
def update(call: Call) -> Response:
    """Change a registry."""
    upstream, body = _one(call, "update"), call.body("registry")
    secret = {"access_key": body.get("access_key"), "access_secret": body.get("access_secret"),
              "type": body.get("credential_type") or "basic"}  # fmt: skip
    changed = _given({**body, "credential": secret if body.get("access_key") else None}, upstream)
    if not healthy(call.state, changed):
        raise Refusal(400, "the registry is unhealthy")
    call.state.upstreams[upstream.id] = changed
    return done()


@api("DELETE", "/registries/{id}")
def delete(call: Call) -> Response:
    """Forget a registry that no proxy cache needs (project-delete-registry-in-use)."""
    upstream = _one(call, "delete")
    if any(one.registry == upstream.id for one in call.state.projects.values()):
        raise Refusal(412, f"the registry {upstream.id} is referenced by proxy cache project, cannot delete it")
    del call.state.upstreams[upstream.id]
    return done()


@api("GET", "/registries/{id}/info")
def info(call: Call) -> Response:
    """What replication can do with it (registry-info)."""
    upstream = _one(call, "read")
    filters = [
        {"style": "input", "type": "name", "values": None}, {"style": "input", "type": "tag", "values": None},
        {"style": "radio", "type": "resource", "values": ["image"]},
    ]  # fmt: skip
    triggers = ["manual", "scheduled"]
    return answer({"supported_resource_filters": filters, "supported_triggers": triggers, "type": upstream.type})
