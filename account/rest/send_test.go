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

// send writes the request as it stands, signed, and returns the answer.
func (s *story) send(text string) *http.Response {
	s.t.Helper()
	head, body, _ := strings.Cut(text, "\n\n")
	body = strings.TrimSuffix(body, "\n")
	lines := strings.Split(strings.TrimSpace(head), "\n")
	method, uri, _ := strings.Cut(lines[0], " ")
	uri = strings.TrimPrefix(uri, s.vars["base"])

	who, date, signed := "acct", time.Now(), ""
	host := s.address
	header := http.Header{}
	unsigned := http.Header{}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		switch name {
		case "!as":
			who = value
		case "!date":
			skew, err := time.ParseDuration(value)
			if err != nil {
				s.t.Fatal(err)
			}
			date = date.Add(skew)
		case "!signs-length": // a length that is signed but not sent
			signed = value
		case "!after-signing": // a header that is not what was signed
			n, v, _ := strings.Cut(value, ": ")
			unsigned.Set(n, v)
		case "Host":
			host = value
		case "!body-of":
			var n int
			fmt.Sscan(value, &n)
			body = strings.Repeat("x", n)
		default:
			header.Add(name, value)
		}
	}
	if header.Get("Content-Length") == "" && (body != "" || method == "POST" || method == "PATCH") {
		header.Set("Content-Length", fmt.Sprint(len(body)))
	}
	if header.Get("Content-Length") == "none" {
		header.Del("Content-Length")
	}
	if header.Get("Date") == "" && header.Get("ocp-date") == "" {
		header.Set("ocp-date", date.UTC().Format(http.TimeFormat))
	}
	for _, name := range []string{"ocp-date", "Date"} {
		if zone, ok := strings.CutPrefix(header.Get(name), "now "); ok {
			header.Set(name, date.UTC().Format("Mon, 02 Jan 2006 15:04:05 ")+zone)
		}
	}
	if header.Get("Authorization") == "" {
		client, ok := s.clients[who]
		if !ok {
			s.t.Fatalf("nobody is called %q", who)
		}
		u := parseRequest(s.t, method, uri, s.address, header)
		if signed != "" {
			u.Header.Set("Content-Length", signed)
		}
		toSign, err := batch.StringToSign(u, client.Account)
		if err != nil {
			s.t.Fatal(err)
		}
		mac := hmac.New(sha256.New, client.Key)
		mac.Write([]byte(toSign))
		header.Set("Authorization", "SharedKey "+client.Account+":"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	if header.Get("Authorization") == "none" {
		header.Del("Authorization")
	}
	maps.Copy(header, unsigned)
	header.Set("Connection", "close")

	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	var raw bytes.Buffer
	fmt.Fprintf(&raw, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, uri, host)
	header.Write(&raw)
	raw.WriteString("\r\n" + body)
	go conn.Write(raw.Bytes()) // a refusal may come before the body is taken
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, uri, err)
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
