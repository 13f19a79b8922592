package account_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"poolcert/batch"
	"poolcert/internal/nodeapi"
)

// onNode returns what the pool's nodes are told to have, and under which tag:
// thumbprints, with /name behind those that are by name.
func (n *testNode) onNode() (told []string, tag string) {
	n.f.t.Helper()
	doc := n.references()
	var refs nodeapi.References
	if err := json.Unmarshal(doc.Body, &refs); err != nil {
		n.f.t.Fatal(err)
	}
	for _, r := range refs.References {
		text := r.Thumbprint.String()
		if r.Name != "" {
			text = on(r.Thumbprint, string(r.Name))
		}
		told = append(told, text)
	}
	return told, doc.Tag
}

// TestNodesAreToldOfNames: nodes have stable paths and hooks by names, so they hear
// also of a change that is in the names alone.
func TestNodesAreToldOfNames(t *testing.T) {
	f := newFixture(t)
	a := f.addNamed("Key", "a")
	f.addPool("pool", a)
	n := f.joined("pool", "n")
	tags := make(map[string]string)
	want := func(want ...string) {
		t.Helper()
		told, tag := n.onNode()
		if !slices.Equal(told, want) {
			t.Errorf("nodes are told of %v, want %v", told, want)
		}
		if other, ok := tags[tag]; ok && other != strings.Join(want, " ") {
			t.Errorf("%v and %v have the tag %s", other, want, tag)
		}
		tags[tag] = strings.Join(want, " ")
	}
	want(a.String())
	f.setByName("pool", "key")
	want(on(a, "Key"))
	b := f.addNamed("key", "b")
	want(on(b, "Key"), on(a, "Key"))
	if err := f.SetCurrent(t.Context(), f.acct, "key", batch.SetCurrent{Thumbprint: a}); err != nil {
		t.Fatal(err)
	}
	want(on(a, "Key"), on(b, "Key"))
	if len(tags) != 4 {
		t.Errorf("got %d tags, want 4: %v", len(tags), tags)
	}
}
