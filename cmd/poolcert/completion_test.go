package main

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
)

// Each argument is completed with what the account has, and no further.
func TestCompletion(t *testing.T) {
	one, two := strings.Repeat("1", 40), strings.Repeat("2", 40)
	named := `{"thumbprint": "%s", "state": "active", "poolcert:name": "key", "poolcert:nameState": "past"}`
	certificates := fmt.Sprintf(named+", "+named+`, {"thumbprint": "%s", "state": "active"}`, one, two, one)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		list, ok := map[string]string{
			"/pools":                             `{"id": "render"}, {"id": "shade"}`,
			"/pools/render/nodes":                `{"id": "n1"}, {"id": "n2"}`,
			"/pools/render/jointokens":           `{"id": "t1"}`,
			"/certificates":                      certificates,
			"/certificatenames/key/certificates": fmt.Sprintf(named, one),
		}[r.URL.Path]
		if !ok {
			t.Errorf("asked for %s", r.URL.Path)
		}
		fmt.Fprintf(w, `{"value": [%s]}`, list)
	}))
	defer srv.Close()
	t.Setenv("POOLCERT_ENDPOINT", srv.URL)
	t.Setenv("POOLCERT_ACCOUNT", "acct")
	t.Setenv("POOLCERT_KEY", base64.StdEncoding.EncodeToString(make([]byte, 64)))
	t.Setenv("POOLCERT_CONFIG", os.DevNull)
	pools, nodes, thumbprints := []string{"render", "shade"}, []string{"n1", "n2"}, []string{one, two, one}
	for line, want := range map[string][]string{
		"pool show":                   pools,
		"pool show render":            nil,
		"node show":                   pools,
		"node show render":            nodes,
		"node show render n1":         nil,
		"node evict render n1":        nodes,
		"pool token revoke render":    {"t1"},
		"pool token revoke render t1": nil,
		"encrypt --pool":              pools,
		"cert delete":                 thumbprints,
		"cert show":                   append([]string{"key"}, thumbprints...),
		"cert show " + one:            nil,
		"cert history":                {"key"},
		"cert history key":            nil,
		"cert add x.pfx --name":       {"key"},
		"cert rollback key --to":      {one},
		"pool create render --cert":   append([]string{"name=key"}, thumbprints...),
	} {
		var out, stderr strings.Builder
		if code := run(t.Context(), append([]string{"__complete"}, append(strings.Fields(line), "")...), nil, &out, &stderr); code != 0 {
			t.Errorf("%s: exit code %d: %s", line, code, &stderr)
		}
		var got []string
		for item := range strings.Lines(out.String()) {
			if item, _, _ = strings.Cut(strings.TrimSpace(item), "\t"); !strings.HasPrefix(item, ":") {
				got = append(got, item)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", line, got, want)
		}
	}
}
