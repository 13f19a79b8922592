package batch

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// MaxClockSkew is how far a request's date may be from the service's clock.
const MaxClockSkew = 15 * time.Minute

// Credentials are an account's name and one of its two keys.
type Credentials struct {
	Account string
	Key     Key
}

// A Key is the decoded shared key of an account. It hides itself from
// formatting and logs.
type Key []byte

// ParseKey decodes the base64 text of a shared key.
func ParseKey(s string) (Key, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(s))
	if err != nil || len(key) == 0 {
		return nil, errors.New("account key: not base64 text")
	}
	return key, nil
}

// Encode returns the base64 text of the key, for the one time that it is shown.
func (k Key) Encode() string { return base64.StdEncoding.EncodeToString(k) }

// String hides the key.
func (Key) String() string { return "[hidden]" }

// GoString hides the key.
func (Key) GoString() string { return "[hidden]" }

// Format hides the key from every verb of fmt.
func (Key) Format(f fmt.State, _ rune) { f.Write([]byte("[hidden]")) }

// MarshalText hides the key from encoders and logs.
func (Key) MarshalText() ([]byte, error) { return []byte("[hidden]"), nil }

// signedHeaders are the lines of the string to sign after the verb, in order
// (reference section 7.1).
var signedHeaders = []string{
	"Content-Encoding", "Content-Language", "Content-Length", "Content-MD5", "Content-Type", "Date",
	"If-Modified-Since", "If-Match", "If-None-Match", "If-Unmodified-Since", "Range",
}

// StringToSign returns the text that SharedKey signs for r by account. It reads
// headers only, so that a verifier uses exactly what was received; [Credentials.Sign] sets
// the headers that net/http would add by itself.
func StringToSign(r *http.Request, account string) (string, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return "", fmt.Errorf("query: %v", err)
	}
	var b strings.Builder
	b.WriteString(r.Method)
	for _, name := range signedHeaders {
		b.WriteByte('\n')
		if name == "Date" && r.Header.Get("Ocp-Date") != "" {
			continue
		}
		b.WriteString(r.Header.Get(name))
	}
	b.WriteByte('\n')

	var ocp []string
	for name, values := range r.Header {
		if name := strings.ToLower(name); strings.HasPrefix(name, "ocp-") {
			ocp = append(ocp, name+":"+strings.Join(values, ",")+"\n")
		}
	}
	slices.Sort(ocp)
	b.WriteString(strings.Join(ocp, ""))

	b.WriteString("/" + account + r.URL.EscapedPath())

	merged := make(map[string][]string)
	for name, values := range query {
		name = strings.ToLower(name)
		merged[name] = append(merged[name], values...)
	}
	names := make([]string, 0, len(merged))
	for name := range merged {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		slices.Sort(merged[name])
		b.WriteString("\n" + name + ":" + strings.Join(merged[name], ","))
	}
	return b.String(), nil
}

func signature(key Key, stringToSign string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(stringToSign))
	return mac.Sum(nil)
}

// Sign sets the Ocp-Date and Authorization headers of a client's request.
func (c Credentials) Sign(r *http.Request, now time.Time) error {
	r.Header.Set("Ocp-Date", now.UTC().Format(http.TimeFormat))
	// net/http sends this header by itself, and ignores ours.
	switch {
	case r.ContentLength > 0:
		r.Header.Set("Content-Length", fmt.Sprint(r.ContentLength))
	case r.Method == http.MethodPost || r.Method == http.MethodPatch || r.Method == http.MethodPut:
		r.Header.Set("Content-Length", "0")
	}
	s, err := StringToSign(r, c.Account)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "SharedKey "+c.Account+":"+base64.StdEncoding.EncodeToString(signature(c.Key, s)))
	return nil
}

// ErrAuthorization is returned by [ParseAuthorization].
var ErrAuthorization = errors.New("not of the form \"SharedKey account:signature\"")

// ParseAuthorization splits the value of an Authorization header.
func ParseAuthorization(header string) (account string, sig []byte, err error) {
	scheme, rest, _ := strings.Cut(header, " ")
	account, text, ok := strings.Cut(strings.TrimSpace(rest), ":")
	if !strings.EqualFold(scheme, "SharedKey") || !ok || account == "" {
		return "", nil, ErrAuthorization
	}
	sig, err = base64.StdEncoding.DecodeString(text)
	if err != nil || len(sig) != sha256.Size {
		return "", nil, ErrAuthorization
	}
	return account, sig, nil
}

// RequestDate returns the time that r claims: its Ocp-Date (header, or query
// parameter as in old clients) or Date. Clients write the zone as GMT or UTC.
func RequestDate(r *http.Request) (time.Time, error) {
	text := r.Header.Get("Ocp-Date")
	if text == "" {
		text = r.URL.Query().Get("ocp-date")
	}
	if text == "" {
		text = r.Header.Get("Date")
	}
	if text == "" {
		return time.Time{}, errors.New("neither ocp-date nor Date is given")
	}
	t, err := time.Parse(time.RFC1123, text)
	if err != nil || (!strings.HasSuffix(text, "GMT") && !strings.HasSuffix(text, "UTC")) {
		return time.Time{}, fmt.Errorf("date %q: want the form %q", clip(text, 40), http.TimeFormat)
	}
	return t.UTC(), nil
}

// Verify reports whether sig signs r under one of the account's keys, in
// constant time. It does not look at the date: see [RequestDate].
func Verify(r *http.Request, account string, sig []byte, keys ...Key) bool {
	texts := make([]string, 0, 2)
	if s, err := StringToSign(r, account); err == nil {
		texts = append(texts, s)
	}
	// npm @azure/batch 7 signs the length 0 on DELETE and HEAD, and sends no such header.
	if (r.Method == http.MethodDelete || r.Method == http.MethodHead) && r.Header.Get("Content-Length") == "" {
		quirk := r.Clone(r.Context())
		quirk.Header.Set("Content-Length", "0")
		if s, err := StringToSign(quirk, account); err == nil {
			texts = append(texts, s)
		}
	}
	valid := false
	for _, key := range keys {
		for _, text := range texts {
			if len(key) > 0 && hmac.Equal(signature(key, text), sig) {
				valid = true
			}
		}
	}
	return valid
}
