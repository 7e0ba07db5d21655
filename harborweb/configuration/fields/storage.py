"""Keys for where images lie: the data folder and the storage drivers with their own parameters.

prepare passes the block of a driver on to Harbor's registry as it stands. The parameters are those that the drivers'
source reads: of distribution 2.8.3, which Harbor builds its registry from, and of 3.0.0 (where swift and oss are gone);
a parameter that only the latter reads says so.
"""

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from harborweb.configuration.fields.shape import Block, Effect, Field, Kind, Source, Words
from harborweb.configuration.text.reading import Value

KEY = "storage_service"
DRIVERS = ("filesystem", "s3", "gcs", "azure", "swift", "oss")
CHUNK = 5 * 1024 * 1024


def _row(
    key: str, kind: Kind, label: Words, text: Words, default: Value = None, *, placeholder: str = "",
    needed: bool = False, secret: bool = False, unit: Words = "", least: int | None = None, most: int | None = None,
    choices: tuple[str, ...] = (), source: Source = Source.DISTRIBUTION,
) -> Field:  # fmt: skip
    """A parameter of a driver: optional unless `needed`."""
    return Field(
        f"{KEY}.{key}", "storage", kind, label, text, Effect.DOWN_UP, default=default, optional=not needed,
        placeholder=placeholder, secret=secret, unit=unit, least=least, most=most, choices=choices, source=source,
    )  # fmt: skip


BYTES = _("bytes")
ROOT = _("Folder in the bucket")
ROOT_HELP = _("A prefix in front of every name, so that Harbor can share the place with others. Usually empty.")
NEWER = _("Only distribution 3 reads it; Harbor’s registry was still distribution 2.8 when this was written.")
CHUNKS = _("Size of a piece")
CHUNKS_HELP = _("Layers are sent in pieces of this size.")

# fmt: off
FILESYSTEM = (
    _row("filesystem.maxthreads", Kind.NUMBER, _("Operations at a time"),
         _("More file operations than these wait for their turn. Fewer than 25 are taken for 25."),
         100, least=1, source=Source.TEMPLATE),
    _row("filesystem.rootdirectory", Kind.PATH, _("Folder in the container"),
         _("Where the registry’s container keeps images. Leave it: Harbor puts the data folder at /storage, "
           "and anything kept elsewhere is lost with the container."), "/storage"),
)
S3 = (
    _row("s3.region", Kind.TEXT, _("Region"),
         _("The region of the bucket. Other S3 servers take any name here; us-east-1 is usual."),
         placeholder="us-east-1", needed=True),
    _row("s3.bucket", Kind.TEXT, _("Bucket"),
         _("The bucket has to be there already."), placeholder="harbor", needed=True),
    _row("s3.accesskey", Kind.TEXT, _("Access key"),
         _("Leave it empty together with the secret key where the machine itself has a role in AWS."),
         secret=True),
    _row("s3.secretkey", Kind.PASSWORD, _("Secret key"), _("Belongs to the access key."), secret=True),
    _row("s3.regionendpoint", Kind.TEXT, _("Address of the server"),
         _("For S3 servers other than Amazon’s, with http:// or https:// in front."),
         placeholder="https://s3.example:9000"),
    _row("s3.forcepathstyle", Kind.BOOLEAN, _("Bucket in the path"),
         _("For servers of one’s own. Only distribution 3 reads it; 2.8 does so whenever an address is given."), False),
    _row("s3.secure", Kind.BOOLEAN, _("Use https"),
         _("Counts when the address has no scheme of its own."), True),
    _row("s3.skipverify", Kind.BOOLEAN, _("Trust any certificate"),
         _("Anybody on the way could then read and change images. A bundle with your own authority is better."), False),
    _row("s3.rootdirectory", Kind.TEXT, ROOT, ROOT_HELP, placeholder="/harbor"),
    _row("s3.encrypt", Kind.BOOLEAN, _("Encrypt at rest"), _("Asks the server to store objects encrypted."), False),
    _row("s3.keyid", Kind.TEXT, _("Key for encryption"),
         _("The id of a KMS key. Counts only together with encryption at rest.")),
    _row("s3.v4auth", Kind.BOOLEAN, _("Signature version 4"),
         _("Off only for very old servers."), True),
    _row("s3.chunksize", Kind.NUMBER, CHUNKS, _("Layers are sent in pieces of this size; S3 takes none below 5 MiB."),
         10 * 1024 * 1024, unit=BYTES, least=CHUNK),
    _row("s3.multipartcopychunksize", Kind.NUMBER, _("Size of a copied piece"),
         _("A finished upload is copied inside the bucket in pieces of this size."),
         32 * 1024 * 1024, unit=BYTES, least=CHUNK),
    _row("s3.multipartcopymaxconcurrency", Kind.NUMBER, _("Pieces copied at a time"),
         _("Fewer when the server answers that there are too many requests."), 100, least=1),
    _row("s3.multipartcopythresholdsize", Kind.NUMBER, _("Copy in pieces from"),
         _("Smaller objects are copied in one go. S3 copies at most 5 GiB at once."),
         32 * 1024 * 1024, unit=BYTES, least=0, most=5 * 1024 * 1024 * 1024),
    _row("s3.storageclass", Kind.CHOICE, _("Storage class"),
         _("NONE sends no class at all, for servers that know none. Distribution 3 takes more."), "STANDARD",
         choices=("STANDARD", "REDUCED_REDUNDANCY", "NONE")),
    _row("s3.objectacl", Kind.CHOICE, _("Access to objects"),
         _("The access list that new objects get. Nothing but private is safe for most."), "private",
         choices=("private", "public-read", "public-read-write", "authenticated-read", "aws-exec-read",
                  "bucket-owner-read", "bucket-owner-full-control")),
    _row("s3.useragent", Kind.TEXT, _("Name of the client"), _("Put into the server’s log with every request.")),
    _row("s3.accelerate", Kind.BOOLEAN, _("Transfer acceleration"),
         NEWER, False),
    _row("s3.usedualstack", Kind.BOOLEAN, _("IPv6 addresses of Amazon"),
         NEWER, False),
    _row("s3.loglevel", Kind.CHOICE, _("Log of requests"),
         NEWER, "off",
         choices=("off", "debug", "debugwithsigning", "debugwithhttpbody", "debugwithrequestretries",
                  "debugwithrequesterrors", "debugwitheventstreambody")),
)
GCS = (
    _row("gcs.bucket", Kind.TEXT, _("Bucket"), _("The bucket has to be there already."),
         placeholder="harbor", needed=True),
    _row("gcs.keyfile", Kind.PATH, _("Key file"),
         _("Path on Harbor’s machine of a service account’s key in JSON; prepare mounts it into the containers. "
           "Empty where the machine itself has the rights."), placeholder="/etc/harbor/gcs.json"),
    _row("gcs.rootdirectory", Kind.TEXT, ROOT, ROOT_HELP),
    _row("gcs.chunksize", Kind.NUMBER, CHUNKS, _("Layers are sent in pieces of this size, a multiple of 256 KiB."),
         16 * 1024 * 1024, unit=BYTES, least=256 * 1024),
    _row("gcs.maxconcurrency", Kind.NUMBER, _("Operations at a time"),
         _("More operations than these wait for their turn. Fewer than 25 are taken for 25."), 50, least=1),
    _row("gcs.useragent", Kind.TEXT, _("Name of the client"), NEWER),
)
AZURE = (
    _row("azure.accountname", Kind.TEXT, _("Storage account"), _("The name of the storage account."), needed=True),
    _row("azure.accountkey", Kind.PASSWORD, _("Account key"), _("One of the account’s two keys."),
         needed=True, secret=True),
    _row("azure.container", Kind.TEXT, _("Container"), _("The container for images inside the account."),
         placeholder="harbor", needed=True),
    _row("azure.realm", Kind.TEXT, _("Cloud"),
         _("The domain of the Azure cloud: another one for the government’s or China’s."), "core.windows.net"),
    _row("azure.rootdirectory", Kind.TEXT, ROOT, NEWER),
    _row("azure.serviceurl", Kind.URL, _("Address of the server"), NEWER, placeholder="https://blob.example"),
    _row("azure.skipverify", Kind.BOOLEAN, _("Trust any certificate"), NEWER, False),
    _row("azure.max_retries", Kind.NUMBER, _("Tries"), NEWER, 5, least=1),
    _row("azure.retry_delay", Kind.DURATION, _("Time between the tries"), NEWER, "100ms"),
)
SWIFT = (
    _row("swift.authurl", Kind.URL, _("Address for signing in"), _("Of Keystone or TempAuth, with its version."),
         placeholder="https://keystone.example:5000/v3", needed=True),
    _row("swift.username", Kind.TEXT, _("User"), _("The user of OpenStack."), needed=True),
    _row("swift.password", Kind.PASSWORD, _("Password"), _("The user’s password."), needed=True, secret=True),
    _row("swift.container", Kind.TEXT, _("Container"), _("Made when it is not there."),
         placeholder="harbor", needed=True),
    _row("swift.region", Kind.TEXT, _("Region"), _("Empty takes the first one.")),
    _row("swift.tenant", Kind.TEXT, _("Project"), _("By its name; or give its id.")),
    _row("swift.tenantid", Kind.TEXT, _("Id of the project"), _("Instead of the project’s name.")),
    _row("swift.domain", Kind.TEXT, _("Domain of the user"), _("By its name, with Keystone 3.")),
    _row("swift.domainid", Kind.TEXT, _("Id of the user’s domain"), _("Instead of the domain’s name.")),
    _row("swift.tenantdomain", Kind.TEXT, _("Domain of the project"), _("When it is not the user’s.")),
    _row("swift.tenantdomainid", Kind.TEXT, _("Id of the project’s domain"), _("Instead of that domain’s name.")),
    _row("swift.trustid", Kind.TEXT, _("Trust"), _("The id of a trust, with Keystone 3.")),
    _row("swift.authversion", Kind.NUMBER, _("Version of the sign-in"),
         _("Only where the address does not tell."), least=1, most=3),
    _row("swift.endpointtype", Kind.CHOICE, _("Which address of Swift"),
         _("The one of the catalogue that is reached from here."), "public",
         choices=("public", "internal", "admin")),
    _row("swift.insecureskipverify", Kind.BOOLEAN, _("Trust any certificate"),
         _("Anybody on the way could then read and change images."), False),
    _row("swift.chunksize", Kind.NUMBER, CHUNKS, CHUNKS_HELP, 20 * 1024 * 1024, unit=BYTES, least=1024 * 1024),
    _row("swift.prefix", Kind.TEXT, _("Folder in the container"), ROOT_HELP),
    _row("swift.secretkey", Kind.PASSWORD, _("Key for temporary addresses"),
         _("Made up when it is empty. Pulls are sent on to addresses signed with it."), secret=True),
    _row("swift.accesskey", Kind.TEXT, _("Name for temporary addresses"),
         _("Belongs to the key; some servers of other makers need it."), secret=True),
    _row("swift.tempurlcontainerkey", Kind.BOOLEAN, _("Key of the container"),
         _("Signs with the container’s key instead of the account’s. Counts when the server does not tell."), False),
    _row("swift.tempurlmethods", Kind.LIST, _("Methods of temporary addresses"),
         _("Counts when the server does not tell."), choices=("GET", "PUT", "HEAD", "POST", "DELETE")),
)
OSS = (
    _row("oss.accesskeyid", Kind.TEXT, _("Access key"), _("The id of an access key of Alibaba Cloud."),
         needed=True, secret=True),
    _row("oss.accesskeysecret", Kind.PASSWORD, _("Secret key"), _("Belongs to the access key."),
         needed=True, secret=True),
    _row("oss.region", Kind.TEXT, _("Region"), _("The region of the bucket."),
         placeholder="oss-cn-hangzhou", needed=True),
    _row("oss.bucket", Kind.TEXT, _("Bucket"), _("The bucket has to be there already."),
         placeholder="harbor", needed=True),
    _row("oss.endpoint", Kind.TEXT, _("Address of the server"), _("Empty follows from bucket and region.")),
    _row("oss.internal", Kind.BOOLEAN, _("Address inside Alibaba Cloud"),
         _("For machines in the same region; outside nothing answers there."), False),
    _row("oss.encrypt", Kind.BOOLEAN, _("Encrypt at rest"), _("Asks the server to store objects encrypted."), False),
    _row("oss.secure", Kind.BOOLEAN, _("Use https"), _("Off sends keys and images in the clear."), True),
    _row("oss.chunksize", Kind.NUMBER, CHUNKS, _("Layers are sent in pieces of this size; OSS takes none below 5 MiB."),
         10 * 1024 * 1024, unit=BYTES, least=CHUNK),
    _row("oss.rootdirectory", Kind.TEXT, ROOT, ROOT_HELP),
)
FIELDS = (
    Field(
        "data_volume", "storage", Kind.PATH, _("Data folder"),
        _("A folder on Harbor’s machine with room for all images. It is made when it is not there. "
          "Set it before the first start: pointed elsewhere afterwards, Harbor starts empty."),
        Effect.NEVER, default="/data", placeholder="/srv/harbor/data", basic=True,
    ),
    _row("ca_bundle", Kind.PATH, _("Authorities of the storage"),
         _("Path on Harbor’s machine of a PEM file with the authority that signed your storage’s certificate. "
           "Everybody on that machine has to be able to read it."),
         placeholder="/etc/harbor/tls/ca.crt", source=Source.TEMPLATE),
    _row("redirect.disable", Kind.BOOLEAN, _("Serve images through Harbor"),
         _("Otherwise clients fetch layers from the storage itself and have to reach it. "
           "Usually on for a storage inside your own network."), False, source=Source.TEMPLATE),
    *FILESYSTEM, *S3, *GCS, *AZURE, *SWIFT, *OSS,
)


def _drivers() -> Iterator[Block]:
    titles: dict[str, tuple[Words, Words]] = {
        "filesystem": (_("This machine’s disk"), _("Images lie in the data folder.")),
        "s3": (_("S3"), _("Amazon S3, or any server that speaks its language.")),
        "gcs": (_("Google Cloud Storage"), _("A bucket at Google.")),
        "azure": (_("Azure Blob Storage"), _("A container in a storage account at Microsoft.")),
        "swift": (_("OpenStack Swift"), _("A container in an OpenStack cloud.")),
        "oss": (_("Alibaba Cloud OSS"), _("A bucket at Alibaba Cloud.")),
    }
    for name in DRIVERS:
        title, text = titles[name]
        needs = tuple(row.name for row in FIELDS if row.block == f"{KEY}.{name}" and not row.optional)
        source = Source.TEMPLATE if name == "filesystem" else Source.PREPARE
        yield Block(f"{KEY}.{name}", "storage", title, text, Effect.NEVER, needs or ("maxthreads",), KEY, source=source)


BLOCKS = (
    Block(
        KEY, "storage", _("Storage of one’s own"),
        _("Without it images lie in the data folder. Changed once Harbor has run, it does not find the images it had."),
        Effect.NEVER,
    ),
    *_drivers(),
    Block(f"{KEY}.redirect", "storage", _("Redirects"), _("Whether clients fetch layers from the storage itself."),
          needs=("disable",)),
)
# fmt: on
