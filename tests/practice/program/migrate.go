package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

var accepted = []string{"2.13.0", "2.14.0", "2.15.0", "2.16.0"}

// What this version's template has, in its order; `from` is the name a key had before.
var migrated = []struct{ key, from, otherwise string }{
	{"hostname", "", ""},
	{"http.port", "", "80"},
	{"https.port", "", ""},
	{"https.certificate", "", ""},
	{"https.private_key", "", ""},
	{"external_url", "", ""},
	{"harbor_admin_password", "", "Harbor12345"},
	{"database.password", "", ""},
	{"data_volume", "", "/data"},
	{"jobservice.max_job_workers", "jobservice.workers", "10"},
	{"log.level", "", "info"},
}

// migrate renders harbor.yml anew in the manner of Harbor's own: values without quotes, no comment, no unknown key.
func migrate(arguments []string) int {
	given := map[string]string{}
	for i := 0; i+1 < len(arguments); i += 2 {
		given[arguments[i]] = arguments[i+1]
	}
	target := given["-t"]
	if !contains(accepted, target) {
		fmt.Printf("target version %s not supported\n", target)
		return 255
	}
	input := hostPath(given["-i"])
	text, err := os.ReadFile(input)
	if err != nil {
		return traceback(err.Error())
	}
	wanted := parse(string(text))
	version := wanted["_version"]
	if version == "" {
		return traceback("TypeError: expected string or bytes-like object")
	}
	if version < "1.9.0" && !strings.HasPrefix(version, "1.1") {
		fmt.Printf("the version %s not supported, make sure the version in input file above 1.8.0\n", version)
		return 255
	}
	if version == target {
		fmt.Printf("Version of input harbor.yml is identical to target %s, no need to upgrade\n", version)
		return 0
	}
	fmt.Println("migrating to version", target)
	if err := os.WriteFile(hostPath(given["-o"]), []byte(renderMigrated(wanted, target)), 0o644); err != nil {
		return traceback(err.Error())
	}
	fmt.Println("Written new values to", given["-o"])
	return 0
}

func renderMigrated(wanted map[string]string, target string) string {
	out, block := "", ""
	for _, one := range migrated {
		value, there := wanted[one.key]
		if !there && one.from != "" {
			value, there = wanted[one.from]
		}
		if !there {
			value = one.otherwise
		}
		if value == "" {
			continue
		}
		name := one.key
		if above, below, nested := strings.Cut(one.key, "."); nested {
			if above != block {
				out += above + ":\n"
			}
			block, name = above, "  "+below
		}
		out += name + ": " + value + "\n"
	}
	return out + "_version: " + target + "\n"
}

// hostPath is where a path of the host lies in this container when the host is mounted.
func hostPath(path string) string {
	if _, err := os.Stat("/hostfs"); err == nil {
		return filepath.Join("/hostfs", path)
	}
	return path
}

func contains(all []string, one string) bool {
	for _, other := range all {
		if other == one {
			return true
		}
	}
	return false
}
