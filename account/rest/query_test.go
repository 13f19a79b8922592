package rest

import (
	"errors"
	"testing"

	"poolcert/batch"
)

func TestParseParams(t *testing.T) {
	const v = "api-version=2020-09-01.12.0"
	for _, test := range []struct {
		query string
		want  string // error code, or empty
	}{
		{v, ""},
		{"API-Version=2020-09-01.12.0&TimeOut=30", ""},
		{v + "&timeout=3000", ""},
		{v + "&maxresults=1000&%24filter=state+eq+%27active%27&$select=thumbprint%2Cstate", ""},
		{v + "&client-request-id=x&ocp-date=y&return-client-request-id=true", ""},
		{v + "&" + v, ""}, // a client adds it to a nextLink once more
		{"", "MissingRequiredQueryParameter"},
		{"api-version=2030-01-01.1.0", "UnsupportedRequestVersion"},
		{v + "&timeout=0", "OutOfRangeQueryParameterValue"},
		{v + "&timeout=x", "InvalidQueryParameterValue"},
		{v + "&timeout=99999999999", "OutOfRangeQueryParameterValue"},
		{v + "&maxresults=0", "OutOfRangeQueryParameterValue"},
		{v + "&maxresults=1001", "OutOfRangeQueryParameterValue"},
		{v + "&maxresults=1.5", "InvalidQueryParameterValue"},
		{v + "&maxresults=1&maxresults=2", "InvalidQueryParameterValue"},
		{v + "&maxresults=1&MaxResults=1", "InvalidQueryParameterValue"},
		{v + "&colour=red", "UnsupportedQueryParameter"},
		{v + "&$expand=stats", "UnsupportedQueryParameter"},
		{v + "&%zz", "InvalidUri"},
	} {
		_, err := parseParams(test.query, listParams)
		var refusal *batch.Error
		got := ""
		if errors.As(err, &refusal) {
			got = string(refusal.Code)
		}
		if got != test.want {
			t.Errorf("%q: got %q (%v), want %q", test.query, got, err, test.want)
		}
	}
}
