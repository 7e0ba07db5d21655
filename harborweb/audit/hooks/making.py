"""The workshop where the policies are made, in Harbor and beside it.

A new secret is good here before Harbor is told of it, and the old one until Harbor has surely taken the new: whatever
is cut short, events still find the door open, and pressing the button again puts it right.
"""

import asyncio
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from harborweb import sealing
from harborweb.audit.hooks.hashing import hashed
from harborweb.audit.models import Hook
from harborweb.errors import Problem
from harborweb.jobs.run import Run
from harborweb.registry.endpoint import Limits
from harborweb.registry.errors import NotFound, RegistryError
from harborweb.registry.harbor import browsing, webhooks
from harborweb.registry.harbor.client import Harbor
from harborweb.registry.harbor.webhooks import NewPolicy, Policy, Target
from harborweb.registry.models import Registry

EVENTS = ("PUSH_ARTIFACT", "DELETE_ARTIFACT", "REPLICATION", "QUOTA_EXCEED", "QUOTA_WARNING")
LIMITS = Limits(seconds=20, connect_seconds=5, overall_seconds=40)


def name_for(address: str) -> str:
    """What our policies are called: another harborweb at the same Harbor has its own."""
    return f"harborweb at {urlsplit(address).netloc}"


def policy_for(address: str, secret: str, *, offered: Sequence[str] | None, unverified: bool) -> NewPolicy:
    """The policy as it shall be, with those of our events that this Harbor offers (None: not asked yet)."""
    events = tuple(one for one in EVENTS if offered is None or one in offered)
    target = Target(address, secret, skip_cert_verify=unverified, payload_format="Default")
    return NewPolicy(
        name_for(address), events, target, description="Made by harborweb, which asks what each event names."
    )


def make(run: Run) -> dict[str, Any]:
    """Make, change or remove the policies of some projects or of all.

    1 Read the projects
    2 Each project: find what is there, and make it what it shall be; nothing is written where it is so already

    A project that fails does not keep the others from theirs.
    """
    registry = Registry.objects.get(pk=run.arguments["registry"])
    name, password = json.loads(sealing.take_once(run.arguments["slot"]))
    run.secret(password)
    with asyncio.Runner() as runner:
        harbor = runner.run(_opened(Harbor(registry.endpoint_as(name, password), LIMITS)))
        try:
            return _Making(run, registry, harbor, runner).through()
        finally:
            runner.run(harbor.__aexit__(None, None, None))


async def _opened(harbor: Harbor) -> Harbor:
    return await harbor.__aenter__()


@dataclass
class _Making:
    run: Run
    registry: Registry
    harbor: Harbor
    runner: asyncio.Runner

    def through(self) -> dict[str, Any]:
        """Every project in turn; raises Problem that names those that failed."""
        self.run.step(1, 2, _("Read the projects"))
        names = list(self.run.arguments["projects"])
        names = names or [one.name for one in self.runner.run(browsing.every_project(self.harbor))]
        self.run.step(2, 2, _("Each project"))
        failed = []
        for done, name in enumerate(names):
            self.run.progress(done, len(names))
            try:
                self.run.line(f"{name}: {self._project(name)}")
            except RegistryError as error:
                failed.append(name)
                self.run.line(f"{name}: {error}", "err")
        self.run.progress(len(names), len(names))
        if failed:
            raise Problem(
                _("It did not work for %s.") % ", ".join(failed[:10]),
                _("The log says what Harbor answered. All others are as they should be; press it again for these."),
            )
        count = ngettext("%(n)d project is as it should be.", "%(n)d projects are as they should be.", len(names))
        return {"message": count % {"n": len(names)}, "url": reverse("audit:hooks", args=[self.registry.pk])}

    def _project(self, name: str) -> str:
        """What was done for one project, as a sentence for the log."""
        hook = Hook.objects.filter(registry=self.registry, project=name).first()
        found = self._ours(name, hook)
        if self.run.arguments["action"] == "off":
            return self._off(name, hook, found)
        offered = self.runner.run(webhooks.events(self.harbor, name)).events
        said = self._made(name, hook, found, offered)
        for extra in found[1:]:
            self._delete(name, extra)
        self._triggered(name)
        return said

    def _ours(self, project: str, hook: Hook | None) -> list[Policy]:
        """The policies that deliver to us, or bear our name: one more would tell everything twice."""
        addresses = {self.run.arguments["address"], hook.address if hook else ""} - {""}
        mine = {name_for(address) for address in addresses}
        return [
            one
            for one in self.runner.run(webhooks.every(self.harbor, project))
            if one.name in mine or any(target.address in addresses for target in one.targets)
        ]

    def _made(self, name: str, hook: Hook | None, found: Sequence[Policy], offered: Sequence[str]) -> str:
        arguments = self.run.arguments
        there = found[0] if found else None
        if there and arguments["action"] == "make" and hook and self._is_so(hook, there, offered):
            Hook.objects.filter(pk=hook.pk).update(enabled=True, policy=there.id, former_hash="")
            return _("is so already")
        secret = f"Bearer {secrets.token_urlsafe(32)}"
        self.run.secret(secret)
        hook = self._expect(name, secret, there)
        wanted = policy_for(arguments["address"], secret, offered=offered, unverified=arguments["unverified"])
        if there is not None:
            self.runner.run(webhooks.update(self.harbor, name, there.id, wanted))
            number, said = there.id, _("changed, with a new secret")
        else:
            number, said = self.runner.run(webhooks.create(self.harbor, name, wanted)), _("made")
        Hook.objects.filter(pk=hook.pk).update(policy=number, former_hash="", address=arguments["address"])
        return said

    def _is_so(self, hook: Hook, there: Policy, offered: Sequence[str]) -> bool:
        """Whether Harbor's policy is what it shall be; Harbor shows its secret, so that too is compared."""
        if len(there.targets) != 1 or hashed(there.targets[0].auth_header) != hook.secret_hash or not hook.secret_hash:
            return False
        arguments, target = self.run.arguments, there.targets[0]
        wanted = policy_for(
            arguments["address"], target.auth_header, offered=offered, unverified=arguments["unverified"]
        )
        same = target == wanted.target and set(there.events) == set(wanted.events)
        return same and there.enabled and there.name == wanted.name

    def _expect(self, name: str, secret: str, there: Policy | None) -> Hook:
        """Take the new secret for good from now on, beside the one that Harbor still has."""
        hook, _new = Hook.objects.get_or_create(registry=self.registry, project=name)
        held = {hashed(target.auth_header) for target in there.targets} if there else set()
        known = [one for one in (hook.secret_hash, hook.former_hash) if one in held]
        hook.former_hash = known[0] if known else hook.former_hash or hook.secret_hash
        hook.secret_hash, hook.enabled = hashed(secret), True
        hook.save()
        return hook

    def _off(self, name: str, hook: Hook | None, found: Sequence[Policy]) -> str:
        for policy in found:
            self._delete(name, policy)
        if hook is not None:
            Hook.objects.filter(pk=hook.pk).update(enabled=False, policy=0, secret_hash="", former_hash="")
        return _("switched off") if found else _("was off already")

    def _delete(self, project: str, policy: Policy) -> None:
        try:
            self.runner.run(webhooks.delete(self.harbor, project, policy.id, policy.name))
        except NotFound:
            return

    def _triggered(self, project: str) -> None:
        """What Harbor itself says of the last trigger; only told, so no failure."""
        name = name_for(self.run.arguments["address"])
        try:
            last = self.runner.run(webhooks.last_triggers(self.harbor, project)).get(name)
        except RegistryError as error:
            self.run.line(f"{project}: {error.message}", "err")
            return
        Hook.objects.filter(registry=self.registry, project=project).update(triggered=last)
