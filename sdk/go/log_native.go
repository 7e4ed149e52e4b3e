//go:build !wasip1

// The log where there is no host: standard error, for tests.

package sluicebox

import (
	"fmt"
	"os"
)

func writeLog(level int, message string) {
	fmt.Fprintf(os.Stderr, "%s: %s\n", [...]string{"debug", "info", "warn", "error"}[level], message)
}
