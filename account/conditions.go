package account

import (
	"time"

	"poolcert/batch"
)

// Conditions are the conditional headers of a request on a pool, as sent (an
// entity tag with or without quotes, or *). The zero value always holds. Which
// of them may come together is for the caller to check.
type Conditions struct {
	IfMatch, IfNoneMatch               string    // may be a comma-separated list
	IfModifiedSince, IfUnmodifiedSince time.Time // zero: not sent
}

// Check returns nil when the conditions hold for p, else the refusal
// ConditionNotMet with status 412. A reader that sent IfNoneMatch or
// IfModifiedSince is answered 304 instead.
func (c Conditions) Check(p *batch.Pool) error { panic("unfinished") }
