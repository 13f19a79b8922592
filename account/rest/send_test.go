package rest_test

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"poolcert/batch"
)

// A rawRequest is one that no client would make.
type rawRequest struct {
	method, uri, host, body string
	header                  http.Header

	who          string // signs
	date         time.Time
	signedLength string      // where that is not the one that is sent
	unsigned     http.Header // set after that
}

// parse reads a request of a story.
func (s *story) parse(text string) *rawRequest {
	s.t.Helper()
	head, body, _ := strings.Cut(text, "\n\n")
	lines := strings.Split(strings.TrimSpace(head), "\n")
	r := &rawRequest{host: s.address, body: strings.TrimSuffix(body, "\n"), header: http.Header{}, who: "acct", date: time.Now(), unsigned: http.Header{}}
	r.method, r.uri, _ = strings.Cut(lines[0], " ")
	r.uri = strings.TrimPrefix(r.uri, s.vars["base"])
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		switch name {
		case "!as":
			r.who = value
		case "!date":
			skew, err := time.ParseDuration(value)
			if err != nil {
				s.t.Fatal(err)
			}
			r.date = r.date.Add(skew)
		case "!signs-length": // a length that is signed but not sent
			r.signedLength = value
		case "!after-signing": // a header that is not what was signed
			n, v, _ := strings.Cut(value, ": ")
			r.unsigned.Set(n, v)
		case "Host":
			r.host = value
		case "!body-of":
			var n int
			fmt.Sscan(value, &n)
			r.body = strings.Repeat("x", n)
		default:
			r.header.Add(name, value)
		}
	}
	return r
}

// complete adds the headers that a client adds, where the story has none.
func (r *rawRequest) complete() {
	h := r.header
	if h.Get("Content-Length") == "" && (r.body != "" || r.method == "POST" || r.method == "PATCH") {
		h.Set("Content-Length", fmt.Sprint(len(r.body)))
	}
	if h.Get("Content-Length") == "none" {
		h.Del("Content-Length")
	}
	if h.Get("Date") == "" && h.Get("ocp-date") == "" {
		h.Set("ocp-date", r.date.UTC().Format(http.TimeFormat))
	}
	for _, name := range []string{"ocp-date", "Date"} {
		if zone, ok := strings.CutPrefix(h.Get(name), "now "); ok {
			h.Set(name, r.date.UTC().Format("Mon, 02 Jan 2006 15:04:05 ")+zone)
		}
	}
}

// sign adds the signature, where the story has none.
func (s *story) sign(r *rawRequest) {
	s.t.Helper()
	switch r.header.Get("Authorization") {
	case "":
		client, ok := s.clients[r.who]
		if !ok {
			s.t.Fatalf("nobody is called %q", r.who)
		}
		u := parseRequest(s.t, r.method, r.uri, s.address, r.header)
		if r.signedLength != "" {
			u.Header.Set("Content-Length", r.signedLength)
		}
		toSign, err := batch.StringToSign(u, client.Account)
		if err != nil {
			s.t.Fatal(err)
		}
		mac := hmac.New(sha256.New, client.Key)
		mac.Write([]byte(toSign))
		r.header.Set("Authorization", "SharedKey "+client.Account+":"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	case "none":
		r.header.Del("Authorization")
	}
	maps.Copy(r.header, r.unsigned)
	r.header.Set("Connection", "close")
}

// send writes the request as it stands, signed, and returns the answer.
func (s *story) send(text string) *http.Response {
	s.t.Helper()
	r := s.parse(text)
	r.complete()
	s.sign(r)
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	var raw bytes.Buffer
	fmt.Fprintf(&raw, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.method, r.uri, r.host)
	r.header.Write(&raw)
	raw.WriteString("\r\n" + r.body)
	go conn.Write(raw.Bytes()) // a refusal may come before the body is taken
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: r.method})
	if err != nil {
		s.t.Fatalf("%s %s: %v", r.method, r.uri, err)
	}
	return resp
}

// parseRequest reads the head as a server does, so that a client's spelling is
// what gets signed.
func parseRequest(t *testing.T, method, uri, host string, header http.Header) *http.Request {
	t.Helper()
	var raw bytes.Buffer
	fmt.Fprintf(&raw, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, uri, host)
	h := header.Clone()
	h.Del("Transfer-Encoding")
	h.Write(&raw)
	raw.WriteString("\r\n")
	r, err := http.ReadRequest(bufio.NewReader(&raw))
	if err != nil {
		t.Fatalf("%s %s: %v", method, uri, err)
	}
	return r
}
