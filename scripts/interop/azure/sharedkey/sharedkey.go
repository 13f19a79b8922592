// Package sharedkey signs requests as Azure Batch wants it. Go clients leave that
// to their users. It has nothing of poolcert's own signing, so that the one checks
// the other.
package sharedkey

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Sign sets the ocp-date, unless the client did, and the Authorization of a request
// that is ready to be sent.
func Sign(r *http.Request, account string, key []byte) {
	if r.Header.Get("ocp-date") == "" {
		r.Header.Set("ocp-date", time.Now().UTC().Format(http.TimeFormat))
	}
	lines := []string{r.Method, "", "", length(r), "", r.Header.Get("Content-Type"), ""}
	for _, name := range []string{"If-Modified-Since", "If-Match", "If-None-Match", "If-Unmodified-Since", "Range"} {
		lines = append(lines, r.Header.Get(name))
	}
	lines = append(lines, "ocp-date:"+r.Header.Get("ocp-date"), "/"+account+r.URL.EscapedPath())
	var query []string
	for name, values := range r.URL.Query() {
		slices.Sort(values)
		query = append(query, strings.ToLower(name)+":"+strings.Join(values, ","))
	}
	slices.Sort(query)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(strings.Join(append(lines, query...), "\n")))
	r.Header.Set("Authorization", "SharedKey "+account+":"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

// length is the Content-Length that Go's transport sends.
func length(r *http.Request) string {
	writes := r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodPatch
	if r.ContentLength > 0 || r.ContentLength == 0 && writes {
		return strconv.FormatInt(r.ContentLength, 10)
	}
	return ""
}
