"""Messages about who logs in and what they may do. Wordings: docker, containers/image, containerd and Harbor itself."""

from django.utils.translation import gettext_lazy as _

from harborweb.access.decoder.message import Certainty, fix, known

LOGIN = fix(_("Log in with the whole name of the robot account in single quotes, and the secret from a file."),
            "docker login --username 'robot$team+ci' --password-stdin {host} < harbor-password.txt",
            page="kit")  # fmt: skip
FREEZE = fix(_("After a wrong password Harbor refuses that user for about 1.5 seconds, the right one too: wait, "
               "then try once."))  # fmt: skip
PERMISSIONS = fix(_("In Harbor: the project, Robot Accounts, and the permissions of this one. Push needs push and "
                    "pull of Repository. A robot’s permissions can be changed without a new secret."))  # fmt: skip
CLOCK = fix(_("Compare the clocks of the client, of the proxy and of Harbor’s machine; let NTP set them."), "date -u",
            "curl -sI {url}/v2/ | grep -i ^date:", page="doctor")  # fmt: skip

MESSAGES = (
    known(
        "wrong-password",
        (r"incorrect username or password", r"invalid username/password",
         r"failed to validate the credentials for [^\n]{1,300}?(?:401|unauthorized)[^\n\"]{0,60}",
         r"Error response from registry: unauthorized: authentication required", r"unauthorized: unauthorized(?!:? to)",
         r"login attempt to \S{1,300} failed with status: 401[^\n\"]{0,40}",
         r"Get [\\\"]{1,2}https?://[^\s\"\\]{1,300}/v2/[\\\"]{1,2}: unauthorized: [^\n\"]{1,80}"),
        _("Harbor does not take this name and password together."),
        _("The name is not whole (a robot’s begins with robot$ and has the project in it), the secret was refreshed, "
          "the robot is disabled or expired, or a shell ate a part of the name or of the password."),
        LOGIN, FREEZE,
        fix(_("With OIDC a person logs in with the CLI secret of the profile page, not with the password.")),
        weight=70,
    ),
    known(
        "robot-name-eaten",
        (r"(?:-u|--username)[ =][\"']?robot\+[\w.-]{1,100}",
         r"(?:-u|--username)[ =]\"?robot\$[\w.+-]{1,100}\"?",
         r"(?:-u|--username)[ =][\"']?\+[\w.-]{1,100}"),
        _("The shell took a part of the robot’s name away."),
        _("In a command without single quotes $team is a variable, usually an empty one: from robot$team+ci only "
          "robot+ci is left. Double quotes do not help."),
        LOGIN,
        fix(_("In YAML of a CI, $ may have to be doubled ($$) as well; a masked variable is better.")),
        certainty=Certainty.LIKELY, weight=80,
    ),
    known(
        "robot-or-user-may-not",
        (r"(?:unauthorized|denied): unauthorized to access repository: [^\s,]{1,255}, action: [a-z,*]{1,30}"
         r"(?:: unauthorized to access repository: [^\s,]{1,255}, action: [a-z,*]{1,30})?",
         r"unauthorized to access repository: [^\s,]{1,255}, action: [a-z,*]{1,30}"),
        _("Harbor knows who asks, or nobody logged in, and this action is not allowed on this repository."),
        _("The message names repository and action. Without a login it is the same message: everybody may pull from a "
          "public project, nobody may push."),
        fix(_("See whether this client is logged in to exactly this host and port."),
            "docker logout {host}", "docker login {host}", page="kit"), PERMISSIONS,
        weight=70,
    ),
    known(
        "no-host-in-name",
        (r"pull access denied for [^\s,]{1,255}, repository does not exist or may require 'docker login'"
         r"(?:: denied: requested access to the resource is denied)?",
         r"push access denied for [^\s,]{1,255}",
         r"The push refers to repository \[docker\.io/[^\s\]]{1,255}\]"),
        _("The client asked Docker Hub, not this Harbor, or there is no such image for this user."),
        _("A name without a host means Docker Hub. Names of this Harbor begin with its host."),
        fix(_("Write the whole name."), "docker pull {host}/library/app:1.0",
            "docker tag app:1.0 {host}/library/app:1.0", page="kit"),
        certainty=Certainty.LIKELY, weight=75,
    ),
    known(
        "denied",
        (r"denied: requested access to the resource is denied", r"requested access to the resource is denied"),
        _("The registry refuses this action to whoever asked."),
        _("Not logged in, logged in as somebody without the right, or the name leads to another registry: a name "
          "without a host means Docker Hub."),
        fix(_("Read the name in the message: it has to begin with this Harbor’s host."),
            "docker tag app:1.0 {host}/library/app:1.0"), LOGIN, PERMISSIONS,
        certainty=Certainty.LIKELY,
    ),
    known(
        "insufficient-scope",
        (r"insufficient_scope: authorization failed", r"insufficient_scope"),
        _("The token that the client got does not allow this."),
        _("Harbor gives a token to whoever asks, also without a login, and puts in what they may do: here it was not "
          "enough. containerd says it for a pull without a pull secret as well as for a repository that is missing."),
        fix(_("In a cluster the pod, or its service account, needs a pull secret in the same namespace."),
            page="kit-kubernetes"), PERMISSIONS,
        certainty=Certainty.LIKELY, weight=55,
    ),
    known(
        "no-basic-auth",
        (r"no basic auth credentials",),
        _("This client has no login for this host."),
        _("Logins are kept by host and port, and by user: root has others, and sudo and CI jobs too."),
        LOGIN,
        fix(_("In a cluster: a pull secret for exactly this host."), page="kit-kubernetes"),
    ),
    known(
        "authentication-required",
        (r"unauthorized: authentication required", r"authentication required"),
        _("The registry wants a login that it did not get, or did not take."),
        _("Nobody is logged in at this host and port, or the token was refused at the last step: for a moment after "
          "prepare has run, or when the clocks differ."),
        LOGIN, FREEZE,
        fix(_("If every push and pull says so while Harbor looks healthy: prepare ran without a restart. Deploy "
              "again."), page="deployment"), CLOCK,
        certainty=Certainty.LIKELY,
    ),
    known(
        "token-fetch",
        (r"failed to fetch (?:anonymous|oauth) token: unexpected status(?: from GET request to \S{1,400})?: 40[013]"
         r"[^\n\"]{0,40}", r"failed to authorize: failed to fetch [a-z]{3,12} token",
         r"unable to retrieve auth token: [^\n\"]{1,120}"),
        _("The token service did not give a token."),
        _("containerd, BuildKit and containers/image ask it with the login they have: a wrong one, or an address that "
          "is not Harbor’s token service."),
        LOGIN, fix(_("The doctor asks the token service like a client."), page="doctor"),
        certainty=Certainty.LIKELY, weight=35,
    ),
    known(
        "helper-missing",
        (r"(?:error getting credentials - err: )?exec: [\\\"]{1,2}docker-credential-[\w.-]{1,40}[\\\"]{1,2}: "
         r"executable file not found in (?:\$PATH|%PATH%)",
         r"docker-credential-[\w.-]{1,40}(?:\.exe)?: (?:not found|command not found)"),
        _("The client’s config.json names a program for passwords that is not there."),
        _("Typical under WSL, in CI and after Docker Desktop was removed: credsStore or credHelpers still name it."),
        fix(_("Take credsStore and credHelpers out of the file, then log in again."), "nano ~/.docker/config.json",
            "docker login {host}"),
        weight=80,
    ),
    known(
        "helper-fails",
        (r"error (?:storing|getting|erasing) credentials - err: [^\n]{1,200}",
         r"error storing credentials[^\n]{0,200}", r"pass not initialized[^\n]{0,80}",
         r"Cannot autolaunch D-Bus without X11 \$DISPLAY"),
        _("The login was right; the program that should keep it failed."),
        _("A helper such as pass or secretservice needs a key or a desktop session, which servers do not have."),
        fix(_("On a server: take credsStore out of the file, so that the login is kept in it, and close the file to "
              "others."), "nano ~/.docker/config.json", "chmod 600 ~/.docker/config.json"),
        weight=60,
    ),
    known(
        "token-clock",
        (r"token (?:is )?not valid yet", r"token used before issued", r"not before claim", r"token not yet valid"),
        _("A token seems to begin in the future: two clocks differ."),
        _("Harbor’s core signs the token, the registry checks it. With several machines, or after a machine slept, "
          "their clocks differ."),
        CLOCK,
    ),
    known(
        "token-expired",
        (r"token (?:is|has) expired", r"TOKEN_EXPIRED"),
        _("The token ran out before the work was done, or a clock is ahead."),
        _("A token is good for 30 minutes unless Harbor’s setting says otherwise; a large push on a slow line takes "
          "longer."),
        fix(_("Raise Token Expiration in Harbor, Administration, Configuration, System Settings.")), CLOCK,
        certainty=Certainty.LIKELY,
    ),
    known(
        "rate-limit",
        (r"toomanyrequests: [^\n\"]{1,160}", r"toomanyrequests",
         r"You have reached your (?:unauthenticated )?pull rate limit", r"429 Too Many Requests"),
        _("A registry counts pulls, and the count is full."),
        _("Nearly always it is Docker Hub’s: it counts by address, or by user after a login. Through a cache it is one "
          "user’s count for all."),
        fix(_("Pull through a cache of this Harbor, with a login at Docker Hub."), page="cache"),
        fix(_("If this Harbor itself said so, its proxy limits requests.") , page="recipes"),
    ),
)  # fmt: skip
