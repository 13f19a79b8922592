package account_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"poolcert/account"
	"poolcert/batch"
)

func TestPoolRefuses(t *testing.T) {
	f := newFixture(t)
	tp := f.addCertificate("cert")
	f.addPool("Taken")
	unknown := batch.Thumbprint{1}
	many := make([]batch.CertificateReference, 1001)
	for i := range many {
		many[i] = batch.CertificateReference{Thumbprint: batch.Thumbprint{1, byte(i), byte(i >> 8)}, ThumbprintAlgorithm: "sha1"}
	}
	for name, test := range map[string]struct {
		pool     batch.Pool
		code     batch.ErrorCode
		property string
	}{
		"no id":           {batch.Pool{}, batch.CodeMissingRequiredProperty, "id"},
		"long id":         {batch.Pool{ID: strings.Repeat("a", 65)}, batch.CodeInvalidPropertyValue, "id"},
		"id with slash":   {batch.Pool{ID: "a/b"}, batch.CodeInvalidPropertyValue, "id"},
		"id with umlaut":  {batch.Pool{ID: "ü"}, batch.CodeInvalidPropertyValue, "id"},
		"other case":      {batch.Pool{ID: "tAKEN"}, batch.CodePoolExists, ""},
		"unknown":         {batch.Pool{ID: "p", CertificateReferences: references(tp, unknown)}, batch.CodeInvalidCertificateReferences, ""},
		"twice":           {batch.Pool{ID: "p", CertificateReferences: references(tp, tp)}, batch.CodeInvalidPropertyValue, "certificateReferences"},
		"too many":        {batch.Pool{ID: "p", CertificateReferences: many}, batch.CodeInvalidPropertyValue, "certificateReferences"},
		"no algorithm":    {batch.Pool{ID: "p", CertificateReferences: []batch.CertificateReference{{Thumbprint: tp}}}, batch.CodeMissingRequiredProperty, "thumbprintAlgorithm"},
		"other algorithm": {batch.Pool{ID: "p", CertificateReferences: []batch.CertificateReference{{Thumbprint: tp, ThumbprintAlgorithm: "md5"}}}, batch.CodeInvalidPropertyValue, "thumbprintAlgorithm"},
		"store name": {batch.Pool{ID: "p", CertificateReferences: []batch.CertificateReference{{Thumbprint: tp, ThumbprintAlgorithm: "sha1", StoreName: `My\Other`}}},
			batch.CodeInvalidPropertyValue, "storeName"},
		"nested": {batch.Pool{ID: "p", Properties: map[string]json.RawMessage{
			"x": json.RawMessage(`{"[[": ` + strings.Repeat("[", 100) + `"\"]]"` + strings.Repeat("]", 100) + `}`)}}, batch.CodeInvalidPropertyValue, "x"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := f.AddPool(t.Context(), f.acct, &test.pool)
			refusal := wantCode(t, err, test.code)
			switch {
			case test.property != "" && (len(refusal.Values) == 0 || refusal.Values[0] != batch.KeyValue{Key: "PropertyName", Value: test.property}):
				t.Errorf("got the values %v, want the property %s", refusal.Values, test.property)
			case test.code == batch.CodeInvalidCertificateReferences && (len(refusal.Values) != 1 || refusal.Values[0].Key != unknown.String()):
				t.Errorf("got the values %v, want the unknown thumbprint only", refusal.Values)
			}
			_, err = f.Pool(t.Context(), f.acct, "p")
			wantCode(t, err, batch.CodePoolNotFound)
		})
	}
}

func TestPoolAcceptsNesting(t *testing.T) {
	f := newFixture(t)
	deep := json.RawMessage(`{"[[":` + strings.Repeat("[", 99) + `"\"{["` + strings.Repeat("]", 99) + `}`)
	if _, err := f.AddPool(t.Context(), f.acct, &batch.Pool{ID: "p", Properties: map[string]json.RawMessage{"x": deep}}); err != nil {
		t.Error(err)
	}
}

func TestPoolChanges(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	tp := f.addCertificate("cert")
	raw := func(s string) json.RawMessage { return json.RawMessage(s) }
	made, err := f.AddPool(ctx, f.acct, &batch.Pool{ID: "Pool-A", CertificateReferences: references(tp), Properties: map[string]json.RawMessage{
		"vmSize": raw(`"STANDARD_A1"`), "metadata": raw(`[{"name":"a","value":"b"}]`), "startTask": raw(`{"commandLine":"x"}`),
		"newThing": raw(`{"deep":[1,2.50]}`), "nothing": raw(`null`), "currentDedicatedNodes": raw(`99`), "stats": raw(`{}`),
	}})
	if err != nil {
		t.Fatal(err)
	}
	if made.ID != "Pool-A" || made.State != "active" || !strings.HasPrefix(made.ETag, "0x") {
		t.Errorf("got %+v", made)
	}
	want := []batch.CertificateReference{{Thumbprint: tp, ThumbprintAlgorithm: "sha1", StoreLocation: "currentuser", StoreName: "My", Visibility: batch.Visibilities()}}
	if diff := cmp.Diff(made.CertificateReferences, want); diff != "" {
		t.Errorf("references: got (-) and want (+) differ:\n%s", diff)
	}
	checkProperties := func(p *batch.Pool, want map[string]string) {
		t.Helper()
		got := make(map[string]string)
		for name, value := range p.Properties {
			if name != "allocationStateTransitionTime" {
				got[name] = string(value)
			}
		}
		want["allocationState"], want["currentDedicatedNodes"] = `"steady"`, "0"
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("properties: got (-) and want (+) differ:\n%s", diff)
		}
	}
	checkProperties(made, map[string]string{"vmSize": `"STANDARD_A1"`, "metadata": `[{"name":"a","value":"b"}]`,
		"startTask": `{"commandLine":"x"}`, "newThing": `{"deep":[1,2.50]}`})

	patched, err := f.PatchPool(ctx, f.acct, "pool-a", account.PoolPatch{Properties: map[string]json.RawMessage{"metadata": raw(`[]`), "newThing": raw(`null`)}}, account.Conditions{})
	if err != nil {
		t.Fatal(err)
	}
	if patched.ETag == made.ETag || len(patched.CertificateReferences) != 1 || patched.ID != "Pool-A" {
		t.Errorf("patched: got %+v", patched)
	}
	checkProperties(patched, map[string]string{"vmSize": `"STANDARD_A1"`, "metadata": `[]`, "startTask": `{"commandLine":"x"}`})

	_, err = f.ReplacePoolProperties(ctx, f.acct, "POOL-A", account.PoolPatch{})
	wantCode(t, err, batch.CodeMissingRequiredProperty)
	none := references()
	replaced, err := f.ReplacePoolProperties(ctx, f.acct, "POOL-A", account.PoolPatch{CertificateReferences: &none, Properties: map[string]json.RawMessage{"metadata": raw(`[1]`)}})
	if err != nil {
		t.Fatal(err)
	}
	if len(replaced.CertificateReferences) != 0 {
		t.Errorf("replaced: got %+v", replaced)
	}
	checkProperties(replaced, map[string]string{"vmSize": `"STANDARD_A1"`, "metadata": `[1]`})
	got, err := f.Pool(ctx, f.acct, "pOOL-a")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, replaced); diff != "" {
		t.Errorf("read again: got (-) and want (+) differ:\n%s", diff)
	}
	_, err = f.PatchPool(ctx, f.acct, "none", account.PoolPatch{}, account.Conditions{})
	wantCode(t, err, batch.CodePoolNotFound)
	wantCode(t, f.DeletePool(ctx, f.acct, "none", account.Conditions{}), batch.CodePoolNotFound)
}

func TestPoolPages(t *testing.T) {
	f := newFixture(t)
	for _, id := range []string{"b", "A", "c", "D"} {
		f.addPool(id)
	}
	var ids []string
	q := account.PoolQuery{Limit: 3}
	for {
		page, more, err := f.Pools(t.Context(), f.acct, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page {
			ids = append(ids, p.ID)
		}
		if !more {
			break
		}
		q.After = ids[len(ids)-1]
	}
	if got := strings.Join(ids, ""); got != "AbcD" {
		t.Errorf("got %s, want AbcD", got)
	}
}

func TestConditions(t *testing.T) {
	f := newFixture(t)
	p := f.addPool("pool")
	at := p.LastModified.Time
	for name, test := range map[string]struct {
		cond account.Conditions
		ok   bool
	}{
		"none":                       {account.Conditions{}, true},
		"match":                      {account.Conditions{IfMatch: p.ETag}, true},
		"match, quoted":              {account.Conditions{IfMatch: `"` + p.ETag + `"`}, true},
		"match, list":                {account.Conditions{IfMatch: `"0x1", ` + p.ETag}, true},
		"match, any":                 {account.Conditions{IfMatch: "*"}, true},
		"match, other":               {account.Conditions{IfMatch: "0x1"}, false},
		"none match":                 {account.Conditions{IfNoneMatch: p.ETag}, false},
		"none match, weak":           {account.Conditions{IfNoneMatch: `W/"` + p.ETag + `"`}, false},
		"none match, any":            {account.Conditions{IfNoneMatch: "*"}, false},
		"none match, other":          {account.Conditions{IfNoneMatch: "0x1"}, true},
		"modified since, same":       {account.Conditions{IfModifiedSince: at.Truncate(time.Second)}, false},
		"modified since, before":     {account.Conditions{IfModifiedSince: at.Add(-time.Hour)}, true},
		"unmodified since, same":     {account.Conditions{IfUnmodifiedSince: at.Truncate(time.Second)}, true},
		"unmodified since, before":   {account.Conditions{IfUnmodifiedSince: at.Add(-time.Hour)}, false},
		"match, unmodified since":    {account.Conditions{IfMatch: p.ETag, IfUnmodifiedSince: at.Add(-time.Hour)}, false},
		"none match, modified since": {account.Conditions{IfNoneMatch: "0x1", IfModifiedSince: at.Add(time.Hour)}, false},
	} {
		if err := test.cond.Check(p); test.ok && err != nil {
			t.Errorf("%s: got %v, want it to hold", name, err)
		} else if !test.ok {
			wantCode(t, err, batch.CodeConditionNotMet)
		}
	}
	// Writers compare in the transaction: of two with one tag, one wins.
	won := 0
	for range 2 {
		if _, err := f.PatchPool(t.Context(), f.acct, "pool", account.PoolPatch{}, account.Conditions{IfMatch: p.ETag}); err == nil {
			won++
		} else {
			wantCode(t, err, batch.CodeConditionNotMet)
		}
	}
	if won != 1 {
		t.Errorf("%d writers won, want 1", won)
	}
	wantCode(t, f.DeletePool(t.Context(), f.acct, "pool", account.Conditions{IfMatch: p.ETag}), batch.CodeConditionNotMet)
	if err := f.DeletePool(t.Context(), f.acct, "pool", account.Conditions{IfMatch: "*"}); err != nil {
		t.Error(err)
	}
	// A new pool never has a tag again that an older one of its name had.
	if again := f.addPool("pool"); again.ETag == p.ETag {
		t.Error("the tag was used again")
	}
}

// TestPoolIsBounded: changes that are small each don't make a pool that is large.
func TestPoolIsBounded(t *testing.T) {
	f := newFixture(t)
	f.addPool("pool")
	part := json.RawMessage(`"` + strings.Repeat("a", 300_000) + `"`)
	patch := func(name string, value json.RawMessage) error {
		_, err := f.PatchPool(t.Context(), f.acct, "pool",
			account.PoolPatch{Properties: map[string]json.RawMessage{name: value}}, account.Conditions{})
		return err
	}
	for _, name := range []string{"a", "b", "c"} {
		if err := patch(name, part); err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, patch("d", part), batch.CodeRequestBodyTooLarge)
	if err := patch("a", json.RawMessage("null")); err != nil {
		t.Fatal(err)
	}
	if err := patch("d", part); err != nil {
		t.Errorf("as large as before: got %v", err)
	}
	p, err := f.Pool(t.Context(), f.acct, "pool")
	if err != nil || p.Properties["a"] != nil || p.Properties["d"] == nil {
		t.Errorf("got another pool than was made (%v)", err)
	}
}
