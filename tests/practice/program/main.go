// The one program of the practice installer: `prepare` in its container, and `front`, `health` beside the registry.
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: practice prepare|migrate|front|health")
		os.Exit(2)
	}
	switch os.Args[1] {
	case "prepare":
		os.Exit(prepare(os.Args[2:]))
	case "migrate":
		os.Exit(migrate(os.Args[2:]))
	case "front":
		front("/etc/front/front.conf")
	case "health":
		health(os.Args[2])
	default:
		os.Exit(2)
	}
}
