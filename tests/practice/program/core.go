package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"
)

// core has Harbor's manners in front of the registry: health by component, tokens, one administrator whose first
// password counts, and a credential for the registry that is read at start and compared on every request, so that a
// prepare without an up makes pulls fail with 401 while health stays green.
type core struct {
	conf       map[string]string
	proxy      *httputil.ReverseProxy
	began      time.Time
	key        []byte
	password   string
	credential string
	lock       sync.Mutex
	pushed     map[string]map[string]bool
}

const service = "harbor-registry"

var repositoryPath = regexp.MustCompile(`^/v2/(.+?)/(?:manifests|blobs|tags|referrers)/`)
var manifestPath = regexp.MustCompile(`^/v2/(.+?)/manifests/(sha256:[0-9a-f]{64})$`)

func newCore(conf map[string]string, proxy *httputil.ReverseProxy) *core {
	env := variables("/etc/core/env")
	made := &core{conf: conf, proxy: proxy, began: time.Now(), key: make([]byte, 32), pushed: map[string]map[string]bool{}}
	rand.Read(made.key)
	made.credential = env["REGISTRY_CREDENTIAL_PASSWORD"]
	first, err := os.ReadFile("/database/admin")
	if err != nil {
		first = []byte(env["HARBOR_ADMIN_PASSWORD"])
		fatal(os.WriteFile("/database/admin", first, 0o600))
	}
	made.password = string(first)
	return made
}

// variables reads lines of NAME=value.
func variables(file string) map[string]string {
	found := map[string]string{}
	text, err := os.ReadFile(file)
	fatal(err)
	for _, line := range strings.Split(string(text), "\n") {
		if key, value, ok := strings.Cut(line, "="); ok {
			found[key] = value
		}
	}
	return found
}

func (c *core) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if time.Since(c.began) < 300*time.Millisecond {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusBadGateway)
		fmt.Fprint(w, "<html><head><title>502 Bad Gateway</title></head></html>")
		return
	}
	path := r.URL.Path
	switch {
	case path == "/api/v2.0/health":
		c.health(w)
	case path == "/service/token":
		c.token(w, r)
	case path == "/api/v2.0/users/current":
		if !c.admin(r) {
			refuse(w, http.StatusUnauthorized, "UNAUTHORIZED")
			return
		}
		send(w, map[string]any{"username": "admin", "sysadmin_flag": true})
	case path == "/api/v2.0/projects":
		send(w, []map[string]any{{"name": "library", "registry_id": nil, "metadata": map[string]string{"public": "true"}}})
	case strings.HasPrefix(path, "/api/v2.0/projects/library/repositories/") && r.Method == http.MethodDelete:
		c.remove(w, r, "library/"+strings.TrimPrefix(path, "/api/v2.0/projects/library/repositories/"))
	case strings.HasPrefix(path, "/v2/"):
		c.registry(w, r)
	default:
		refuse(w, http.StatusNotFound, "NOT_FOUND")
	}
}

func (c *core) health(w http.ResponseWriter) {
	status := "healthy"
	if strings.HasPrefix(c.conf["hostname"], "half-healthy.") {
		status = "unhealthy"
	}
	components := []map[string]string{{"name": "core", "status": "healthy"}, {"name": "jobservice", "status": status}}
	send(w, map[string]any{"status": status, "components": components})
}

func (c *core) admin(r *http.Request) bool {
	user, password, ok := r.BasicAuth()
	return ok && user == "admin" && password == c.password
}

// token is given to anybody; only the administrator's lets push. Wrong credentials count as none, as in Harbor.
func (c *core) token(w http.ResponseWriter, r *http.Request) {
	who := "nobody"
	if c.admin(r) {
		who = "admin"
	}
	text := base64.RawURLEncoding.EncodeToString([]byte(fmt.Sprintf("%s %d", who, time.Now().Add(time.Hour).Unix())))
	send(w, map[string]any{"token": text + "." + c.sign(text), "expires_in": 1800})
}

func (c *core) sign(text string) string {
	mac := hmac.New(sha256.New, c.key)
	mac.Write([]byte(text))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func (c *core) who(r *http.Request) string {
	if c.admin(r) {
		return "admin"
	}
	text, mac, ok := strings.Cut(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), ".")
	if !ok || !hmac.Equal([]byte(mac), []byte(c.sign(text))) {
		return ""
	}
	plain, _ := base64.RawURLEncoding.DecodeString(text)
	name, _, _ := strings.Cut(string(plain), " ")
	return name
}

func (c *core) registry(w http.ResponseWriter, r *http.Request) {
	who := c.who(r)
	writes := r.Method != http.MethodGet && r.Method != http.MethodHead
	found := repositoryPath.FindStringSubmatch(r.URL.Path)
	stale := c.credential != variables("/etc/registry/passwd")["harbor_registry_user"]
	if who == "" || writes && who != "admin" || stale || writes && strings.HasPrefix(c.conf["hostname"], "no-push.") {
		c.challenge(w, r, found, writes)
		return
	}
	if pushed := manifestPath.FindStringSubmatch(r.URL.Path); pushed != nil && r.Method == http.MethodPut {
		c.lock.Lock()
		if c.pushed[pushed[1]] == nil {
			c.pushed[pushed[1]] = map[string]bool{}
		}
		c.pushed[pushed[1]][pushed[2]] = true
		c.lock.Unlock()
	}
	c.proxy.ServeHTTP(w, r)
}

func (c *core) challenge(w http.ResponseWriter, r *http.Request, found []string, writes bool) {
	if r.Header.Get("Authorization") != "" {
		w.Header().Set("Www-Authenticate", `Basic realm="harbor"`)
		refuse(w, http.StatusUnauthorized, "UNAUTHORIZED")
		return
	}
	scheme := "http"
	if outside, err := url.Parse(c.conf["external"]); err == nil && outside.Scheme != "" {
		scheme = outside.Scheme
	}
	realm := fmt.Sprintf(`Bearer realm="%s://%s/service/token",service="%s"`, scheme, r.Host, service)
	if found != nil {
		action := "pull"
		if writes {
			action = "pull,push"
		}
		realm += fmt.Sprintf(`,scope="repository:%s:%s"`, found[1], action)
	}
	w.Header().Set("Www-Authenticate", realm)
	refuse(w, http.StatusUnauthorized, "UNAUTHORIZED")
}

// remove deletes every manifest that was pushed to a repository by digest.
func (c *core) remove(w http.ResponseWriter, r *http.Request, repository string) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if !c.admin(r) {
		refuse(w, http.StatusUnauthorized, "UNAUTHORIZED")
		return
	}
	if c.pushed[repository] == nil {
		refuse(w, http.StatusNotFound, "NOT_FOUND")
		return
	}
	for digest := range c.pushed[repository] {
		request, _ := http.NewRequest(http.MethodDelete, c.conf["upstream"]+"/v2/"+repository+"/manifests/"+digest, nil)
		if answer, err := http.DefaultClient.Do(request); err == nil {
			answer.Body.Close()
		}
	}
	delete(c.pushed, repository)
}

func send(w http.ResponseWriter, content any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(content)
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"errors":[{"code":"%s","message":"%s"}]}`, code, strings.ToLower(code))
}
