"""What a worker of a sweep holds in memory, and what a second worker brings where the registry is not the limit.

    var/venv-test/bin/python -m benchmarks.sweep_workers [--artifacts 50000] [--repositories 1] [--workers 1,2]
        [--latency 0.02] [--json]

Real Celery workers of one process each sweep a stand-in for a registry in a process of its own: it makes up unsigned
images, and answers each question after `--latency` seconds, however many there are. The numbers are those of the
workers' children: artifacts a second over the whole sweep, and the most memory that one of them held (VmHWM).
"""

import argparse
import asyncio
import hashlib
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests import parts

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
PAGE = 1000


class Made:
    """The made-up registry."""

    def __init__(self, artifacts: int, repositories: int) -> None:
        self.names = [f"bench/repo{number:04}" for number in range(repositories)]
        self.each = artifacts // repositories

    def manifest(self, repository: str, number: int) -> bytes:
        config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": f"sha256:{number:064x}", "size": 2}
        layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": f"sha256:{number:064x}"}
        layers = [layer | {"size": 1000 + position} for position in range(6)]
        content = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}
        return json.dumps(content | {"annotations": {"name": f"{repository}:{number}"}}).encode()

    def answer(self, path: str) -> tuple[int, bytes, dict[str, str]]:
        """Status, body and headers for a path."""
        path, _mark, query = path.partition("?")
        rest = path.removeprefix("/v2/")
        if rest == "":
            return 200, b"{}", {"Content-Type": "application/json"}
        if rest == "_catalog":
            return 200, json.dumps({"repositories": self.names}).encode(), {"Content-Type": "application/json"}
        name, _slash, what = rest.partition("/tags/list")
        if not what and path.endswith("/tags/list"):
            return self._tags(name, query)
        name, _slash, reference = rest.partition("/manifests/")
        if reference.startswith("v"):
            body = self.manifest(name, int(reference[1:]))
            return 200, body, {"Content-Type": MANIFEST, "Docker-Content-Digest": _digest(body)}
        body = b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}'
        return 404, body, {"Content-Type": "application/json"}

    def _tags(self, name: str, query: str) -> tuple[int, bytes, dict[str, str]]:
        last = next((part[5:] for part in query.split("&") if part.startswith("last=")), "")
        start = int(last[1:]) + 1 if last else 0
        tags = [f"v{number:06}" for number in range(start, min(start + PAGE, self.each))]
        headers = {"Content-Type": "application/json"}
        if start + PAGE < self.each:
            headers["Link"] = f'</v2/{name}/tags/list?n={PAGE}&last={tags[-1]}>; rel="next"'
        return 200, json.dumps({"name": name, "tags": tags}).encode(), headers


def _digest(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


class _Connection(asyncio.Protocol):
    """HTTP/1.1 as little as clients of ours need."""

    def __init__(self, made: Made, latency: float) -> None:
        self.made, self.latency, self.held = made, latency, b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.held += data
        while b"\r\n\r\n" in self.held:
            head, self.held = self.held.split(b"\r\n\r\n", 1)
            method, path = head.split(b" ", 2)[:2]
            status, body, headers = self.made.answer(path.decode())
            lines = [
                f"HTTP/1.1 {status} X",
                f"Content-Length: {len(body)}",
                "Docker-Distribution-Api-Version: registry/2.0",
            ]
            lines += [f"{name}: {value}" for name, value in headers.items()]
            answer = "\r\n".join([*lines, "", ""]).encode() + (b"" if method == b"HEAD" else body)
            asyncio.get_running_loop().call_later(self.latency, self._write, answer)

    def _write(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(answer)


def serve(port: int, artifacts: int, repositories: int, latency: float) -> None:
    """Be the registry until killed."""

    async def run() -> None:
        made = Made(artifacts, repositories)
        server = await asyncio.get_running_loop().create_server(
            lambda: _Connection(made, latency), "127.0.0.1", port
        )  # fmt: skip
        await server.serve_forever()

    asyncio.run(run())


def held(pid: int) -> float:
    """The most memory, in MB, that a child of process `pid` has held."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    most = 0
    for child in children:
        lines = Path(f"/proc/{child}/status").read_text().splitlines()
        most = max(most, *(int(line.split()[1]) for line in lines if line.startswith("VmHWM")))
    return most / 1024


def measure(folder: Path, redis: str, url: str, workers: int) -> dict[str, float]:
    """One first sweep with so many workers."""
    environment = os.environ | {
        "HARBORWEB_DATA": str(folder), "HARBORWEB_REDIS": redis, "HARBORWEB_PLAIN_HTTP": "1",
        "DJANGO_SETTINGS_MODULE": "harborweb.settings",
    }  # fmt: skip
    subprocess.run([sys.executable, "manage.py", "migrate", "-v", "0"], check=True, env=environment)
    log = (folder / "workers.log").open("wb")
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "harborweb.celery", "worker", "-Q", "default", "-c", "1",
             "-n", f"bench{number}@%h", "--without-gossip", "--without-mingle", "-l", "info"],
            env=environment, stdout=log, stderr=log,
        )
        for number in range(workers)
    ]  # fmt: skip
    try:
        while (folder / "workers.log").read_bytes().count(b" ready.") < workers:
            assert not any(process.poll() for process in processes), (folder / "workers.log").read_text()
            time.sleep(0.2)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.sweep_workers", "--begin", url], check=True, env=environment,
            capture_output=True, text=True,
        )  # fmt: skip
        found: dict[str, float] = json.loads(done.stdout)
        return found | {"megabytes": max(held(process.pid) for process in processes)}
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(60)
        log.close()


def begin(url: str) -> None:
    """In a process with the settings of the run: ask for a sweep, wait for it, say how it went."""
    import django

    django.setup()
    from harborweb.audit import tasks
    from harborweb.audit.models import Part, Sweep
    from harborweb.audit.sweeps import sweeping
    from harborweb.registry.models import Registry

    registry = Registry.objects.create(name="bench", url=url, allow_http=True)
    job, _new = sweeping.begin(tasks.sweep, registry)
    this = Sweep.objects.get(job=job)
    while this.finished is None:
        time.sleep(0.5)
        this.refresh_from_db()
    assert this.complete, job.error
    shares = Part.objects.filter(sweep=this).values_list("worker", "judged")
    by_worker: dict[str, int] = {}
    for worker, judged in shares:
        by_worker[worker] = by_worker.get(worker, 0) + judged
    print(json.dumps({"artifacts": this.artifacts, "seconds": round(this.seconds or 0, 1),
                      "per_second": round(this.rate or 0, 1), "most_share": max(by_worker.values())}))  # fmt: skip


def main() -> None:
    """Measure each number of workers, say the ratio."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--artifacts", type=int, default=50_000)
    parser.add_argument("--repositories", type=int, default=1)
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--latency", type=float, default=0.02)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--begin", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.begin:
        begin(given.begin)
        return
    port = parts.free_port()
    registry = multiprocessing.Process(
        target=serve, args=(port, given.artifacts, given.repositories, given.latency), daemon=True
    )
    registry.start()
    results: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder, parts.redis_server(Path(folder)) as redis:
        for count in map(int, given.workers.split(",")):
            place = Path(folder) / str(count)
            place.mkdir()
            results[str(count)] = measure(place, redis, f"http://127.0.0.1:{port}", count)
            print(f"{count} workers: {results[str(count)]}", file=sys.stderr, flush=True)
    registry.kill()
    if {"1", "2"} <= results.keys():
        results["ratio"] = {"two_to_one": round(results["2"]["per_second"] / results["1"]["per_second"], 2)}
    print(json.dumps(results) if given.json else results)


if __name__ == "__main__":
    main()
