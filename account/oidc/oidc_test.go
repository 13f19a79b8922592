package oidc

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"poolcert/account/oidc/oidctest"
	"poolcert/internal/testcert"
)

// A fixture is a verifier with a clock that the test moves.
type fixture struct {
	*Verifier
	issuer *oidctest.Issuer
	later  time.Duration
}

func newFixture(t *testing.T, rules ...Rule) *fixture {
	t.Helper()
	if rules == nil {
		rules = []Rule{{"groups", "admins", Contributor, "acct"}}
	}
	f := &fixture{issuer: oidctest.NewIssuer(t)}
	v, err := New(Config{Issuer: f.issuer.URL(), Audience: oidctest.ClientID, Rules: rules})
	if err != nil {
		t.Fatal(err)
	}
	v.now = func() time.Time { return time.Now().Add(f.later) }
	f.Verifier = v
	return f
}

// refused wants the error, and returns its text.
func (f *fixture) refused(t *testing.T, token string, want error) string {
	t.Helper()
	who, err := f.Verify(t.Context(), token)
	if !errors.Is(err, want) || who != nil {
		t.Errorf("got %v, %v; want %v", who, err, want)
		return ""
	}
	return err.Error()
}

func (f *fixture) accepted(t *testing.T, token string) *Identity {
	t.Helper()
	who, err := f.Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	return who
}

func TestRules(t *testing.T) {
	for name, test := range map[string]struct {
		rules  []Rule
		claims map[string]any
		want   map[string]Role
	}{
		"group":      {[]Rule{{"groups", "a", Reader, "acct"}}, map[string]any{"groups": []string{"b", "a"}}, map[string]Role{"acct": Reader}},
		"one text":   {[]Rule{{"groups", "a", Reader, "acct"}}, map[string]any{"groups": "a"}, map[string]Role{"acct": Reader}},
		"no group":   {[]Rule{{"groups", "a", Reader, "acct"}}, map[string]any{"groups": []string{"A", "aa"}}, map[string]Role{}},
		"no claim":   {[]Rule{{"groups", "a", Reader, "acct"}}, nil, map[string]Role{}},
		"odd claim":  {[]Rule{{"groups", "1", Reader, "acct"}}, map[string]any{"groups": map[string]any{"1": "1"}}, map[string]Role{}},
		"mixed":      {[]Rule{{"groups", "a", Reader, "acct"}}, map[string]any{"groups": []any{1, nil, "a"}}, map[string]Role{"acct": Reader}},
		"sub":        {[]Rule{{"sub", "subject-1", Contributor, "acct"}}, nil, map[string]Role{"acct": Contributor}},
		"nested":     {[]Rule{{"realm_access.roles", "a", Reader, "acct"}}, map[string]any{"realm_access": map[string]any{"roles": []string{"a"}}}, map[string]Role{"acct": Reader}},
		"deep":       {[]Rule{{"a.b.c", "x", Reader, "acct"}}, map[string]any{"a.b": map[string]any{"c": "x"}}, map[string]Role{"acct": Reader}},
		"dotted":     {[]Rule{{"https://a.example/roles", "a", Reader, "acct"}}, map[string]any{"https://a.example/roles": []string{"a"}}, map[string]Role{"acct": Reader}},
		"strongest":  {[]Rule{{"groups", "a", Contributor, "acct"}, {"sub", "subject-1", Reader, "acct"}}, map[string]any{"groups": "a"}, map[string]Role{"acct": Contributor}},
		"two":        {[]Rule{{"groups", "a", Contributor, "one"}, {"sub", "subject-1", Reader, "two"}}, map[string]any{"groups": "a"}, map[string]Role{"one": Contributor, "two": Reader}},
		"verified":   {[]Rule{{"email", "a@b", Reader, "acct"}}, map[string]any{"email": "a@b", "email_verified": true}, map[string]Role{"acct": Reader}},
		"unverified": {[]Rule{{"email", "a@b", Reader, "acct"}}, map[string]any{"email": "a@b", "email_verified": false}, map[string]Role{}},
		"unsaid":     {[]Rule{{"email", "a@b", Reader, "acct"}}, map[string]any{"email": "a@b"}, map[string]Role{}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, test.rules...)
			if who := f.accepted(t, f.issuer.Token(test.claims)); !maps.Equal(who.Roles, test.want) || who.Subject != "subject-1" {
				t.Errorf("got %v %v, want %v", who.Subject, who.Roles, test.want)
			}
		})
	}
}

func TestAlgorithms(t *testing.T) {
	f := newFixture(t)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsa := testcert.RSA(t).Key
	for _, test := range []struct {
		key crypto.Signer
		alg jose.SignatureAlgorithm
	}{{rsa, jose.RS256}, {rsa, jose.RS512}, {rsa, jose.PS256}, {rsa, jose.PS384}, {p384, jose.ES384}, {ed, jose.EdDSA}} {
		f.issuer.SetKeys(test.key)
		f.later += retryInterval
		f.accepted(t, f.issuer.Sign(f.issuer.Key(), test.alg, f.issuer.Claims(nil)))
	}
}

// Nothing that is wrong is trusted, and what a client may hear doesn't differ.
func TestRefusals(t *testing.T) {
	f := newFixture(t)
	good := f.issuer.Token(nil)
	f.accepted(t, good)
	key := f.issuer.Key()
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := json.Marshal(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(good, ".")
	encode := base64.RawURLEncoding.EncodeToString
	for name, token := range map[string]string{
		"empty":             "",
		"no token":          "abc",
		"other issuer":      f.issuer.Token(map[string]any{"iss": "https://other.example"}),
		"no issuer":         f.issuer.Token(map[string]any{"iss": nil}),
		"other audience":    f.issuer.Token(map[string]any{"aud": []string{"a", "b"}}),
		"no subject":        f.issuer.Token(map[string]any{"sub": nil}),
		"no audience":       f.issuer.Token(map[string]any{"aud": nil}),
		"not yet":           f.issuer.Token(map[string]any{"nbf": time.Now().Add(10 * time.Minute).Unix()}),
		"stranger's key":    f.issuer.Sign(jose.JSONWebKey{Key: stranger, KeyID: key.KeyID}, jose.ES256, f.issuer.Claims(nil)),
		"unknown key":       f.issuer.Sign(jose.JSONWebKey{Key: stranger, KeyID: "x"}, jose.ES256, f.issuer.Claims(nil)),
		"key in the header": f.issuer.Sign(jose.JSONWebKey{Key: stranger}, jose.ES256, f.issuer.Claims(nil)),
		"public key as HMAC": f.issuer.Sign(jose.JSONWebKey{Key: public, KeyID: key.KeyID}, jose.HS256,
			f.issuer.Claims(nil)),
		"none":             encode([]byte(`{"alg":"none"}`)) + "." + parts[1] + ".",
		"none with key":    encode([]byte(`{"alg":"none","kid":"`+key.KeyID+`"}`)) + "." + parts[1] + "." + parts[2],
		"other payload":    parts[0] + "." + encode([]byte(`{"iss":"`+f.issuer.URL()+`","aud":"poolcert","exp":9999999999}`)) + "." + parts[2],
		"no signature":     parts[0] + "." + parts[1] + ".",
		"too long":         f.issuer.Token(map[string]any{"x": strings.Repeat("x", MaxToken)}),
		"claims no object": parts[0] + "." + encode([]byte(`[]`)) + "." + parts[2],
	} {
		t.Run(name, func(t *testing.T) { f.refused(t, token, ErrToken) })
	}
	f.refused(t, f.issuer.Token(map[string]any{"exp": time.Now().Add(-2 * time.Minute).Unix()}), ErrExpired)
	f.refused(t, f.issuer.Token(map[string]any{"exp": nil}), ErrExpired)
	// The clocks may differ by a minute.
	f.accepted(t, f.issuer.Token(map[string]any{"exp": time.Now().Add(-30 * time.Second).Unix()}))
	f.accepted(t, f.issuer.Token(map[string]any{"nbf": time.Now().Add(time.Minute).Unix()}))
	f.accepted(t, f.issuer.Token(map[string]any{"aud": []string{"other", oidctest.ClientID}}))
	// All that cost one more fetch at most.
	if n := f.issuer.Fetches(); n > 2 {
		t.Errorf("the issuer was asked %d times", n)
	}
}

func TestRotation(t *testing.T) {
	f := newFixture(t)
	before := f.issuer.Token(nil)
	f.accepted(t, before)
	f.issuer.Rotate()
	f.later += retryInterval
	f.accepted(t, f.issuer.Token(nil))
	f.refused(t, before, ErrToken)
	if n := f.issuer.Fetches(); n != 2 {
		t.Errorf("the issuer was asked %d times, want 2", n)
	}
}

// A key that the issuer withdraws is forgotten within the hour, though no token
// asks for another.
func TestWithdrawnKey(t *testing.T) {
	f := newFixture(t)
	stolen := f.issuer.Token(map[string]any{"exp": time.Now().Add(48 * time.Hour).Unix()})
	f.accepted(t, stolen)
	f.issuer.Rotate()
	f.accepted(t, stolen)
	f.later += refreshInterval
	f.refused(t, stolen, ErrToken)
}

func TestOutage(t *testing.T) {
	f := newFixture(t)
	token := f.issuer.Token(map[string]any{"exp": time.Now().Add(48 * time.Hour).Unix()})
	f.issuer.SetAway(true)
	f.refused(t, token, ErrUnavailable)
	f.issuer.SetAway(false)
	f.refused(t, token, ErrUnavailable) // asked a moment ago
	f.later += retryInterval
	f.accepted(t, token)

	// What is known serves for a day.
	f.issuer.SetAway(true)
	f.accepted(t, token)
	f.later += retryInterval
	f.refused(t, token[:len(token)-10]+"AAAAAAAAAA", ErrToken) // of a key that is known
	f.later += maxKeyAge - time.Minute - retryInterval
	f.accepted(t, token)
	f.later += 2 * time.Minute
	f.refused(t, token, ErrUnavailable)
	f.issuer.SetAway(false)
	f.later += retryInterval
	f.accepted(t, token)
}

func TestWrongDiscovery(t *testing.T) {
	for name, text := range map[string]string{
		"other issuer": `{"issuer": "https://other.example", "jwks_uri": "ISSUER/keys"}`,
		"no keys":      `{"issuer": "ISSUER"}`,
		"plain http":   `{"issuer": "ISSUER", "jwks_uri": "http://192.0.2.1/keys"}`,
		"a page":       `<html>`,
		"too long":     `{"issuer": "ISSUER", "jwks_uri": "ISSUER/keys", "x": "` + strings.Repeat("x", maxDocument) + `"}`,
		"no set":       `{"issuer": "ISSUER", "jwks_uri": "ISSUER/.well-known/openid-configuration"}`,
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.issuer.SetDiscovery(strings.ReplaceAll(text, "ISSUER", f.issuer.URL()))
			t.Log(f.refused(t, f.issuer.Token(nil), ErrUnavailable))
		})
	}
}

// A client that hangs up doesn't end the fetch, which serves others.
func TestVerifyEndsWithContext(t *testing.T) {
	f := newFixture(t)
	f.keys.busy <- struct{}{} // another fetches
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Verify(ctx, f.issuer.Token(nil)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that of the context", err)
	}
	<-f.keys.busy
	if _, err := f.Verify(ctx, f.issuer.Token(nil)); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if f.issuer.Fetches() != 1 {
		t.Error("the keys were not fetched to the end")
	}
}

// Many requests at once, in the middle of a rotation, fetch the keys once.
func TestConcurrentTokens(t *testing.T) {
	f := newFixture(t)
	f.accepted(t, f.issuer.Token(nil))
	f.issuer.Rotate()
	f.later += retryInterval
	token := f.issuer.Token(nil)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, err := f.Verify(t.Context(), token); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := f.issuer.Fetches(); n != 2 {
		t.Errorf("the issuer was asked %d times, want 2", n)
	}
}

func TestConfig(t *testing.T) {
	rule := Rule{"sub", "x", Reader, "acct"}
	for want, cfg := range map[string]Config{
		"issuer":          {Issuer: "x", Audience: "a", Rules: []Rule{rule}},
		"https":           {Issuer: "http://idp.example", Audience: "a", Rules: []Rule{rule}},
		"audience":        {Issuer: "https://idp.example", Rules: []Rule{rule}},
		"rule":            {Issuer: "https://idp.example", Audience: "a"},
		"rule 2: claim":   {Issuer: "https://idp.example", Audience: "a", Rules: []Rule{rule, {}}},
		"rule 1: value":   {Issuer: "https://idp.example", Audience: "a", Rules: []Rule{{Claim: "x"}}},
		"rule 1: role":    {Issuer: "https://idp.example", Audience: "a", Rules: []Rule{{Claim: "x", Value: "y"}}},
		"rule 1: account": {Issuer: "https://idp.example", Audience: "a", Rules: []Rule{{Claim: "x", Value: "y", Role: Reader}}},
	} {
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want something about %s", err, want)
		}
	}
}

// Whatever a token is, it is refused or has a good signature.
func FuzzVerify(f *testing.F) {
	issuer := oidctest.NewIssuer(f)
	v, err := New(Config{Issuer: issuer.URL(), Audience: oidctest.ClientID, Rules: []Rule{{"a.b", "c", Reader, "acct"}}})
	if err != nil {
		f.Fatal(err)
	}
	good := issuer.Token(map[string]any{"a": map[string]any{"b": []string{"c"}}})
	f.Add(good)
	f.Add(strings.Replace(good, ".", "..", 1))
	f.Add(`{"payload":"","signatures":[{},{}]}`)
	f.Add(base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + ".e30.")
	f.Fuzz(func(t *testing.T, token string) {
		who, err := v.Verify(t.Context(), token)
		switch {
		case err == nil && strings.TrimSpace(token) == good && who.Roles["acct"] == Reader:
		case errors.Is(err, ErrToken):
		default:
			t.Errorf("got %v, %v", who, err)
		}
	})
}

// Claims are looked up in any payload, and a value that is found stands in it.
func FuzzClaims(f *testing.F) {
	f.Add([]byte(`{"a":{"b":["c"]},"a.b":"x"}`), "a.b")
	f.Add([]byte(`{"email":"x","email_verified":"true"}`), "email")
	f.Add([]byte(`{"a":{"a":{"a":1}}}`), "a.a.a.a")
	f.Fuzz(func(t *testing.T, payload []byte, name string) {
		var c claims
		if json.Unmarshal(payload, &c) != nil || len(name) > 100 {
			return
		}
		if raw := c.find(name); raw != nil && !bytes.Contains(payload, raw) {
			t.Errorf("%s: found %s, which is not in %s", name, raw, payload)
		}
		c.values(name)
		c.name()
	})
}

func BenchmarkVerify(b *testing.B) {
	issuer := oidctest.NewIssuer(b)
	v, err := New(Config{Issuer: issuer.URL(), Audience: oidctest.ClientID, Rules: []Rule{{"groups", "admins", Contributor, "acct"}}})
	if err != nil {
		b.Fatal(err)
	}
	issuer.SetKeys(testcert.RSA(b).Key)
	token := issuer.Token(map[string]any{"groups": []string{"admins", "users"}})
	for b.Loop() {
		if _, err := v.Verify(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}
