package rest_test

import (
	"fmt"
	"testing"
	"time"

	"poolcert/batch"
)

// poolcert's own client walks through the pages of a list.
func TestClientPages(t *testing.T) {
	s := newStory(t, "")
	client := &batch.Client{Endpoint: s.vars["base"] + "/", Credentials: s.clients["acct"]}
	var want []string
	for i := range 7 {
		id := fmt.Sprintf("pool-%d", i)
		want = append(want, id)
		if err := client.AddPool(t.Context(), &batch.Pool{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	for _, size := range []int{0, 1, 3, 7, 1000} {
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
		if p.ID == "pool-1" {
			if err := client.DeletePool(t.Context(), "pool-0"); err != nil {
				t.Fatal(err)
			}
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("with a deletion between pages: got %v, want %v", got, want)
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
