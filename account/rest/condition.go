package rest

import (
	"net/http"
	"time"

	"poolcert/account"
	"poolcert/batch"
)

// conditions reads the If-* headers. Together may stand only the two that a
// cache sends, or the two that a writer sends.
func conditions(h http.Header) (cond account.Conditions, err error) {
	cond.IfMatch, cond.IfNoneMatch = h.Get("If-Match"), h.Get("If-None-Match")
	if cond.IfModifiedSince, err = headerTime(h, "If-Modified-Since"); err != nil {
		return cond, err
	}
	if cond.IfUnmodifiedSince, err = headerTime(h, "If-Unmodified-Since"); err != nil {
		return cond, err
	}
	cache := cond.IfNoneMatch != "" || !cond.IfModifiedSince.IsZero()
	writer := cond.IfMatch != "" || !cond.IfUnmodifiedSince.IsZero()
	if cache && writer {
		return cond, batch.NewError(batch.CodeMultipleConditionHeaders, "Multiple condition headers are not supported.")
	}
	return cond, nil
}

func headerTime(h http.Header, name string) (time.Time, error) {
	value := h.Get(name)
	if value == "" {
		return time.Time{}, nil
	}
	t, err := http.ParseTime(value)
	if err != nil {
		t, err = time.Parse(time.RFC1123, value) // Go clients write UTC for GMT
	}
	if zone, _ := t.Zone(); err != nil || zone != "UTC" && zone != "GMT" {
		return t, batch.NewError(batch.CodeInvalidHeaderValue, "The value provided for one of the HTTP headers was not in the correct format.",
			"HeaderName", name, "HeaderValue", clip(value, 80))
	}
	return t.UTC(), nil
}
