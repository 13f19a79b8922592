package rest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"poolcert/batch"
)

// poolcert's own client walks through the pages of a list.
func TestClientPages(t *testing.T) {
	s := newStory(t, "")
	client := &batch.Client{Endpoint: s.vars["base"] + "/", Credentials: s.clients["acct"]}
	var want []string
	for i := range 70 { // more than are fetched at a time
		id := fmt.Sprintf("pool-%02d", i)
		want = append(want, id)
		if err := client.AddPool(t.Context(), &batch.Pool{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	for _, size := range []int{0, 9, 64, 65, 70, 1000} {
		var got []string
		for p, err := range client.Pools(t.Context(), batch.ListOptions{MaxResults: size, Filter: "creationTime gt DateTime'2001-01-01T00:00:00+01:00' and state eq 'active'"}) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, p.ID)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("pages of %d: got %v, want %v", size, got, want)
		}
	}
	// Elements that come and go don't shift the others.
	var got []string
	for p, err := range client.Pools(t.Context(), batch.ListOptions{MaxResults: 2, Select: "id"}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p.ID)
		if p.ID == "pool-01" {
			if err := client.DeletePool(t.Context(), "pool-00"); err != nil {
				t.Fatal(err)
			}
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("with a deletion between pages: got %v, want %v", got, want)
	}
}

// Large elements make pages short, and none is lost.
func TestPagesAreBounded(t *testing.T) {
	s := newStory(t, "")
	client := &batch.Client{Endpoint: s.vars["base"], Credentials: s.clients["acct"]}
	large := json.RawMessage(`"` + strings.Repeat("x", 900<<10) + `"`)
	const pools = 12
	for i := range pools {
		p := &batch.Pool{ID: fmt.Sprintf("pool-%02d", i), Properties: map[string]json.RawMessage{"note": large}}
		if err := client.AddPool(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for p, err := range client.Pools(t.Context(), batch.ListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("pool-%02d", n); p.ID != want {
			t.Fatalf("got %s, want %s", p.ID, want)
		}
		n++
	}
	if n != pools {
		t.Errorf("got %d pools, want %d", n, pools)
	}
}

// A call doesn't outlast the time that its client gives it. A body that never
// comes is the way to make one long from outside.
func TestBodyThatNeverComes(t *testing.T) {
	s := newStory(t, "")
	begin := time.Now()
	resp := s.send(s.expand("POST /pools?${v}&timeout=1\nContent-Length: 100\n\n{\"id\":"))
	defer resp.Body.Close()
	if resp.StatusCode != 500 || time.Since(begin) > 10*time.Second {
		t.Errorf("got %d after %v", resp.StatusCode, time.Since(begin))
	}
}
