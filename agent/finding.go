package agent

import "fmt"

// A Finding is what one check found, and what to do about it.
type Finding struct {
	Check  string      `json:"check"` // what was looked at, such as "clock"
	Result CheckResult `json:"result"`
	Detail string      `json:"detail"`
	Do     string      `json:"do,omitempty"` // unless the result is ok
}

// A CheckResult is the result of a check in one word.
type CheckResult string

// The results of checks.
const (
	CheckOK      CheckResult = "ok"
	CheckWarning CheckResult = "warning" // it works, or will when it is needed, but not as it should
	CheckWrong   CheckResult = "wrong"
)

// findings collects what checks found.
type findings []Finding

func (f *findings) ok(check, format string, args ...any) {
	*f = append(*f, Finding{check, CheckOK, fmt.Sprintf(format, args...), ""})
}

func (f *findings) warn(check, do, format string, args ...any) {
	*f = append(*f, Finding{check, CheckWarning, fmt.Sprintf(format, args...), do})
}

func (f *findings) wrong(check, do, format string, args ...any) {
	*f = append(*f, Finding{check, CheckWrong, fmt.Sprintf(format, args...), do})
}

// fail is wrong with an error.
func (f *findings) fail(check, do string, err error) { f.wrong(check, do, "%s", oneLine(err)) }
