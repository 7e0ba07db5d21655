"""What clients really say, by the message it is: `(key, words)`.

Most were said by the programs of this machine to servers that were wrong on purpose (docker 28.2 with engine 20.10,
skopeo 1.9, podman 4.3, ctr 1.6, cosign 2.5 and 3.1) or are in the recordings of a real Harbor 2.15; the rest are
wordings of other versions as their source or their users' reports have them.
"""

HTML = "<html>\\r\\n<head><title>413 Request Entity Too Large</title></head>"
SKOPEO = 'time="2026-11-28T17:35:09Z" level=fatal msg="Error parsing image name \\"docker://harbor.lab.example/team/app:1.0\\": '
PING = SKOPEO + 'pinging container registry harbor.lab.example: Get \\"https://harbor.lab.example/v2/\\": '
DAEMON = 'Error response from daemon: Get "https://harbor.lab.example/v2/": '
CRI = (
    'Failed to pull image "harbor.lab.example/team/app:1.0": rpc error: code = Unknown desc = failed to pull and unpack '
    'image "harbor.lab.example/team/app:1.0": failed to resolve reference "harbor.lab.example/team/app:1.0": '
)

SAID: tuple[tuple[str, str], ...] = (
    ("x509-unknown-authority", PING + 'x509: certificate signed by unknown authority"'),
    ("x509-unknown-authority", DAEMON + "tls: failed to verify certificate: x509: certificate signed by unknown authority"),
    ("x509-unknown-authority",
     CRI + 'failed to do request: Head "https://harbor.lab.example/v2/team/app/manifests/1.0": x509: certificate signed by '
     'unknown authority (possibly because of "crypto/rsa: verification error" while trying to verify candidate authority '
     'certificate "harbor-ca")'),
    ("x509-unknown-authority", DAEMON + "x509: “harbor.lab.example” certificate is not trusted"),
    ("x509-unknown-authority", "curl: (60) SSL certificate problem: unable to get local issuer certificate"),
    ("x509-name", PING + 'x509: certificate is valid for 10.1.2.3, not 127.0.0.1"'),
    ("x509-name", DAEMON + "x509: certificate is valid for harbor, localhost, not harbor.lab.example"),
    ("x509-name", DAEMON + "x509: cannot validate certificate for 10.0.0.5 because it doesn't contain any IP SANs"),
    ("x509-name", DAEMON + "x509: certificate is not valid for any names, but wanted to match harbor.lab.example"),
    ("x509-expired", PING + "x509: certificate has expired or is not yet valid: current time 2026-11-28T17:35:09Z is after "
     '2026-11-28T16:35:09Z"'),
    ("x509-expired", DAEMON + "x509: certificate has expired or is not yet valid"),
    ("x509-early", PING + "x509: certificate has expired or is not yet valid: current time 2026-11-28T17:35:13Z is before "
     '2026-11-28T22:35:13Z"'),
    ("x509-common-name", DAEMON + "x509: certificate relies on legacy Common Name field, use SANs instead"),
    ("x509-common-name", DAEMON + "x509: certificate relies on legacy Common Name field, use SANs or temporarily enable "
     "Common Name matching with GODEBUG=x509ignoreCN=0"),
    ("http-to-https-client", DAEMON + "http: server gave HTTP response to HTTPS client"),
    ("http-to-https-client", CRI + 'failed to do request: Head "https://10.0.0.5/v2/team/app/manifests/1.0": http: server '
     "gave HTTP response to HTTPS client"),
    ("https-port-asked-by-http", "error parsing HTTP 400 response body: Client sent an HTTP request to an HTTPS server."),
    ("https-port-asked-by-http", "<center>The plain HTTP request was sent to HTTPS port</center>"),
    ("not-tls", PING + 'tls: first record does not look like a TLS handshake"'),
    ("not-tls", 'Error response from daemon: Get "http://10.0.0.5:22/v2/": net/http: HTTP/1.x transport connection broken: '
     'malformed HTTP response "SSH-2.0-OpenSSH_9"'),
    ("tls-handshake-timeout", DAEMON + "net/http: TLS handshake timeout"),
    ("tls-alert", DAEMON + "remote error: tls: unrecognized name"),
    ("tls-alert", DAEMON + "remote error: tls: handshake failure"),
    ("realm-scheme", 'Error: invalid realm in www-authenticate: realm scheme "http" not allowed for a secure registry; use '
     "https"),
    ("realm-host", 'error during command execution: invalid realm in www-authenticate: realm host "10.0.0.5" is a private '
     "or link-local address"),
    ("no-such-host", DAEMON + "dial tcp: lookup harbor.lab.example on 10.0.0.1:53: no such host"),
    ("no-such-host", "curl: (6) Could not resolve host: harbor.lab.example"),
    ("dns-fails", DAEMON + "dial tcp: lookup harbor.lab.example on 127.0.0.53:53: server misbehaving"),
    ("dns-fails", DAEMON + "dial tcp: lookup harbor.lab.example on 10.0.0.1:53: read udp 10.0.0.7:41234->10.0.0.1:53: i/o "
     "timeout"),
    ("dns-fails", "Temporary failure in name resolution"),
    ("proxyconnect", DAEMON + "proxyconnect tcp: dial tcp 10.0.0.9:3128: connect: connection refused"),
    ("proxyconnect", DAEMON + "Proxy Authentication Required"),
    ("connection-refused", DAEMON + "dial tcp 10.0.0.5:443: connect: connection refused"),
    ("connection-refused", "dial tcp [::1]:443: connect: connection refused"),
    ("no-route", DAEMON + "dial tcp 192.0.2.77:5000: connect: no route to host"),
    ("no-route", "dial tcp [2001:db8::5]:443: connect: network is unreachable"),
    ("io-timeout", DAEMON + "dial tcp 203.0.113.5:443: i/o timeout"),
    ("io-timeout", "dial tcp 203.0.113.5:443: connect: connection timed out"),
    ("request-canceled", DAEMON + "net/http: request canceled while waiting for connection (Client.Timeout exceeded while "
     "awaiting headers)"),
    ("request-canceled", DAEMON + "net/http: request canceled (Client.Timeout exceeded while awaiting headers)"),
    ("request-canceled", DAEMON + "context deadline exceeded"),
    ("connection-reset", "read tcp 10.0.0.7:51234->10.0.0.5:443: read: connection reset by peer"),
    ("connection-reset", "write tcp 10.0.0.7:51234->10.0.0.5:443: write: broken pipe"),
    ("eof", 'level=fatal msg="writing blob: Patch \\"http://10.0.0.5/up\\": EOF"'),
    ("eof", "error pulling image configuration: unexpected EOF"),
    ("http2", "failed to copy: httpReadSeeker: failed open: stream error: stream ID 7; INTERNAL_ERROR; received from peer"),
    ("http2", "http2: server sent GOAWAY and closed the connection; LastStreamID=1999, ErrCode=NO_ERROR"),
    ("413", f'error parsing HTTP 413 response body: invalid character \'<\' looking for beginning of value: "{HTML}"'),
    ("413", f'level=fatal msg="writing blob: uploading layer chunked: StatusCode: 413, {HTML[:40]}..."'),
    ("413", "unexpected status from PATCH request to https://harbor.lab.example/v2/team/app/blobs/uploads/1: 413 Request "
     "Entity Too Large"),
    ("413", "failed to push: response status code 413: Payload Too Large"),
    ("html", "Error response from daemon: error unmarshalling content: invalid character '<' looking for beginning of value"),
    ("html", "Error parsing manifest for image: invalid character '<' looking for beginning of value"),
    ("404-no-registry", SKOPEO + "pinging container registry harbor.lab.example: invalid status code from registry 404 (Not "
     'Found)"'),
    ("404-no-registry", "Error response from daemon: error parsing HTTP 404 response body: invalid character 'p' after "
     'top-level value: "404 page not found\\n"'),
    ("404-no-registry", "Error response from daemon: login attempt to http://10.0.0.5/v2/ failed with status: 404 Not Found"),
    ("502", "Error response from daemon: received unexpected HTTP status: 502 Bad Gateway"),
    ("502", SKOPEO + 'pinging container registry 10.0.0.5: invalid status code from registry 502 (Bad Gateway)"'),
    ("502", "GET http://10.0.0.5/v2/: unexpected status code 502 Bad Gateway: <html>bad gateway</html>"),
    ("502", "Error response from daemon: login attempt to http://10.0.0.5/v2/ failed with status: 502 Bad Gateway"),
    ("503", "received unexpected HTTP status: 503 Service Unavailable"),
    ("504", "received unexpected HTTP status: 504 Gateway Time-out"),
    ("504", "failed commit on ref: unexpected status from PUT request to https://h/v2/a/b/blobs/uploads/1: 504 Gateway "
     "Timeout"),
    ("redirect", "received unexpected HTTP status: 308 Permanent Redirect"),
    ("redirect", 'Get "https://harbor.lab.example/v2/": stopped after 10 redirects'),
    ("500", "Error response from daemon: received unexpected HTTP status: 500 Internal Server Error"),
    ("500", "unknown: internal server error"),
    ("405", "received unexpected HTTP status: 405 Method Not Allowed"),
    ("403", CRI + "unexpected status from HEAD request to https://harbor.lab.example/v2/team/app/manifests/1.0: 403 Forbidden"),
    ("blob-unknown", "unknown blob"),
    ("blob-unknown", "manifest blob unknown: blob unknown to registry"),
    ("blob-upload-unknown", 'msg="writing blob: uploading layer chunked: blob upload unknown: blob upload unknown to registry"'),
    ("blob-upload-invalid", "blob upload invalid"),
    ("blob-upload-invalid", "digest invalid: provided digest did not match uploaded content"),
    ("accept-lost", "Error response from daemon: manifest for h/library/arm:1.0 not found: manifest unknown: OCI manifest "
     "found, but accept header does not support OCI manifests"),
    ("wrong-password", DAEMON + "unauthorized: authentication required"),
    ("wrong-password", "Error response from daemon: login attempt to https://h/v2/ failed with status: 401 Unauthorized"),
    ("wrong-password", 'Error: logging into "harbor.lab.example": invalid username/password'),
    ("wrong-password", "Error response from daemon: Get https://h/v2/: unauthorized: incorrect username or password"),
    ("wrong-password", "Error response from registry: unauthorized: authentication required"),
    ("robot-name-eaten", "$ docker login -u robot+ci --password-stdin harbor.lab.example"),
    ("robot-name-eaten", '$ docker login --username "robot$team+ci" --password-stdin harbor.lab.example'),
    ("robot-name-eaten", "$ podman login -u robot$team+ci harbor.lab.example"),
    ("robot-or-user-may-not", "unauthorized: unauthorized to access repository: library/app, action: push: unauthorized to "
     "access repository: library/app, action: push"),
    ("robot-or-user-may-not", 'msg="writing blob: initiating layer upload to /v2/library/app/blobs/uploads/ in h: '
     "unauthorized: unauthorized to access repository: library/app, action: push: unauthorized to access repository: "
     'library/app, action: push"'),
    ("robot-or-user-may-not", "Error: GET http://h/v2/demo/x/manifests/sha256-0.sig: UNAUTHORIZED: unauthorized to access "
     "repository: demo/x, action: pull: unauthorized to access repository: demo/x, action: pull"),
    ("no-host-in-name", "Error response from daemon: pull access denied for team/app, repository does not exist or may "
     "require 'docker login': denied: requested access to the resource is denied"),
    ("no-host-in-name", "The push refers to repository [docker.io/team/app]"),
    ("denied", "denied: requested access to the resource is denied"),
    ("insufficient-scope", CRI + "pull access denied, repository does not exist or may require authorization: server "
     "message: insufficient_scope: authorization failed"),
    ("no-basic-auth", "no basic auth credentials"),
    ("authentication-required", "unauthorized: authentication required"),
    ("token-fetch", CRI + "failed to authorize: failed to fetch anonymous token: unexpected status from GET request to "
     "https://h/service/token?scope=repository%3Ateam%2Fapp%3Apull&service=harbor-registry: 401 Unauthorized"),
    ("token-fetch", "failed to fetch oauth token: unexpected status: 401 Unauthorized"),
    ("token-fetch", "unable to retrieve auth token: invalid token service"),
    ("helper-missing", 'Error saving credentials: error storing credentials - err: exec: "docker-credential-desktop": '
     "executable file not found in $PATH, out: ``"),
    ("helper-missing", 'Error: error getting credentials - err: exec: "docker-credential-desktop.exe": executable file not '
     "found in $PATH, out: ``"),
    ("helper-fails", "Error saving credentials: error storing credentials - err: exit status 1, out: `error storing "
     "credentials - err: exit status 1, out: `Cannot autolaunch D-Bus without X11 $DISPLAY``"),
    ("helper-fails", "pass not initialized: exit status 1: Error: password store is empty. Try \"pass init\"."),
    ("token-clock", "unauthorized: token not valid yet"),
    ("token-clock", "failed to verify token: token used before issued"),
    ("token-expired", "unauthorized: token is expired"),
    ("rate-limit", "Error response from daemon: toomanyrequests: You have reached your pull rate limit. You may increase the "
     "limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit"),
    ("rate-limit", "toomanyrequests: You have reached your unauthenticated pull rate limit."),
    ("rate-limit", CRI + "unexpected status from HEAD request to https://h/v2/hub/x/manifests/1: 429 Too Many Requests"),
    ("quota", "denied: adding 2.1 MiB of storage resource, which when updated to current usage of 8.3 MiB will exceed the "
     "configured upper limit of 10.0 MiB."),
    ("quota", "subtracting 0 B of storage resource, which when updated to current usage of 5.6 KiB will exceed the "
     "configured upper limit of 1000 B."),
    ("immutable", "unknown: Failed to process request due to 'app:rel-1' configured as immutable."),
    ("immutable", "the tag rel-1 configured as immutable, cannot be deleted"),
    ("read-only", "denied: The system is in read only mode. Any modification is prohibited."),
    ("proxy-project", "denied: can not push artifact to a proxy project: pcache"),
    ("content-trust", "Error response from daemon: unknown: The image is not signed by cosign."),
    ("content-trust", "Error: GET http://h/v2/t/u/manifests/v1: PROJECTPOLICYVIOLATION: The image is not signed by cosign."),
    ("content-trust", "unknown: The image is not signed in Notary."),
    ("vulnerabilities", "Error response from daemon: unknown: current image with 4 vulnerabilities cannot be pulled due to "
     "configured policy in 'Prevent images with vulnerability severity of \"Critical\" or higher from running.' To continue "
     "with pull, please contact your project administrator to exempt matched vulnerabilities through configuring the CVE "
     "allowlist."),
    ("vulnerabilities", 'unknown: current image with "Pending" status of vulnerability scanning cannot be pulled due to '
     "configured policy in 'Prevent images with vulnerability severity of \"Critical\" or higher from running.'"),
    ("412", CRI + "unexpected status from HEAD request to https://h/v2/t/u/manifests/1: 412 Precondition Failed"),
    ("project-missing", "unauthorized: project nosuch not found: project nosuch not found"),
    ("name-unknown", "unknown: repository library/none not found"),
    ("name-unknown", "name unknown: repository name not known to registry"),
    ("manifest-unknown", "Error response from daemon: unknown: artifact library/app:9 not found"),
    ("manifest-unknown", "Error response from daemon: manifest for h/library/app:9 not found: manifest unknown: manifest "
     "unknown"),
    ("manifest-unknown", "MANIFEST_UNKNOWN: manifest unknown"),
    ("manifest-unknown", 'ctr: failed to resolve reference "h/library/app:9": h/library/app:9: not found'),
    ("manifest-unknown", "Error response from registry: h/team/none:1: not found"),
    ("no-space-registry", "unknown: write /storage/docker/registry/v2/repositories/team/app/_uploads/1/data: no space left "
     "on device"),
    ("no-space", "failed to register layer: write /usr/lib/x: no space left on device"),
    ("no-platform", "no matching manifest for linux/arm64/v8 in the manifest list entries"),
    ("no-platform", "no match for platform in manifest: not found"),
    ("no-platform", 'choosing image instance: no image found in manifest list for architecture arm64, variant "v8", OS linux'),
    ("no-platform", "image with reference h/a/b:1 was found but does not match the specified platform: wanted linux/arm64, "
     "actual: linux/amd64"),
    ("no-platform", "exec /app: exec format error"),
    ("schema-1", "unsupported media type application/vnd.docker.distribution.manifest.v1+prettyjws"),
    ("schema-1", "[DEPRECATION NOTICE] Docker Image Format v1 and Docker Image manifest version 2, schema 1 support is no "
     "longer supported"),
    ("media-type", "manifest invalid: manifest invalid"),
    ("invalid-reference", "invalid reference format: repository name (Team/App) must be lowercase"),
    ("invalid-reference", "Error: InvalidImageName"),
    ("no-matching-signatures", "error during command execution: no matching signatures: ecdsa: Invalid IEEE_P1363 encoded "
     "bytes"),
    ("no-matching-attestations", "Error: no matching attestations: failed to verify signature: could not verify envelope: "
     "accepted signatures do not match threshold, Found: 0, Expected 1"),
    ("no-signatures", "error during command execution: no signatures found"),
    ("signature-push-denied", "Error: signing [h/demo/x@sha256:9d64]: signing digest: POST http://h/v2/demo/x/blobs/uploads/: "
     "UNAUTHORIZED: unauthorized to access repository: demo/x, action: push: unauthorized to access repository: demo/x, "
     "action: push"),
    ("cosign-tuf", "Error: error getting signing config from TUF: error getting signing config from TUF: failed to load "
     'metadata: tuf refresh failed: Get "https://tuf-repo-cdn.sigstore.dev/15.root.json": dial tcp: lookup '
     "tuf-repo-cdn.sigstore.dev on 10.0.0.1:53: no such host"),
    ("cosign-signing-config", "Error: must provide --new-bundle-format or --bundle where applicable with --signing-config or "
     "--use-signing-config"),
    ("cosign-password", "error during command execution: signing [h/a/b@sha256:1]: getting signer: reading key: decrypt: "
     "encrypted: decryption failed"),
    ("pull-secret-missing", "Warning  FailedToRetrieveImagePullSecret  3s  kubelet  Unable to retrieve some image pull "
     "secrets (harbor-pull); attempting to pull the image may not succeed."),
    ("image-pull-backoff", 'Normal  BackOff  8s (x3 over 48s)  kubelet  Back-off pulling image "h/team/app:1.0"'),
    ("image-pull-backoff", "app-5d8  0/1  ImagePullBackOff  0  2m"),
    ("err-image-pull", "Warning  Failed  8s  kubelet  Error: ErrImagePull"),
    ("login-pipe", "Error: Cannot perform an interactive login from a non TTY device"),
    ("mirror-path", 'invalid mirror: path, query, or fragment at end of the URI "https://harbor.example/dockerhub"'),
)  # fmt: skip
