package main

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"time"
)

// front passes http(s) on to the registry, as nginx and core do in Harbor; with https on, http only redirects.
// A hostname that begins with never-healthy. makes its health check fail for ever.
func front(file string) {
	conf := settings(file)
	target, err := url.Parse(conf["upstream"])
	fatal(err)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.SetXForwarded()
		r.Out.Host = r.In.Host
	}}
	var behind http.Handler = proxy
	if strings.Contains(conf["manners"], "harbor") {
		behind = newCore(conf, proxy)
	}
	ours := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/front" {
			alive(w, conf)
			return
		}
		behind.ServeHTTP(w, r)
	})
	if conf["https"] == "" {
		fatal(http.ListenAndServe(":8080", ours))
	}
	_, err = tls.LoadX509KeyPair("/etc/cert/server.crt", "/etc/cert/server.key")
	fatal(err)
	go func() {
		fatal(http.ListenAndServe(":8080", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/front" {
				alive(w, conf)
				return
			}
			http.Redirect(w, r, conf["https"]+r.URL.RequestURI(), http.StatusPermanentRedirect)
		})))
	}()
	fatal(http.ListenAndServeTLS(":8443", "/etc/cert/server.crt", "/etc/cert/server.key", ours))
}

func alive(w http.ResponseWriter, conf map[string]string) {
	if strings.HasPrefix(conf["hostname"], "never-healthy.") {
		w.WriteHeader(http.StatusInternalServerError)
	}
	fmt.Fprintln(w, conf["hostname"])
}

// settings reads lines of "key value".
func settings(file string) map[string]string {
	conf := map[string]string{}
	text, err := os.ReadFile(file)
	fatal(err)
	for _, line := range strings.Split(string(text), "\n") {
		if key, value, ok := strings.Cut(line, " "); ok {
			conf[key] = value
		}
	}
	return conf
}

// health exits 0 when the address answers below 500.
func health(address string) {
	client := http.Client{Timeout: 3 * time.Second}
	answer, err := client.Get(address)
	fatal(err)
	if answer.StatusCode >= 500 {
		fatal(fmt.Errorf("%s answered %s", address, answer.Status))
	}
}

func fatal(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "[FATAL]", err)
		os.Exit(1)
	}
}
