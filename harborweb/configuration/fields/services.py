"""Keys for what Harbor leans on: its database, its Redis, its jobs, its scanner."""

from django.utils.translation import gettext_lazy as _

from harborweb.configuration.fields.shape import Block, Effect, Field, Kind

EXTERNAL = "external_database.harbor"
REDIS = "external_redis"
CONNECTIONS = _("connections")
IDLE = _("Connections kept open")
IDLE_HELP = _("Connections that wait in the pool instead of being closed. 0 takes Harbor’s own default of 2.")
OPEN = _("Connections at most")
OPEN_HELP = _("For each of Harbor’s containers that use the database. 0 sets no limit; PostgreSQL’s own still counts.")
INDEX_HELP = _("Its number in Redis, from 1. Two of them with the same number get in each other’s way.")
TEN_YEARS = 87600  # hours

# fmt: off
DATABASE = (
    Field(
        "database.password", "database", Kind.PASSWORD, _("Password of the database"),
        _("Harbor’s own containers use it among themselves; nobody types it. Any long random text does. "
          "Set it before the first start: changed afterwards, Harbor’s core no longer gets into its database."),
        Effect.NEVER, default="root123", secret=True, random=True, basic=True,
    ),
    Field("database.max_idle_conns", "database", Kind.NUMBER, IDLE, IDLE_HELP,
          Effect.RESTART, default=2, optional=True, unit=CONNECTIONS),
    Field("database.max_open_conns", "database", Kind.NUMBER, OPEN, OPEN_HELP,
          Effect.RESTART, default=0, optional=True, unit=CONNECTIONS),
    Field("database.conn_max_lifetime", "database", Kind.DURATION, _("Renew a connection after"),
          _("A connection older than this is closed before it is used again. 0s keeps it; a bare 0 counts as nothing."),
          Effect.RESTART, default="5m", optional=True),
    Field("database.conn_max_idle_time", "database", Kind.DURATION, _("Close an idle connection after"),
          _("A connection that waited longer is closed; 0 keeps it."),
          Effect.RESTART, default=0, optional=True),
    Field(f"{EXTERNAL}.host", "database", Kind.HOST, _("Host"),
          _("The PostgreSQL server, as Harbor’s containers reach it: localhost would be the container itself."),
          Effect.RESTART, placeholder="postgres.example"),
    Field(f"{EXTERNAL}.port", "database", Kind.PORT, _("Port"), _("PostgreSQL usually listens on 5432."),
          Effect.RESTART, placeholder="5432"),
    Field(f"{EXTERNAL}.db_name", "database", Kind.TEXT, _("Database"),
          _("It has to be there already and belong to the user; Harbor makes its tables in it."),
          Effect.RESTART, placeholder="registry"),
    Field(f"{EXTERNAL}.username", "database", Kind.TEXT, _("User"), _("The owner of the database."), Effect.RESTART),
    Field(f"{EXTERNAL}.password", "database", Kind.PASSWORD, _("Password"), _("The user’s password in PostgreSQL."),
          Effect.RESTART, secret=True),
    Field(f"{EXTERNAL}.ssl_mode", "database", Kind.CHOICE, _("Encryption"),
          _("disable: none. require: encrypted, to whoever answers. verify-ca: the certificate is checked. "
            "verify-full: its name too."),
          Effect.RESTART, choices=("disable", "require", "verify-ca", "verify-full")),
    Field(f"{EXTERNAL}.max_idle_conns", "database", Kind.NUMBER, IDLE, IDLE_HELP,
          Effect.RESTART, default=2, optional=True, unit=CONNECTIONS),
    Field(f"{EXTERNAL}.max_open_conns", "database", Kind.NUMBER, OPEN, OPEN_HELP,
          Effect.RESTART, default=0, optional=True, unit=CONNECTIONS),
)
REDIS_ROWS = (
    Field("redis.registry_db_index", "redis", Kind.NUMBER, _("Registry’s database"), INDEX_HELP,
          Effect.DOWN_UP, default=1, optional=True, least=1),
    Field("redis.jobservice_db_index", "redis", Kind.NUMBER, _("Jobs’ database"), INDEX_HELP,
          Effect.DOWN_UP, default=2, optional=True, least=1),
    Field("redis.trivy_db_index", "redis", Kind.NUMBER, _("Scanner’s database"), INDEX_HELP,
          Effect.DOWN_UP, default=5, optional=True, least=1),
    Field("redis.harbor_db_index", "redis", Kind.NUMBER, _("Harbor’s own database"),
          _("Empty shares database 0 with Harbor’s core."), Effect.DOWN_UP, optional=True, least=0),
    Field("redis.cache_layer_db_index", "redis", Kind.NUMBER, _("Cache’s database"),
          _("Empty shares database 0 with Harbor’s core."), Effect.DOWN_UP, optional=True, least=0),
    Field(f"{REDIS}.host", "redis", Kind.TEXT, _("Servers"),
          _("The Redis server as host:port. With Sentinel: all sentinels as host:port, with commas between them."),
          Effect.DOWN_UP, placeholder="redis.example:6379"),
    Field(f"{REDIS}.sentinel_master_set", "redis", Kind.TEXT, _("Sentinel’s name of the master"),
          _("Set it only with Sentinel: it decides that the servers above are sentinels."),
          Effect.DOWN_UP, optional=True, placeholder="mymaster"),
    Field(f"{REDIS}.username", "redis", Kind.TEXT, _("User"),
          _("Redis 6 and later know users. Empty signs in with the password alone."),
          Effect.DOWN_UP, optional=True),
    Field(f"{REDIS}.password", "redis", Kind.PASSWORD, _("Password"), _("Empty where Redis asks for none."),
          Effect.DOWN_UP, optional=True, secret=True),
    Field(f"{REDIS}.tlsOptions.enable", "redis", Kind.BOOLEAN, _("Encrypt"),
          _("Harbor then checks the certificate of Redis. Redis cannot ask Harbor for one."),
          Effect.DOWN_UP, default=False, since="2.13"),
    Field(f"{REDIS}.tlsOptions.rootCA", "redis", Kind.PATH, _("Authority"),
          _("Path on Harbor’s machine of the authority that signed the certificate of Redis; "
            "empty when a public one did."),
          Effect.DOWN_UP, optional=True, placeholder="/etc/harbor/tls/redis-ca.crt", since="2.13"),
    Field(f"{REDIS}.registry_db_index", "redis", Kind.NUMBER, _("Registry’s database"), INDEX_HELP,
          Effect.DOWN_UP, default=1, optional=True, least=1),
    Field(f"{REDIS}.jobservice_db_index", "redis", Kind.NUMBER, _("Jobs’ database"), INDEX_HELP,
          Effect.DOWN_UP, default=2, optional=True, least=1),
    Field(f"{REDIS}.trivy_db_index", "redis", Kind.NUMBER, _("Scanner’s database"), INDEX_HELP,
          Effect.DOWN_UP, default=5, optional=True, least=1),
    Field(f"{REDIS}.idle_timeout_seconds", "redis", Kind.NUMBER, _("Close an idle connection after"),
          _("A connection that waited longer is closed. 0 takes Harbor’s own default of 30."),
          Effect.DOWN_UP, default=30, optional=True, unit=_("seconds"), least=0),
    Field(f"{REDIS}.harbor_db_index", "redis", Kind.NUMBER, _("Harbor’s own database"),
          _("Empty shares database 0 with Harbor’s core."), Effect.DOWN_UP, optional=True, least=0),
    Field(f"{REDIS}.cache_layer_db_index", "redis", Kind.NUMBER, _("Cache’s database"),
          _("Empty shares database 0 with Harbor’s core."), Effect.DOWN_UP, optional=True, least=0),
)
JOBS = (
    Field("jobservice.max_job_workers", "jobs", Kind.NUMBER, _("Jobs at a time"),
          _("Scans, replications, garbage collection and the like run beside each other up to this number."),
          Effect.RESTART, default=10, least=1, unit=_("jobs")),
    Field("jobservice.max_job_duration_hours", "jobs", Kind.NUMBER, _("Stop a job after"),
          _("A job that still runs then is taken for dead."),
          Effect.RESTART, default=24, optional=True, least=1, most=TEN_YEARS, unit=_("hours"), since="2.13"),
    Field("jobservice.job_loggers", "jobs", Kind.LIST, _("Where jobs write their logs"),
          _("STD_OUTPUT: to the container’s log. FILE: to the data folder, where Harbor’s pages show them. "
            "DB: to the database."),
          Effect.RESTART, choices=("STD_OUTPUT", "FILE", "DB")),
    Field("jobservice.logger_sweeper_duration", "jobs", Kind.NUMBER, _("Keep job logs for"),
          _("Older files and rows are deleted. It does not touch the container’s log."),
          Effect.RESTART, default=1, least=1, unit=_("days")),
    Field("notification.webhook_job_max_retry", "jobs", Kind.NUMBER, _("Tries of a webhook"),
          _("How often Harbor tells a webhook’s receiver again that did not answer."),
          Effect.RESTART, default=3, least=0, unit=_("times")),
    Field("notification.webhook_job_http_client_timeout", "jobs", Kind.NUMBER, _("Wait for a webhook’s receiver"),
          _("A receiver that answers later counts as one that did not."),
          Effect.RESTART, default=3, least=1, unit=_("seconds")),
)
SCANNER = (
    Field("trivy.ignore_unfixed", "scanner", Kind.BOOLEAN, _("Only what can be mended"),
          _("Shows vulnerabilities only where a newer package mends them."),
          Effect.RESTART, default=False, optional=True),
    Field("trivy.skip_update", "scanner", Kind.BOOLEAN, _("Do not download the database"),
          _("For machines without a way out: Trivy’s database then has to be put in place by hand."),
          Effect.RESTART, default=False, optional=True),
    Field("trivy.skip_java_db_update", "scanner", Kind.BOOLEAN, _("Do not download the Java database"),
          _("The same for the database about Java archives."), Effect.RESTART, default=False, optional=True),
    Field("trivy.db_repository", "scanner", Kind.TEXT, _("Where the database comes from"),
          _("A repository in a registry, also one of your own that mirrors it."),
          Effect.RESTART, default="ghcr.io/aquasecurity/trivy-db", optional=True, since="2.15"),
    Field("trivy.java_db_repository", "scanner", Kind.TEXT, _("Where the Java database comes from"),
          _("A repository in a registry, also one of your own that mirrors it."),
          Effect.RESTART, default="ghcr.io/aquasecurity/trivy-java-db", optional=True, since="2.15"),
    Field("trivy.offline_scan", "scanner", Kind.BOOLEAN, _("Ask nobody while scanning"),
          _("Trivy then does not ask the internet about dependencies of Java archives and finds a little less. "
            "Downloads of the database have switches of their own."),
          Effect.RESTART, default=False, optional=True),
    Field("trivy.security_check", "scanner", Kind.TEXT, _("What to look for"),
          _("vuln, config and secret, with commas between them."),
          Effect.RESTART, default="vuln", optional=True, placeholder="vuln,secret"),
    Field("trivy.insecure", "scanner", Kind.BOOLEAN, _("Trust any certificate"),
          _("Trivy then does not check who the registry is that it fetches images from."),
          Effect.RESTART, default=False, optional=True),
    Field("trivy.timeout", "scanner", Kind.DURATION, _("Stop a scan after"),
          _("Harbor itself stops scans after 30 minutes, whatever stands here."),
          Effect.RESTART, default="5m0s", optional=True),
    Field("trivy.github_token", "scanner", Kind.PASSWORD, _("Token of GitHub"),
          _("GitHub lets nameless downloads through 60 times an hour; with a token more often. "
            "Any token without rights does."),
          Effect.RESTART, optional=True, secret=True),
)
FIELDS = (*DATABASE, *REDIS_ROWS, *JOBS, *SCANNER)

NAMES = ("host", "port", "db_name", "username", "password", "ssl_mode")
BLOCKS = (
    Block(
        "external_database", "database", _("A PostgreSQL of your own"),
        _("Instead of the one that comes with Harbor. Switched once Harbor has run, Harbor starts empty: "
          "its data stay in the other one."),
        Effect.NEVER, needs=tuple(f"harbor.{name}" for name in NAMES),
    ),
    Block(
        "redis", "redis", _("Numbers of the Redis databases"),
        _("For the Redis that comes with Harbor. Only where some of them have to be kept apart."),
    ),
    Block(
        "external_redis", "redis", _("A Redis of your own"),
        _("Instead of the one that comes with Harbor: one server, or several behind Sentinel."), needs=("host",),
    ),
    Block("external_redis.tlsOptions", "redis", _("TLS to Redis"),
          _("For a Redis that is reached over a network you do not own."),
          needs=("enable", "rootCA"), since="2.13"),
)
# fmt: on
