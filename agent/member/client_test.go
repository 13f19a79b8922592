package member

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"poolcert/agent/pace"
	"poolcert/internal/nodeapi"
)

// A service that is busy says for how long, and a retry heeds it.
func TestRetryAfterOfTheService(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"600": 10 * time.Minute,
		time.Now().Add(10 * time.Minute).UTC().Format(http.TimeFormat): 10*time.Minute - 5*time.Second,
		"":                              0,
		"0":                             0,
		"-5":                            0,
		"99999999999999999999":          0,
		"soon":                          0,
		"Thu, 01 Jan 1970 00:00:00 GMT": 0,
	} {
		response := &http.Response{StatusCode: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {header}}}
		err := error(newRefusedError(response, []byte(`{"code": "busy", "message": "busy"}`)))
		if !nodeapi.Refused(err, nodeapi.CodeBusy) || err.Error() != "busy" {
			t.Errorf("%q: error %v", header, err)
		}
		var r pace.Retry
		if wait := r.Next(err); wait < want || want == 0 && wait > time.Second || want > 0 && wait > want*3/2+10*time.Second {
			t.Errorf("%q: the next try is in %v, want %v and jitter", header, wait, want)
		}
	}
	// Something in between, which knows nothing of codes.
	err := newRefusedError(&http.Response{StatusCode: http.StatusBadGateway}, []byte("<html>"))
	var refused *nodeapi.Error
	if !errors.As(err, &refused) || refused.Code != "" || err.Error() != "the server answered 502 Bad Gateway" {
		t.Errorf("error %v", err)
	}
}
