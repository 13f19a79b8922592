package rest

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"poolcert/batch"
)

var testTime = time.Date(2024, 5, 1, 10, 0, 0, 0, time.UTC)

const testThumbprint = `"thumbprint": "c1e494a415149c5f211c4778b52f2e834a07247c", "thumbprintAlgorithm": "sha1"`

// Whatever a body holds, each reader returns a value or a refusal with status 400,
// and what was read as a pool is read as the same from its own JSON.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, `[]`, `{"id": null}`, `{"id": 1}`, `{"id": "p", "x": {"deep": [1, null]}}`,
		`{` + testThumbprint + `, "data": "MII=", "password": "p", "certificateFormat": "CER"}`,
		`{"id": "p", "certificateReferences": [{` + testThumbprint + `, "visibility": ["Task"]}]}`,
		`{"certificateReferences": [{` + testThumbprint + `, "visibility": "task,rdp", "storeLocation": "LocalMachine"}]}`,
		`{"certificateReferences": [null, 1, {}]}`, `{"certificateReferences": {}}`,
		`{` + testThumbprint + `, "data": "MII=", "poolcert:name": "key"}`, `{` + testThumbprint + `, "data": "", "poolcert:name": ""}`,
		`{"id": "p", "certificateReferences": [{"poolcert:name": "key"}, {` + testThumbprint + `, "poolcert:name": null}, {"poolcert:name": 1}]}`,
		`{"ttlSeconds": 1e3, "uses": -1}`, `{"nodeList": ["a", 1]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := parseObject(data)
		check(t, err)
		if err != nil {
			return
		}
		_, err = o.certificate()
		check(t, err)
		_, err = o.poolPatch()
		check(t, err)
		_, err = o.whole("ttlSeconds")
		check(t, err)
		_, err = o.list("nodeList")
		check(t, err)
		p, err := o.pool()
		check(t, err)
		if err != nil {
			return
		}
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatalf("a pool that was read is not written: %v", err)
		}
		again, err := parseObject(text)
		if err != nil {
			t.Fatal(err)
		}
		q, err := again.pool()
		if err != nil || q.ID != p.ID || len(q.CertificateReferences) != len(p.CertificateReferences) || len(q.Properties) != len(p.Properties) {
			t.Fatalf("%s became %s: %v", data, text, err)
		}
	})
}

func check(t *testing.T, err error) {
	t.Helper()
	var refusal *batch.Error
	if err != nil && (!errors.As(err, &refusal) || refusal.Status != 400) {
		t.Fatalf("not a refusal with status 400: %v", err)
	}
}
