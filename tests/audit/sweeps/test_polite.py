"""Limits of a registry hold over all workers, a 429 holds up all of them, and both share the work."""

import asyncio
import itertools
import re
import subprocess
import time
from collections.abc import Callable

import pytest

from harborweb.audit.models import ArtifactVerdict, Part, Sweep
from harborweb.jobs import services as jobs
from harborweb.jobs.models import Job
from harborweb.registry.models import Registry
from harborweb.registry.politeness import Gate
from tests.audit.sweeps.conftest import Stand, kept, settled, verdicts
from tests.audit.sweeps.front import before
from tests.jobs.conftest import until

Worker = subprocess.Popen[bytes]


@pytest.fixture(scope="module")
def worker_settings() -> dict[str, str]:
    """Slow enough that a second worker has the time to come, and that somebody can stop it."""
    return {"HARBORWEB_TEST_SLOW": "0.02", "HARBORWEB_JOB_LOST_SECONDS": "20"}


def test_two_workers_share_the_parts_and_the_limit(
    lab: Registry, stand: Stand, workers: Worker, begin: Callable[..., Sweep]
) -> None:
    with before(stand.server.url) as front:
        Registry.objects.filter(pk=lab.pk).update(url=front.url, at_once=3)
        this = settled(begin(lab), look=False)
    assert this.complete and this.attempts == 1
    assert verdicts(lab) == stand.everything and dict(kept()) == dict.fromkeys(stand.everything, 1)
    assert len(set(Part.objects.values_list("worker", flat=True))) == 2, "only one judged"
    assert 2 <= front.most <= 3
    assert this.job is not None and "artifacts/s" in this.job.result["message"]


def test_a_429_holds_up_every_worker_and_leaves_nothing_unchecked(
    lab: Registry, stand: Stand, workers: Worker, begin: Callable[..., Sweep]
) -> None:
    with before(stand.server.url) as front:
        front.after, front.patience = 40, 3.0
        Registry.objects.filter(pk=lab.pk).update(url=front.url)
        this = settled(begin(lab), look=False)
    assert this.complete, this.job and this.job.error
    assert verdicts(lab) == stand.everything
    assert not ArtifactVerdict.objects.filter(verdict="unchecked").exists()
    learnt = front.begged[0] + 1.0  # the lease of another worker is renewed by then
    assert front.until > learnt
    assert [at for at in front.asked if learnt < at < front.until] == []
    assert [at for at in front.asked if at > front.until]


def test_what_was_judged_when_it_is_stopped_stays(
    lab: Registry, stand: Stand, workers: Worker, begin: Callable[..., Sweep]
) -> None:
    Registry.objects.filter(pk=lab.pk).update(at_once=1)
    this = begin(lab)
    until(lambda: Part.objects.filter(state=Part.State.DONE).count() >= 2)
    assert jobs.stop(Job.objects.get(pk=this.job_id), "ada")
    settled(this)
    assert this.job is not None and (this.job.state, this.complete) == (Job.State.STOPPED, False)
    assert "The sweep is incomplete" in this.job.advice
    until(lambda: not Part.objects.filter(state=Part.State.TAKEN).exists())
    there = verdicts(lab)
    assert 0 < len(there) < len(stand.everything)
    told = re.match(r"(\d+) artifacts? w", this.job.advice)  # a part that was begun may have been finished since
    assert told is not None and 0 < int(told[1]) <= len(there), this.job.advice
    time.sleep(1)
    assert verdicts(lab) == there  # nobody goes on


def test_the_rate_is_divided_and_slots_are_given_back(redis_url: str) -> None:
    async def ask(gate: Gate, times: list[float], until: float) -> None:
        while time.monotonic() < until:
            async with gate:
                times.append(time.monotonic())

    async def both() -> list[float]:
        name = f"rate-{time.monotonic_ns()}"
        first, second = (Gate(redis_url, name, per_second=40) for _n in range(2))
        begun = time.monotonic()
        async with first:
            pass  # both are known before the count begins
        async with second:
            pass
        assert time.monotonic() - begun < 5, "who rests held up who comes"
        await asyncio.sleep(0.6)
        times: list[float] = []
        end = time.monotonic() + 2
        await asyncio.gather(*(ask(gate, times, end) for gate in (first, second) for _task in range(4)))
        await second.close()
        await asyncio.sleep(0.6)
        alone: list[float] = []
        await asyncio.gather(*(ask(first, alone, time.monotonic() + 1) for _task in range(4)))
        await first.close()
        return [len(times) / 2, len(alone)]

    together, alone = asyncio.run(both())
    assert 20 <= together <= 45, together
    assert 20 <= alone <= 46, alone


def test_the_sum_of_what_is_out_never_passes_the_limit(redis_url: str) -> None:
    out, most = itertools.count(), [0, 0]

    async def ask(gate: Gate, until: float) -> None:
        while time.monotonic() < until:
            async with gate:
                most[0] += 1
                most[1] = max(most)
                await asyncio.sleep(0.01)
                most[0] -= 1
                next(out)

    async def three() -> None:
        name = f"slots-{time.monotonic_ns()}"
        gates = [Gate(redis_url, name, at_once=4) for _n in range(3)]
        end = time.monotonic() + 2.5
        tasks = []
        for gate in gates:  # one after the other: who is there gives slots back to who comes
            tasks += [asyncio.create_task(ask(gate, end)) for _task in range(6)]
            await asyncio.sleep(0.4)
        await asyncio.gather(*tasks)
        held = await gates[0]._redis.hvals(gates[0]._keys[0])
        assert sorted(int(one) for one in held) == [1, 1, 2]
        for gate in gates:
            await gate.close()

    asyncio.run(three())
    assert most[1] == 4 and next(out) > 100
