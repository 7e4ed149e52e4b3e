// Lines for the job's log. The host keeps 1 KiB of each, and so many a second.

package sluicebox

import "fmt"

const (
	levelDebug = iota
	levelInfo
	levelWarn
	levelError
)

// Debugf writes a line for the author while developing.
func Debugf(format string, args ...any) { writeLog(levelDebug, fmt.Sprintf(format, args...)) }

// Infof writes a line that is worth knowing.
func Infof(format string, args ...any) { writeLog(levelInfo, fmt.Sprintf(format, args...)) }

// Warnf writes a line about something that looks wrong.
func Warnf(format string, args ...any) { writeLog(levelWarn, fmt.Sprintf(format, args...)) }

// Errorf writes a line about something that is wrong.
func Errorf(format string, args ...any) { writeLog(levelError, fmt.Sprintf(format, args...)) }
