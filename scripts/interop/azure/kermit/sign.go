package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/go-autorest/autorest"
)

// A sharedKey signs requests as Azure Batch wants it, which the client leaves to
// its user.
type sharedKey struct {
	account string
	key     []byte
}

// WithAuthorization is the client's way to ask for a signature.
func (k sharedKey) WithAuthorization() autorest.PrepareDecorator {
	return func(next autorest.Preparer) autorest.Preparer {
		return autorest.PreparerFunc(func(r *http.Request) (*http.Request, error) {
			r, err := next.Prepare(r)
			if err == nil {
				k.sign(r)
			}
			return r, err
		})
	}
}

func (k sharedKey) sign(r *http.Request) {
	if r.Header.Get("ocp-date") == "" {
		r.Header.Set("ocp-date", time.Now().UTC().Format(http.TimeFormat))
	}
	// What Go's transport sends.
	length := ""
	if r.ContentLength > 0 || r.ContentLength == 0 && (r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodPatch) {
		length = strconv.FormatInt(r.ContentLength, 10)
	}
	lines := []string{r.Method, "", "", length, "", r.Header.Get("Content-Type"), ""}
	for _, name := range []string{"If-Modified-Since", "If-Match", "If-None-Match", "If-Unmodified-Since", "Range"} {
		lines = append(lines, r.Header.Get(name))
	}
	lines = append(lines, "ocp-date:"+r.Header.Get("ocp-date"), "/"+k.account+r.URL.EscapedPath())
	var query []string
	for name, values := range r.URL.Query() {
		slices.Sort(values)
		query = append(query, strings.ToLower(name)+":"+strings.Join(values, ","))
	}
	slices.Sort(query)
	mac := hmac.New(sha256.New, k.key)
	mac.Write([]byte(strings.Join(append(lines, query...), "\n")))
	r.Header.Set("Authorization", "SharedKey "+k.account+":"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}
