package rest

import (
	"slices"
	"testing"

	"poolcert/account"
	"poolcert/batch"
)

func TestSkipToken(t *testing.T) {
	key := func(b byte) batch.Key { return slices.Repeat(batch.Key{b}, 64) }
	acct := &account.Account{Name: "one", Keys: []batch.Key{key(1), key(2)}}
	made := scope{acct, "/pools", "state eq 'active'"}
	token := made.token("pool-b")
	if got, err := made.after(token); err != nil || got != "pool-b" {
		t.Fatalf("after its own token: %q, %v", got, err)
	}
	swapped := &account.Account{Name: "one", Keys: []batch.Key{key(3), key(1)}}
	if got, err := (scope{swapped, "/pools", "state eq 'active'"}).after(token); err != nil || got != "pool-b" {
		t.Errorf("after the key became secondary: %q, %v", got, err)
	}
	altered := []byte(token)
	altered[3]++
	for name, test := range map[string]struct {
		scope scope
		token string
	}{
		"other filter":  {scope{acct, "/pools", ""}, token},
		"other list":    {scope{acct, "/pools/p/nodes", "state eq 'active'"}, token},
		"other account": {scope{&account.Account{Name: "two", Keys: acct.Keys}, "/pools", "state eq 'active'"}, token},
		"other keys":    {scope{&account.Account{Name: "one", Keys: []batch.Key{key(8), key(9)}}, "/pools", "state eq 'active'"}, token},
		"altered":       {made, string(altered)},
		"cut":           {made, token[:len(token)-2]},
		"not base64":    {made, "%%%"},
		"short":         {made, "AQ"},
	} {
		if got, err := test.scope.after(test.token); err == nil || got != "" {
			t.Errorf("%s: the token was taken as %q", name, got)
		}
	}
}

// No token but one that was made is taken, and each that is made is.
func FuzzSkipToken(f *testing.F) {
	acct := &account.Account{Name: "one", Keys: []batch.Key{slices.Repeat(batch.Key{1}, 64)}}
	list := scope{acct, "/pools", ""}
	f.Add("pool-b")
	f.Add(list.token("pool-b"))
	f.Add("AQAA")
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := list.after(text); err == nil && list.token(got) != text {
			t.Errorf("the token %q was taken as %q", text, got)
		}
		if got, err := list.after(list.token(text)); text != "" && (err != nil || got != text) {
			t.Errorf("after its own token: %q, %v; want %q", got, err, text)
		}
	})
}
