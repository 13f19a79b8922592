package rest

import (
	"errors"
	"net/url"
	"strings"
	"testing"

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
		{"/pools/p/nodes/n/reboot", "POST [p n]"},
		{"/pools/p/nodes/n/reimage", "POST [p n]"},
		{"/pools/p/jointokens/0123", "DELETE [p 0123]"},

		{"/certificatenames/storage.key/certificates", "GET [storage.key]"},
		{"/certificatenames/a%2Fb/setcurrent", "POST [a/b]"},

		{"/", "ResourceNotFound"},
		{"/certificatenames/a", "ResourceNotFound"},
		{"/certificatenames/a/certificates/b", "ResourceNotFound"},
		{"/nothing", "ResourceNotFound"},
		{"/Pools", "ResourceNotFound"},
		{"/pools/p/", "ResourceNotFound"},
		{"/pools/p/nothing", "ResourceNotFound"},
		{"/pools/p/updateproperties/more", "ResourceNotFound"},
		{"/pools/p/nodes/n/start", "ResourceNotFound"},
		{"/pools/p/nodes/n/reboot/now", "ResourceNotFound"},
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

// Whatever is asked for, the answer is an operation or a refusal.
func FuzzRequestURI(f *testing.F) {
	for _, seed := range []string{
		"/certificates(thumbprintAlgorithm=sha1,thumbprint=c1e494a415149c5f211c4778b52f2e834a07247c)?canceldelete&api-version=2014-10-01.1.0",
		"/pools/p/nodes/n/reboot?api-version=2020-09-01.12.0&timeout=30",
		"/certificates?$filter=state%20eq%20'active'&$select=state&maxresults=1&$skiptoken=AQAA&api-version=2024-07-01.20.0",
		"/pools/%2f%2a?%24expand=stats", "/certificates(,=,)", "//", "/%",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		u, err := url.ParseRequestURI(uri)
		if err != nil {
			return
		}
		found, args, err := resolve(u)
		if !errors.Is(err, &batch.Error{Code: batch.CodeResourceNotFound}) {
			check(t, err)
		}
		for method, op := range found {
			if op.run == nil {
				t.Errorf("%s %s: nothing to run", method, uri)
			}
		}
		for _, arg := range args {
			_, err := parseCertificateKey(arg)
			check(t, err)
		}
		_, err = parseParams(u.RawQuery, listParams)
		check(t, err)
	})
}
