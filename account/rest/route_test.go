package rest

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"poolcert/account"
	"poolcert/batch"
)

func TestResolve(t *testing.T) {
	const tp = "c1e494a415149c5f211c4778b52f2e834a07247c"
	for _, test := range []struct {
		uri  string
		want string // methods and arguments; or an error code
	}{
		{"/certificates", "GET, POST []"},
		{"/certificates(thumbprintAlgorithm=sha1,thumbprint=" + tp + ")", "DELETE, GET [thumbprintAlgorithm=sha1,thumbprint=" + tp + "]"},
		{"/certificates%28ThumbprintAlgorithm%3Dsha1%2Cthumbprint%3Dx%29", "DELETE, GET [ThumbprintAlgorithm=sha1,thumbprint=x]"},
		{"/certificates(a)/canceldelete", "POST [a]"},
		{"/certificates(a)?canceldelete", "POST [a]"},
		{"/certificates(a)?cancelDelete&api-version=2014-10-01.1.0", "POST [a]"},
		{"/pools", "GET, POST []"},
		{"/pools/p", "DELETE, GET, HEAD, PATCH [p]"},
		{"/pools/a%2Fb", "DELETE, GET, HEAD, PATCH [a/b]"},
		{"/pools/p/updateproperties", "POST [p]"},
		{"/pools/p/removenodes", "POST [p]"},
		{"/pools/p/nodes", "GET [p]"},
		{"/pools/nodes/nodes/nodes", "GET [nodes nodes]"},
		{"/pools/p/jointokens/0123", "DELETE [p 0123]"},

		{"/", "ResourceNotFound"},
		{"/nothing", "ResourceNotFound"},
		{"/Pools", "ResourceNotFound"},
		{"/pools/p/", "ResourceNotFound"},
		{"/pools/p/nothing", "ResourceNotFound"},
		{"/pools/p/updateproperties/more", "ResourceNotFound"},
		{"/pools/p/nodes/n/reboot", "ResourceNotFound"},
		{"/pools%2Fp", "ResourceNotFound"},
		{"/pools%2F*", "ResourceNotFound"},
		{"/certificates(*)/*", "ResourceNotFound"},
		{"/certificates(a", "ResourceNotFound"},
		{"//certificates", "ResourceNotFound"},
		{"/pools/p?canceldelete", "DELETE, GET, HEAD, PATCH [p]"},
	} {
		u, err := url.ParseRequestURI(test.uri)
		if err != nil {
			t.Fatal(err)
		}
		m, args, err := resolve(u)
		got := m.allow() + " [" + strings.Join(args, " ") + "]"
		var refusal *batch.Error
		if errors.As(err, &refusal) {
			got = string(refusal.Code)
		}
		if got != test.want {
			t.Errorf("%s: got %s, want %s", test.uri, got, test.want)
		}
	}
}

// Each star of a route has its argument, or an operation would look for one in
// vain.
func TestRoutesFillStars(t *testing.T) {
	for route := range routes {
		u := &url.URL{Path: "/" + strings.ReplaceAll(route, "*", "x")}
		_, args, err := resolve(u)
		if err != nil || len(args) != strings.Count(route, "*") {
			t.Errorf("%s: arguments %q, error %v", route, args, err)
		}
	}
}

func TestParseCertificateKey(t *testing.T) {
	const tp = "c1e494a415149c5f211c4778b52f2e834a07247c"
	for _, test := range []struct {
		key string
		ok  bool
	}{
		{"thumbprintAlgorithm=sha1,thumbprint=" + tp, true},
		{"ThumbprintAlgorithm=SHA1,Thumbprint=" + strings.ToUpper(tp), true},
		{"thumbprint=" + tp + ", thumbprintalgorithm='sha1'", true},
		{"thumbprint=" + tp, false},
		{"thumbprintAlgorithm=sha1", false},
		{"thumbprintAlgorithm=sha256,thumbprint=" + tp, false},
		{"thumbprintAlgorithm=sha1,thumbprint=" + tp[1:], false},
		{"thumbprintAlgorithm=sha1,thumbprint=" + tp + ",thumbprint=" + tp, false},
		{"thumbprintAlgorithm=sha1,thumbprint=" + tp + ",more=x", false},
		{tp, false},
		{"", false},
	} {
		got, err := parseCertificateKey(test.key)
		if (err == nil) != test.ok || err == nil && got.String() != tp {
			t.Errorf("%q: got %s, %v", test.key, got, err)
		}
	}
}

func TestSkipToken(t *testing.T) {
	key := func(b byte) batch.Key { return slices.Repeat(batch.Key{b}, 64) }
	acct := &account.Account{Name: "one", Keys: []batch.Key{key(1), key(2)}}
	made := scope{acct, "/pools", "state eq 'active'"}
	token := made.token("pool-b")
	if got, err := made.after(token); err != nil || got != "pool-b" {
		t.Fatalf("after its own token: %q, %v", got, err)
	}
	swapped := &account.Account{Name: "one", Keys: []batch.Key{key(3), key(1)}}
	if got, err := (scope{swapped, "/pools", "state eq 'active'"}).after(token); err != nil || got != "pool-b" {
		t.Errorf("after the key became secondary: %q, %v", got, err)
	}
	altered := []byte(token)
	altered[3]++
	for name, test := range map[string]struct {
		scope scope
		token string
	}{
		"other filter":  {scope{acct, "/pools", ""}, token},
		"other list":    {scope{acct, "/pools/p/nodes", "state eq 'active'"}, token},
		"other account": {scope{&account.Account{Name: "two", Keys: acct.Keys}, "/pools", "state eq 'active'"}, token},
		"other keys":    {scope{&account.Account{Name: "one", Keys: []batch.Key{key(8), key(9)}}, "/pools", "state eq 'active'"}, token},
		"altered":       {made, string(altered)},
		"cut":           {made, token[:len(token)-2]},
		"not base64":    {made, "%%%"},
		"short":         {made, "AQ"},
	} {
		if got, err := test.scope.after(test.token); err == nil || got != "" {
			t.Errorf("%s: the token was taken as %q", name, got)
		}
	}
}

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
