package account

import (
	"fmt"
	"strings"
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
func (c Conditions) Check(p *batch.Pool) error {
	modified := p.LastModified.Truncate(time.Second) // the headers have no fractions
	switch {
	case c.IfMatch != "" && !matches(c.IfMatch, p.ETag),
		c.IfNoneMatch != "" && matches(c.IfNoneMatch, p.ETag),
		!c.IfModifiedSince.IsZero() && !modified.After(c.IfModifiedSince),
		!c.IfUnmodifiedSince.IsZero() && modified.After(c.IfUnmodifiedSince):
		return errConditionNotMet
	}
	return nil
}

// matches tells whether etag is in a list of entity tags.
func matches(list, etag string) bool {
	for tag := range strings.SplitSeq(list, ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" || strings.Trim(strings.TrimPrefix(tag, "W/"), `"`) == etag {
			return true
		}
	}
	return false
}

// etag names one state of a pool. The incarnation keeps a restored database from
// using a tag again.
func (s *Service) etag(rev int64) string {
	return "0x" + strings.ToUpper(fmt.Sprintf("%s%X", s.db.Incarnation(), rev))
}
