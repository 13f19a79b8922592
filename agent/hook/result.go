package hook

import "time"

// A Result is what came of a hook since the agent's start.
type Result struct {
	Name  string `json:"name"`
	State State  `json:"state"`

	Time     *time.Time `json:"time,omitempty"`     // of the end of the last run; nil: none
	ExitCode *int       `json:"exitCode,omitempty"` // of the last run; nil: it did not end by itself
	Error    string     `json:"error,omitempty"`    // of the last run; empty: it went well
	Output   string     `json:"output,omitempty"`   // of the last run: its end, at most 4 KiB before control characters are escaped
	Attempts int        `json:"attempts,omitempty"` // for the change that fails
	Next     *time.Time `json:"next,omitempty"`     // of the next one

	Runs     int `json:"runs"`     // all
	Failures int `json:"failures"` // of these
}

// A State is the condition of a hook in one word.
type State string

// The states of a hook.
const (
	Idle     State = "idle" // nothing to tell it yet
	Running  State = "running"
	OK       State = "ok"
	Retrying State = "retrying" // the last run failed
	GaveUp   State = "gave-up"  // until the set changes, the agent starts anew, or someone asks
)

func (r *Result) record(a attempt, now time.Time) {
	r.State, r.Time, r.Next, r.Error, r.Output, r.Attempts = OK, &now, nil, "", a.output, 0
	r.Runs++
	r.ExitCode = nil
	if a.exit >= 0 {
		r.ExitCode = &a.exit
	}
	if a.err != nil {
		r.Error = a.err.Error()
		r.Failures++
	}
}
