"""What Harbor refuses by its own rules, and what is not there. Wordings: Harbor's own, as recorded or in its source."""

from django.utils.translation import gettext_lazy as _

from harborweb.access.decoder.message import Certainty, fix, known

STORE = fix(_("Look what is there."), page="store")

MESSAGES = (
    known(
        "quota",
        (r"(?:adding|subtracting) [\d.]{1,20} ?[KMGT]?i?B of storage resource[^\n]{0,120}will exceed the "
         r"configured upper limit(?: of [\d.]{1,20} ?[KMGT]?i?B)?",
         r"will exceed the configured upper limit", r"Quota exceeded when processing the request"),
        _("The project’s quota is full."),
        _("The message has both numbers. What was deleted counts until garbage collection has run."),
        fix(_("Raise the quota: in Harbor, Administration, Project Quotas.")),
        fix(_("Or delete what nobody needs, then run garbage collection: Administration, Clean Up.")), STORE,
        weight=70,
    ),
    known(
        "immutable",
        (r"Failed to process request due to '[^'\n]{1,400}' configured as immutable",
         r"configured as immutable(?:, cannot be (?:deleted|updated))?"),
        _("This tag may not be moved or deleted."),
        _("A rule of the project says so; the message names repository and tag."),
        fix(_("Push under a new tag: that is what the rule is for.")),
        fix(_("Or change the rule: in Harbor, the project, Policy, Tag Immutability.")),
        weight=70,
    ),
    known(
        "read-only",
        (r"The system is in read only mode[^\n\"]{0,60}",),
        _("Harbor is read-only."),
        _("An administrator switched it on, or garbage collection of an old Harbor runs."),
        fix(_("Wait, or switch it off: Administration, Configuration, System Settings, Repository Read Only.")),
        weight=70,
    ),
    known(
        "proxy-project",
        (r"can not push artifact to a proxy project(?:: [\w.-]{1,255})?",),
        _("This project is a pull-through cache: nobody can push to it."),
        _("Its content comes from the upstream alone."),
        fix(_("Push to a project of your own; the caches have their page."), page="cache"),
        weight=70,
    ),
    known(
        "content-trust",
        (r"(?:PROJECTPOLICYVIOLATION: |unknown: )?The image is not signed (?:by cosign|in Notary)\.?",),
        _("The project serves signed images only, and this one is not."),
        _("Harbor looks for a signature object beside this digest. Of an index each platform’s image needs its own: "
          "cosign sign --recursive."),
        fix(_("Sign the digest, on the artifact’s page or with cosign."), page="store"),
        fix(_("Or take the rule back: in Harbor, the project, Configuration, Deployment security.")),
        weight=70,
    ),
    known(
        "vulnerabilities",
        (r"current image with [^\n]{1,80} cannot be pulled due to configured policy[^\n]{0,120}",
         r"current image without vulnerability scanning cannot be pulled due to configured policy[^\n]{0,120}"),
        _("The project does not serve images with vulnerabilities of this severity."),
        _("With the words “status of vulnerability scanning” or “without vulnerability scanning” the scan is not done "
          "yet: the rule holds until then."),
        fix(_("Wait for the scan, or start it on the artifact’s page in Harbor.")),
        fix(_("Build on a newer base, or put what does not concern you on the project’s CVE allowlist.")),
        weight=70,
    ),
    known(
        "412",
        (r"412 Precondition Failed", r"PROJECTPOLICYVIOLATION", r"unexpected status(?: code)?[^\n]{0,200}: 412"),
        _("A rule of the project forbids this."),
        _("Harbor answers 412 for unsigned images, for vulnerable ones, and for immutable tags. Which one, stands "
          "behind it in clients that show the message: docker and skopeo do."),
        fix(_("Ask with a client that shows it."), "skopeo inspect docker://{host}/library/app:1.0"), STORE,
        certainty=Certainty.LIKELY, weight=40,
    ),
    known(
        "project-missing",
        (r"project [\w.-]{1,255} not found(?:: project [\w.-]{1,255} not found)?",),
        _("There is no project of this name, or not for whoever asks."),
        _("Harbor makes no project by itself when something is pushed. To people without rights it says the same of "
          "private projects."),
        fix(_("Make the project, or correct the name: the part after the host is the project.")), STORE,
        weight=70,
    ),
    known(
        "name-unknown",
        (r"repository [\w./-]{1,255} not found", r"name unknown(?:: [^\n\"]{1,120})?",
         r"repository name not known to registry", r"NAME_UNKNOWN"),
        _("There is no repository of this name."),
        _("A repository begins with its first push. Often the project is missing in the name, or host and path are "
          "mixed up."),
        STORE, fix(_("Names look like this."), "docker pull {host}/library/app:1.0"),
    ),
    known(
        "manifest-unknown",
        (r"manifest unknown(?:: manifest unknown)?", r"MANIFEST_UNKNOWN", r"artifact [^\s\"]{1,300} not found",
         r"manifest for [^\s\"]{1,300} not found",
         r"Error response from registry: [^\s\"]{1,300}: not found",
         r"failed to resolve reference [\\\"]{1,2}[^\s\"\\]{1,300}[\\\"]{1,2}: [^\s\"\\]{1,300}: not found"),
        _("The repository is there or could be; this tag or digest is not in it."),
        _("A typing error, a tag that was deleted or retained away, “latest” that nobody ever pushed, or, in a cache, "
          "something the upstream does not have."),
        STORE, fix(_("List the tags."), "skopeo list-tags docker://{host}/library/app"),
    ),
    known(
        "no-space-registry",
        (r"(?:write|mkdir|open) /(?:storage|data|var/lib/registry)/[^\n:]{1,300}: no space left on device",
         r"filesystem: [^\n]{1,300}no space left on device"),
        _("The disk of Harbor’s images is full."),
        _("The path is inside the registry’s container: it is data_volume on Harbor’s machine."),
        fix(_("See what is left."), "df -h", "df -i", page="machine"),
        fix(_("Delete what nobody needs, then run garbage collection: Administration, Clean Up.")),
        weight=70,
    ),
    known(
        "no-space",
        (r"no space left on device",),
        _("A disk is full; the path before these words says whose."),
        _("A path like /var/lib/docker or /var/lib/containerd is the client’s own disk."),
        fix(_("See what is left, there and on Harbor’s machine."), "df -h", "df -i"),
        fix(_("On the client: remove images that nobody uses."), "docker image prune"),
        certainty=Certainty.LIKELY,
    ),
)  # fmt: skip
