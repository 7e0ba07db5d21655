"""The door of caches: what each page shows, put together."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from yarl import URL

from harborweb.access import values
from harborweb.access.cache import clients, hub, numbers
from harborweb.access.cache.gauge import gauge
from harborweb.access.cache.images import through
from harborweb.access.cache.mirror_host import MirrorHost
from harborweb.access.cache.models import Cache, PullReading
from harborweb.access.cache.numbers import Closed, Numbers
from harborweb.access.cache.presets import BY_KEY, PRESETS, Preset, recognised
from harborweb.access.cache.troubles import TROUBLES, explained
from harborweb.access.kit import target as kit
from harborweb.access.place import place
from harborweb.errors import Problem
from harborweb.registry.endpoint import Endpoint, host_of
from harborweb.registry.models import Registry

KEPT_READINGS = 200
NO_ACCOUNT = "000000000000"  # stands for the number of an account, which is a part of names in ECR


def chosen(number: str) -> Registry | None:
    """The Harbor of a page: the one asked for, else the one that people reach, else any."""
    if number.isdecimal() and (found := Registry.objects.filter(pk=number).first()):
        return found
    here = place()
    others = Registry.objects.order_by("pk")
    return (here.registry if here else None) or others.exclude(kind=Registry.Kind.OTHER).first() or others.first()


def half_made(registry: Registry) -> "QuerySet[Cache]":
    """Caches whose upstream is there and whose project is not."""
    return Cache.objects.filter(registry=registry, whole=False, upstream_id__isnull=False)


def listed(registry: Registry) -> dict[str, Any]:
    """The caches of a Harbor with what stands behind each; raises Problem, for a registry that is no Harbor too."""
    if registry.kind == Registry.Kind.OTHER:
        raise Problem(
            _("%s is a registry, but no Harbor: it has no projects that fetch from elsewhere.") % registry.name,
            _("Choose a Harbor, or add one under Registry."),
        )
    found = numbers.caches(registry)
    ours = {row.project: row for row in Cache.objects.filter(registry=registry, whole=True)}
    rows = []
    for project in found.projects:
        upstream = found.upstreams.get(project.proxies or 0)
        row = ours.get(project.name)
        url = upstream.url if upstream else row.upstream_url if row else ""
        preset = recognised(upstream.type, upstream.url) if upstream else row.preset if row else None
        rows.append({"project": project, "upstream": upstream, "url": url, "preset": preset})
    return {"rows": rows, "half": half_made(registry), "seen": bool(found.upstreams)}


def behind(registry: Registry, project: str, asked: str, known: Numbers | None) -> tuple[Preset | None, str]:
    """The kind and address of a cache's upstream: as Harbor says, as it was made here, or as somebody says it is."""
    if known is not None and not isinstance(known.upstream, Closed):
        return recognised(known.upstream.type, known.upstream.url), known.upstream.url
    row = Cache.objects.filter(registry=registry, project=project).first()
    if row:
        return row.preset, row.upstream_url
    return BY_KEY.get(asked), BY_KEY[asked].url if asked in BY_KEY else ""


def one(registry: Registry, project: str, asked: str, said: str) -> dict[str, Any]:
    """Everything the page of a cache shows; raises RegistryError where the project itself cannot be read."""
    found = numbers.look(registry, project)
    preset, url = behind(registry, project, asked, found)
    is_hub = preset is not None and preset.key == "docker-hub"
    reading = PullReading.objects.first() if is_hub else None
    measured = reading is not None and reading.limit and reading.remaining is not None
    return {
        "numbers": found, "preset": preset, "url": url, "presets": PRESETS, "is_hub": is_hub, "reading": reading,
        "gauge": gauge(reading.remaining or 0, reading.limit or 0) if reading and measured else None,
        "old": reading is not None and (timezone.now() - reading.at).total_seconds() > (reading.window or 21_600),
        "troubles": [one for one in TROUBLES if is_hub or not one.hub or preset is None],
        "example": f"{Endpoint(public(registry), allow_http=True).host}/{project}/{(preset or BY_KEY['oci']).example}",
        "said": said, "fits": explained(said) if said else None, "days": numbers.DAYS,
    }  # fmt: skip


def client_side(registry: Registry, project: str, typed: Mapping[str, str]) -> dict[str, Any]:
    """How clients use a cache. `typed`: image, upstream, and the mirror host's mirror_name, mirror_port, certificate,
    key and ca_file. What is wrong with them comes back as `faults` by field; raises Problem for the rest."""
    preset, url = behind(registry, project, typed.get("upstream", ""), None)
    preset = preset or BY_KEY["docker-hub"]
    made = Cache.objects.filter(registry=registry, project=project).first()
    base = public(registry)
    host = Endpoint(base, allow_http=True).host
    upstream = _image_host(preset, url)
    cache = kit.Cache(project, upstream)
    target = kit.Target(base, ca_pem=registry.ca_pem, cache=cache)
    faults: dict[str, Problem] = {}
    image = typed.get("image", "").strip() or preset.example
    through_image = ""
    try:
        through_image = through(image, host, project, preset, upstream)
    except Problem as problem:
        faults["image"] = problem
    mirror, answers = None, _mirror_answers(base, host, typed)
    try:
        mirror = MirrorHost(upstream=base, project=project, **answers)
    except Problem as problem:
        faults[problem.field or "mirror_name"] = problem
    return {
        "preset": preset, "url": url, "host": host, "target": target, "image": image, "through": through_image,
        "mirror": mirror, "typed": {**answers, "mirror_name": answers["name"], "mirror_port": answers["port"]},
        "private": made is not None and made.settings.get("public") is False,
        "guides": clients.mirrors(target), "builds": clients.builds(target, cache), "faults": faults,
        "no_account": NO_ACCOUNT if preset.key == "ecr" else "",
        "is_hub": preset.key == "docker-hub", "upstream_host": upstream, "presets": PRESETS,
    }  # fmt: skip


def public(registry: Registry) -> str:
    """The address that people use for this Harbor: what its harbor.yml says where it is the one, else its own."""
    here = place()
    return here.url if here and here.registry and here.registry.pk == registry.pk else registry.url.rstrip("/")


def measure(account: str, password: str) -> PullReading:
    """Ask Docker Hub and keep what it said, without the password; raises Problem."""
    found = hub.measure(account, password)
    row = PullReading.objects.create(
        account=account[:255], limit=found.limit, remaining=found.remaining, window=found.window, source=found.source,
        spent=found.spent, words=found.words[:300],
    )  # fmt: skip
    PullReading.objects.filter(pk__lte=row.pk - KEPT_READINGS).delete()
    return row


def _image_host(preset: Preset, url: str) -> str:
    """The host that images of the upstream carry."""
    if preset.names and not preset.asks_region:
        return preset.names[0]
    host = host_of(URL(url)) if url and "{" not in url else ""
    if preset.key == "ecr":
        region = host.removeprefix("api.ecr.").removesuffix(".amazonaws.com") or "eu-central-1"
        return f"{NO_ACCOUNT}.dkr.ecr.{region}.amazonaws.com"
    return host or "registry.example"


def _mirror_answers(base: str, host: str, typed: Mapping[str, str]) -> dict[str, Any]:
    """What was typed about the mirror host, or what usually fits."""
    https = base.startswith("https:")
    port = typed.get("mirror_port", "")
    usual = {"certificate": "/etc/nginx/mirror.crt", "key": "/etc/nginx/mirror.key"} if https else {}
    paths = {
        name: typed.get(name, "").strip() if "mirror_name" in typed else usual.get(name, "")
        for name in ("certificate", "key", "ca_file")
    }
    number = (
        int(port) if port.isdecimal() and len(port) < 7 else (443 if paths["certificate"] else 80) if not port else 0
    )
    usual_name = f"mirror.{host.partition(':')[0]}" if not values.is_address(host.partition(":")[0].strip("[]")) else ""
    return {"name": typed.get("mirror_name", "").strip() or usual_name or "mirror.example", "port": number, **paths}
