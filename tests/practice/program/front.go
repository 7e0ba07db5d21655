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

// front passes http(s) on to the registry, as nginx does in Harbor; with https on, http only redirects.
func front(file string) {
	conf := map[string]string{}
	text, err := os.ReadFile(file)
	fatal(err)
	for _, line := range strings.Split(string(text), "\n") {
		if key, value, ok := strings.Cut(line, " "); ok {
			conf[key] = value
		}
	}
	target, err := url.Parse(conf["upstream"])
	fatal(err)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.SetXForwarded()
		r.Out.Host = r.In.Host
	}}
	ours := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/front" {
			fmt.Fprintln(w, conf["hostname"])
			return
		}
		proxy.ServeHTTP(w, r)
	})
	if conf["https"] == "" {
		fatal(http.ListenAndServe(":8080", ours))
	}
	_, err = tls.LoadX509KeyPair("/etc/cert/server.crt", "/etc/cert/server.key")
	fatal(err)
	go func() {
		fatal(http.ListenAndServe(":8080", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/front" {
				fmt.Fprintln(w, conf["hostname"])
				return
			}
			http.Redirect(w, r, conf["https"]+r.URL.RequestURI(), http.StatusPermanentRedirect)
		})))
	}()
	fatal(http.ListenAndServeTLS(":8443", "/etc/cert/server.crt", "/etc/cert/server.key", ours))
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
