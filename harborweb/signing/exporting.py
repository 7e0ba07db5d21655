"""The workshop where a private key is made ready to be taken away: always encrypted, once, for its asker alone."""

import json
from typing import Any

from django.utils.translation import gettext as _

from harborweb import sealing
from harborweb.errors import Problem
from harborweb.jobs.run import Run
from harborweb.signing import found
from harborweb.signing.keysmith import PASSWORD, PRIVATE, PROVING, prove, reencrypted, workspace
from harborweb.signing.models import Key

SECONDS = 300  # that it lies ready


def export(run: Run) -> dict[str, Any]:
    """Lay a private key, as cosign's encrypted file, into a slot that opens once.

    1. Take the key; one that has no password gets the typed one
    2. Prove that the password opens it, where it is known here
    3. Lay it ready
    """
    key = Key.objects.filter(pk=run.arguments["key"]).first()
    typed: dict[str, str] = json.loads(sealing.take_once(run.arguments["slot"])) if run.arguments["slot"] else {}
    if key is None or key.private_sealed is None:
        raise Problem(_("The private half of this key is not here."), _("Nothing was exported."))
    run.step(1, 3, _("Take the key"))
    private = sealing.unseal(key.private_sealed, PRIVATE).decode()
    password = typed.get("password", "")
    if key.password_sealed is not None:
        password = sealing.unseal(key.password_sealed, PASSWORD).decode()
    run.secret(private)
    run.secret(password)
    program = found.announced(run)
    with workspace() as folder:
        if key.password_mode == Key.Password.NONE:
            private = reencrypted(run, program, folder, private, password)
        run.step(2, 3, _("Prove it"))
        if key.password_mode == Key.Password.ASKED:
            run.line(_("Its password is not known here: whether you know it, you will see when you use the file."))
        elif prove(run, program, folder, private, password) != key.public_pem:
            raise Problem(_("The key that was read is not the one that is shown here."), str(PROVING))
    run.step(3, 3, _("Lay it ready"))
    return {"slot": sealing.put_once(private, SECONDS), "key": key.pk, "name": key.name, "seconds": SECONDS}
