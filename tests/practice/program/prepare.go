package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const image = "PRACTICE_IMAGE"

// prepare reads /input/harbor.yml and writes /compose_location/docker-compose.yml and /config, with the order of
// things, the exit codes and the messages of Harbor's own prepare: the old configuration goes first.
func prepare(arguments []string) int {
	for _, argument := range arguments {
		if argument != "--with-trivy" {
			fmt.Fprintf(os.Stderr, "Error: No such option: %s\n", argument)
			return 2
		}
	}
	fmt.Println("prepare base dir is set to", os.Getenv("BASE_DIR"))
	empty("/config")
	text, err := os.ReadFile("/input/harbor.yml")
	if err != nil {
		return traceback(err.Error())
	}
	if line := strings.Index("\n"+string(text), "\n\t"); line >= 0 {
		return traceback(fmt.Sprintf("  in \"/input/harbor.yml\", line %d, column 1", 1+strings.Count(string(text[:line]), "\n")))
	}
	wanted := parse(string(text))
	for _, key := range []string{"hostname", "harbor_admin_password", "data_volume"} {
		if _, there := wanted[key]; !there {
			return traceback("KeyError: '" + key + "'")
		}
	}
	if refused := validate(wanted); refused != "" {
		fmt.Println("Error happened in config validation...")
		fmt.Fprintln(os.Stderr, "ERROR:root:"+refused)
		return 255
	}
	if err := write(wanted); err != nil {
		return traceback(err.Error())
	}
	fmt.Println("Clean up the input dir")
	return 0
}

func validate(wanted map[string]string) string {
	if wanted["hostname"] == "127.0.0.1" {
		return "127.0.0.1 can not be the hostname"
	}
	if wanted["hostname"] == "reg.mydomain.com" {
		return "Please specify hostname"
	}
	if _, https := wanted["https"]; https {
		if wanted["https.certificate"] == "" || wanted["https.certificate"] == "/your/certificate/path" {
			return "Error: The protocol is https but attribute ssl_cert is not set"
		}
	}
	return ""
}

func traceback(last string) int {
	fmt.Fprintln(os.Stderr, "Traceback (most recent call last):\n  File \"/usr/src/app/main.py\", line 15, in <module>\n    cli()")
	fmt.Fprintln(os.Stderr, last)
	return 1
}

func empty(folder string) {
	entries, _ := os.ReadDir(folder)
	for _, entry := range entries {
		fmt.Println("Clearing the configuration file:", filepath.Join(folder, entry.Name()))
		os.RemoveAll(filepath.Join(folder, entry.Name()))
	}
}

// write renders every file; with https it deletes the certificate in use before it copies the new one. Secrets rotate
// on every run; the secret key and core's private key stay.
func write(wanted map[string]string) error {
	credential := random()
	config := map[string]string{
		"/config/registry/config.yml": "version: 0.1\nlog:\n  level: info\nstorage:\n  filesystem:\n    rootdirectory: /storage\n  delete:\n    enabled: true\nhttp:\n  addr: :5000\n  relativeurls: true\n  secret: " + random() + "\n",
		"/config/registry/passwd":     "harbor_registry_user=" + credential + "\n",
		"/config/front/front.conf":    "upstream http://registry:5000\nhostname " + wanted["hostname"] + "\nmanners " + os.Getenv("MANNERS") + "\n",
		"/config/core/env": "CORE_SECRET=" + random() + "\nCSRF_KEY=" + random() + "\nREGISTRY_CREDENTIAL_PASSWORD=" + credential +
			"\nHARBOR_ADMIN_PASSWORD=" + wanted["harbor_admin_password"] + "\n",
	}
	ports := fmt.Sprintf("      - %s:8080\n", or(wanted["http.port"], "80"))
	outside := wanted["external_url"]
	if _, https := wanted["https"]; https {
		port := or(wanted["https.port"], "443")
		ports += fmt.Sprintf("      - %s:8443\n", port)
		config["/config/front/front.conf"] += "https https://" + wanted["hostname"] + ":" + port + "\n"
		outside = or(outside, "https://"+wanted["hostname"])
		if err := copyCertificate(wanted); err != nil {
			return err
		}
	}
	config["/config/front/front.conf"] += "external " + outside + "\n"
	for path, text := range config {
		if err := put(path, text, 0o640); err != nil {
			return err
		}
		if !strings.HasSuffix(path, "/env") {
			os.Chown(path, 10000, 10000)
		}
		fmt.Println("Generated configuration file:", path)
	}
	if err := secrets(); err != nil {
		return err
	}
	for _, folder := range []string{"/data/registry", "/data/database"} {
		os.MkdirAll(folder, 0o755)
	}
	compose := strings.NewReplacer("DATA", wanted["data_volume"], "PORTS", ports, "IMAGE", image).Replace(composeFile)
	if err := put("/compose_location/docker-compose.yml", compose, 0o644); err != nil {
		return err
	}
	fmt.Println("Generated configuration file: /compose_location/docker-compose.yml")
	return nil
}

// secrets makes what lasts, once.
func secrets() error {
	for path, mode := range map[string]os.FileMode{"/data/secret/keys/secretkey": 0o600, "/data/secret/core/private_key.pem": 0o600} {
		if _, err := os.Stat(path); err == nil {
			fmt.Println("loaded secret from file:", path)
			continue
		}
		if err := put(path, random(), mode); err != nil {
			return err
		}
		os.Chown(path, 10000, 10000)
		fmt.Println("Generated and saved secret to file:", path)
	}
	return nil
}

func random() string {
	bytes := make([]byte, 16)
	rand.Read(bytes)
	return hex.EncodeToString(bytes)
}

func copyCertificate(wanted map[string]string) error {
	os.RemoveAll("/data/secret/cert")
	for key, name := range map[string]string{"https.certificate": "server.crt", "https.private_key": "server.key"} {
		text, err := os.ReadFile("/hostfs" + wanted[key])
		if err != nil {
			return fmt.Errorf("FileNotFoundError: [Errno 2] No such file or directory: '/hostfs%s'", wanted[key])
		}
		if err := put("/data/secret/cert/"+name, string(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func put(path, text string, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), mode)
}

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

// parse flattens the small part of YAML that a harbor.yml of ours uses: nested maps of plain or quoted scalars.
func parse(text string) map[string]string {
	found := map[string]string{}
	type level struct {
		indent int
		key    string
	}
	var path []level
	for _, line := range strings.Split(text, "\n") {
		trimmed := strings.TrimSpace(line)
		key, value, ok := strings.Cut(trimmed, ":")
		if trimmed == "" || strings.HasPrefix(trimmed, "#") || !ok {
			continue
		}
		indent := len(line) - len(strings.TrimLeft(line, " "))
		for len(path) > 0 && path[len(path)-1].indent >= indent {
			path = path[:len(path)-1]
		}
		path = append(path, level{indent, key})
		names := make([]string, len(path))
		for i, part := range path {
			names[i] = part.key
		}
		found[strings.Join(names, ".")] = scalar(value)
	}
	return found
}

func scalar(value string) string {
	value = strings.TrimSpace(value)
	if len(value) > 1 && (value[0] == '"' || value[0] == '\'') {
		if end := strings.LastIndexByte(value, value[0]); end > 0 {
			return strings.NewReplacer(`\"`, `"`, `\\`, `\`, `''`, `'`).Replace(value[1:end])
		}
	}
	if before, _, ok := strings.Cut(value, " #"); ok {
		value = strings.TrimSpace(before)
	}
	return value
}

const composeFile = `services:
  registry:
    image: IMAGE
    container_name: practice-registry
    restart: always
    stop_grace_period: 2s
    command: ["/registry", "serve", "/etc/registry/config.yml"]
    environment:
      GODEBUG: netdns=go
      OTEL_TRACES_EXPORTER: none
    volumes:
      - DATA/registry:/storage:z
      - ./common/config/registry:/etc/registry:z
    networks: [practice]
    healthcheck:
      test: ["CMD", "/practice", "health", "http://127.0.0.1:5000/"]
      interval: 1s
      timeout: 4s
      retries: 20
  front:
    image: IMAGE
    container_name: practice-front
    restart: always
    stop_grace_period: 2s
    command: ["/practice", "front"]
    volumes:
      - ./common/config/front:/etc/front:z
      - ./common/config/core:/etc/core:z
      - ./common/config/registry:/etc/registry:z
      - DATA/database:/database:z
      - DATA/secret/cert:/etc/cert:z
    networks: [practice]
    ports:
PORTS    depends_on: [registry]
    healthcheck:
      test: ["CMD", "/practice", "health", "http://127.0.0.1:8080/front"]
      interval: 1s
      timeout: 4s
      retries: 20
networks:
  practice:
    external: false
`
