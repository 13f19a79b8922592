package rest

import (
	"errors"
	"net/http"
	"testing"

	"poolcert/batch"
)

func TestConditionsExclude(t *testing.T) {
	const date = "Tue, 29 Jul 2014 21:49:13 GMT"
	for _, test := range []struct {
		header http.Header
		want   batch.ErrorCode
	}{
		{http.Header{}, ""},
		{http.Header{"If-Match": {"0x1"}, "If-Unmodified-Since": {date}}, ""},
		{http.Header{"If-None-Match": {"0x1"}, "If-Modified-Since": {date}}, ""},
		{http.Header{"If-Match": {"0x1"}, "If-None-Match": {"0x1"}}, batch.CodeMultipleConditionHeaders},
		{http.Header{"If-Match": {"0x1"}, "If-Modified-Since": {date}}, batch.CodeMultipleConditionHeaders},
		{http.Header{"If-Unmodified-Since": {"Tue, 29 Jul 2014 21:49:13 UTC"}}, ""}, // Go clients write it so
		{http.Header{"If-Unmodified-Since": {"Tue, 29 Jul 2014 21:49:13 EST"}}, batch.CodeInvalidHeaderValue},
		{http.Header{"If-Modified-Since": {"yesterday"}}, batch.CodeInvalidHeaderValue},
	} {
		_, err := conditions(test.header)
		var refusal *batch.Error
		errors.As(err, &refusal)
		if refusal == nil && test.want != "" || refusal != nil && refusal.Code != test.want {
			t.Errorf("%v: got %v, want %q", test.header, err, test.want)
		}
	}
}
