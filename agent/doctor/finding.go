package doctor

import (
	"fmt"
	"strings"
)

// A Finding is what one check found, and what to do about it.
type Finding struct {
	Check  string `json:"check"` // what was looked at, such as "clock"
	Result Result `json:"result"`
	Detail string `json:"detail"`
	Do     string `json:"do,omitempty"` // unless the result is ok
}

// A Result is the result of a check in one word.
type Result string

// The results of checks.
const (
	OK      Result = "ok"
	Warning Result = "warning" // it works, or will when it is needed, but not as it should
	Wrong   Result = "wrong"
)

// findings collects what checks found.
type findings []Finding

func (f *findings) ok(check, format string, args ...any) {
	*f = append(*f, Finding{check, OK, fmt.Sprintf(format, args...), ""})
}

func (f *findings) warn(check, do, format string, args ...any) {
	*f = append(*f, Finding{check, Warning, fmt.Sprintf(format, args...), do})
}

func (f *findings) wrong(check, do, format string, args ...any) {
	*f = append(*f, Finding{check, Wrong, fmt.Sprintf(format, args...), do})
}

// fail is wrong with an error.
func (f *findings) fail(check, do string, err error) { f.wrong(check, do, "%s", oneLine(err)) }

// oneLine is the text of an error that may be joined of several.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
