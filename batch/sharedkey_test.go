package batch

import (
	"bufio"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"
)

const testThumbprint = "c1e494a415149c5f211c4778b52f2e834a07247c"

// The vectors of the protocol reference, section 7.1.
var vectors = []struct {
	method, target, contentType, contentLength, signature string
}{
	{"POST", "/certificates?api-version=2020-09-01.12.0&timeout=30", "application/json; odata=minimalmetadata; charset=utf-8", "126", "J8cX4jW1FIEL76GqjvvaycYt+pJlyYJ8HYCqiVsEgIQ="},
	{"GET", "/certificates(thumbprintAlgorithm=sha1,thumbprint=" + testThumbprint + ")?$select=thumbprint%2Cstate&api-version=2020-09-01.12.0", "", "", "oCBrPSwfOz6G9KpfDgX8X4yJoBRhlPOWBLNqZfUl5TA="},
	{"POST", "/certificates(thumbprintAlgorithm=sha1,thumbprint=" + testThumbprint + ")/canceldelete?api-version=2020-09-01.12.0", "", "0", "ccW0OzX3sckzydoBXW2LgQZkpMk72AwmwCwdfs4DwvE="},
	{"DELETE", "/certificates(thumbprintAlgorithm=sha1,thumbprint=" + testThumbprint + ")?api-version=2020-09-01.12.0", "", "", "niUR3oq5g5rL2wNxKiCQ68UIf99RnuKQWMOdq94jW2s="},
}

func vectorRequest(t *testing.T, i int) (*http.Request, []byte) {
	t.Helper()
	v := vectors[i]
	r, err := http.NewRequest(v.method, "https://h"+v.target, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Ocp-Date", "Tue, 29 Jul 2014 21:49:13 GMT")
	if v.contentType != "" {
		r.Header.Set("Content-Type", v.contentType)
	}
	if v.contentLength != "" {
		r.Header.Set("Content-Length", v.contentLength)
	}
	sig, err := base64.StdEncoding.DecodeString(v.signature)
	if err != nil {
		t.Fatal(err)
	}
	return r, sig
}

func TestSharedKeyVectors(t *testing.T) {
	key, err := ParseKey("c2VjcmV0LWtleS1mb3ItdGVzdHMtb25seQ==")
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range vectors {
		r, sig := vectorRequest(t, i)
		s, err := StringToSign(r, "testacct")
		if err != nil {
			t.Fatal(err)
		}
		if got := base64.StdEncoding.EncodeToString(signature(key, s)); got != v.signature {
			t.Errorf("%s %s: signature %s, want %s; signed %q", v.method, v.target, got, v.signature, s)
		}
		if !Verify(r, "testacct", sig, Key("another key"), key) {
			t.Errorf("%s %s: Verify refuses the vector", v.method, v.target)
		}
		if Verify(r, "otheracct", sig, key) || Verify(r, "testacct", sig, Key("another key")) || Verify(r, "testacct", sig) || Verify(r, "testacct", sig, nil, Key{}) {
			t.Errorf("%s %s: Verify accepts another account or key", v.method, v.target)
		}
		r.Header.Set("Ocp-Date", "Tue, 29 Jul 2014 21:49:14 GMT")
		if Verify(r, "testacct", sig, key) {
			t.Errorf("%s %s: Verify accepts another date", v.method, v.target)
		}
	}
}

func TestStringToSignForms(t *testing.T) {
	for name, test := range map[string]struct {
		target string
		header map[string]string
		want   string
	}{
		"date without ocp-date": {"/pools?b=2&A=1", map[string]string{"Date": "D"}, "GET\n\n\n\n\n\nD\n\n\n\n\n\n/a/pools\na:1\nb:2"},
		"ocp-date wins":         {"/pools", map[string]string{"Date": "D", "ocp-date": "O", "ocp-x": "1"}, "GET\n\n\n\n\n\n\n\n\n\n\n\nocp-date:O\nocp-x:1\n/a/pools"},
		"plus is a space":       {"/pools?%24filter=state+eq+%27active%27", nil, "GET\n\n\n\n\n\n\n\n\n\n\n\n/a/pools\n$filter:state eq 'active'"},
		"percent 20":            {"/pools?$filter=state%20eq%20%27active%27", nil, "GET\n\n\n\n\n\n\n\n\n\n\n\n/a/pools\n$filter:state eq 'active'"},
		"several values":        {"/pools?x=2&X=1", nil, "GET\n\n\n\n\n\n\n\n\n\n\n\n/a/pools\nx:1,2"},
		"path stays escaped":    {"/pools/a%2Cb(c=d,e)", nil, "GET\n\n\n\n\n\n\n\n\n\n\n\n/a/pools/a%2Cb(c=d,e)"},
		"conditions":            {"/pools", map[string]string{"If-Match": "m", "If-None-Match": "n", "Range": "r"}, "GET\n\n\n\n\n\n\n\nm\nn\n\nr\n/a/pools"},
	} {
		r, err := http.NewRequest("GET", "https://h"+test.target, nil)
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range test.header {
			r.Header.Set(k, v)
		}
		got, err := StringToSign(r, "a")
		if err != nil || got != test.want {
			t.Errorf("%s: got %q, %v; want %q", name, got, err, test.want)
		}
	}
}

// npm @azure/batch 7 signs the length 0 on DELETE and HEAD without sending the header.
func TestVerifySignedWithLengthZero(t *testing.T) {
	key := Key("0123456789abcdef")
	for method, want := range map[string]bool{"DELETE": true, "HEAD": true, "GET": false} {
		r, err := http.NewRequest(method, "https://h/pools/p", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Length", "0")
		s, err := StringToSign(r, "a")
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Del("Content-Length")
		if got := Verify(r, "a", signature(key, s), key); got != want {
			t.Errorf("%s: got %v, want %v", method, got, want)
		}
	}
}

func TestParseAuthorization(t *testing.T) {
	sig := strings.Repeat("A", 43) + "="
	account, got, err := ParseAuthorization("SharedKey acct:" + sig)
	if err != nil || account != "acct" || len(got) != 32 {
		t.Errorf("got %q, %v, %v", account, got, err)
	}
	for _, header := range []string{"", "SharedKey", "SharedKey acct", "SharedKey :" + sig, "Bearer acct:" + sig, "SharedKey acct:" + sig[1:], "SharedKey acct:!"} {
		if _, _, err := ParseAuthorization(header); err == nil {
			t.Errorf("%q is accepted", header)
		}
	}
}

func TestRequestDate(t *testing.T) {
	want := time.Date(2014, 7, 29, 21, 49, 13, 0, time.UTC)
	for name, test := range map[string]struct{ ocp, date, query string }{
		"ocp-date":        {ocp: "Tue, 29 Jul 2014 21:49:13 GMT", date: "garbage"},
		"UTC":             {ocp: "Tue, 29 Jul 2014 21:49:13 UTC"},
		"date":            {date: "Tue, 29 Jul 2014 21:49:13 GMT"},
		"query parameter": {query: "?ocp-date=Tue,+29+Jul+2014+21:49:13+GMT"},
	} {
		r, _ := http.NewRequest("GET", "https://h/pools"+test.query, nil)
		r.Header.Set("Ocp-Date", test.ocp)
		r.Header.Set("Date", test.date)
		if got, err := RequestDate(r); err != nil || !got.Equal(want) {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
	for _, bad := range []string{"", "yesterday", "Tue, 29 Jul 2014 21:49:13 CET"} {
		r, _ := http.NewRequest("GET", "https://h/pools", nil)
		r.Header.Set("Ocp-Date", bad)
		if _, err := RequestDate(r); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func FuzzParseAuthorization(f *testing.F) {
	f.Add("SharedKey acct:J8cX4jW1FIEL76GqjvvaycYt+pJlyYJ8HYCqiVsEgIQ=")
	f.Add("SharedKey :")
	f.Fuzz(func(t *testing.T, header string) {
		account, sig, err := ParseAuthorization(header)
		if err == nil && (account == "" || len(sig) != 32) {
			t.Fatalf("accepted %q as %q, %d bytes", header, account, len(sig))
		}
	})
}

// Whatever the head of a request, what it signs under a key verifies under that key
// and no other, and its date is read or refused.
func FuzzSharedKey(f *testing.F) {
	const date = "Tue, 29 Jul 2014 21:49:13 "
	for _, head := range []string{
		"GET /certificates?$filter=state%20eq%20%27active%27&api-version=2022-10-01.16.0 HTTP/1.1\r\nocp-date: " + date + "GMT\r\nContent-Type: application/json; charset=utf-8\r\n",
		"GET /certificates?%24filter=state+eq+%27active%27&maxresults=1000&timeout=30 HTTP/1.1\r\nocp-date: " + date + "UTC\r\n",
		"DELETE /certificates(thumbprintAlgorithm=sha1,thumbprint=ab)?api-version=2018-12-01.8.0 HTTP/1.1\r\nDate: " + date + "GMT\r\nContent-Length: 0\r\n",
		"POST /pools?X=2&x=1&x=0 HTTP/1.1\r\nOCP-A: 1\r\nocp-b: 2\r\nocp-a: 0\r\nContent-Length: 3\r\nIf-Match: a, b\r\n",
		"HEAD /pools/a%2Fb?;;&=&%zz HTTP/1.1\r\nRange: bytes=0-\r\nIf-Modified-Since: x\r\n",
	} {
		f.Add(head, "SharedKey acct:J8cX4jW1FIEL76GqjvvaycYt+pJlyYJ8HYCqiVsEgIQ=")
	}
	f.Add("GET / HTTP/1.0\r\n", "sharedkey  a:")
	key, other := Key("a key"), Key("another")
	f.Fuzz(func(t *testing.T, head, authorization string) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head + "Host: h\r\n\r\n")))
		if err != nil {
			return
		}
		RequestDate(r)
		if account, sig, err := ParseAuthorization(authorization); err == nil && Verify(r, account, sig, key, other) {
			t.Errorf("%q is a signature of %q", authorization, head)
		}
		text, err := StringToSign(r, "acct")
		if err != nil {
			return
		}
		sig := signature(key, text)
		if !Verify(r, "acct", sig, other, key) || Verify(r, "acct", sig, other) || Verify(r, "acct2", sig, key) {
			t.Errorf("the signature of %q does not verify, or under another key or account too", head)
		}
	})
}
