"""Which version may follow which. Pure.

Harbor's documentation, "Upgrade Harbor and Migrate Data": each guide "only covers migration from" the version two
minor versions below and later; an earlier one goes by way of that.
"""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from harborweb.tools import compose

STEPS_BACK = 2


@dataclass(frozen=True)
class Way:
    """What Harbor says of going from one version to another.

    kind: upgrade, patch, same, downgrade, far (further than supported), unknown. `asks` when a person has to say that
    it shall be done all the same.
    """

    kind: str
    title: str
    text: str
    asks: bool = False

    @property
    def notice(self) -> str:
        """How loud it is said."""
        return {"downgrade": "bad", "far": "bad", "unknown": "unsure"}.get(self.kind, "info")


def way(old: str, new: str) -> Way:
    """Judge going from version `old` to version `new`, as installers name them ("v2.15.2")."""
    before, after = compose.version_numbers(old), compose.version_numbers(new)
    words = {"old": old or "?", "new": new or "?", "least": "", "next": ""}
    if not before or not after:
        return Way(
            "unknown", _("Not both versions are known: from %(old)s to %(new)s.") % words,
            _("Look yourself whether Harbor supports this way."), asks=True,
        )  # fmt: skip
    if before == after:
        return Way(
            "same", _("Both installers are %(new)s.") % words,
            _("Nothing is upgraded; the configuration moves to the new folder."),
        )  # fmt: skip
    if after < before:
        return Way(
            "downgrade", _("%(new)s is older than %(old)s, and Harbor supports no way back.") % words,
            _(
                "The database was changed for %(old)s when that started first, and there is no program that undoes "
                "it. Only a database backup from before brings the old version back."
            ) % words,
            asks=True,
        )  # fmt: skip
    if before[:2] == after[:2]:
        return Way(
            "patch", _("From %(old)s to %(new)s: a patch of the same version.") % words,
            _("The database usually stays as it is; a backup is still the only sure way back."),
        )  # fmt: skip
    least = (after[0], after[1] - STEPS_BACK)
    if before[0] != after[0] or before[:2] < least:
        words |= {"least": f"{least[0]}.{max(least[1], 0)}", "next": f"{before[0]}.{before[1] + STEPS_BACK}"}
        return Way(
            "far", _("Harbor supports upgrades to %(new)s only from %(least)s on, and this is %(old)s.") % words,
            _("Go by way of %(next)s first: its first start changes the database so that the next one can.") % words,
            asks=True,
        )  # fmt: skip
    return Way(
        "upgrade", _("From %(old)s to %(new)s: Harbor supports this way.") % words,
        _("The first start changes the database, and nothing changes it back."),
    )  # fmt: skip
