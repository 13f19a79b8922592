// Package oidctest is an OpenID Connect issuer for tests: real HTTP, keys of its
// own, and every way to sign wrongly.
//
// [NewIssuer] starts one on a loopback address. It signs whatever claims it is
// told to; with [Issuer.Device] people sign in by the device flow (RFC 8628).
package oidctest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// ClientID is the audience of the tokens that an issuer makes by itself.
const ClientID = "poolcert"

// An Issuer is the server. Its methods are safe for concurrent use.
type Issuer struct {
	t   testing.TB
	srv *httptest.Server

	mu       sync.Mutex
	keys     []jose.JSONWebKey // with private parts; the first one signs
	made     int
	document string // instead of the discovery document
	away     bool
	fetches  int
	device   device
}

// NewIssuer starts an issuer with one key. It ends with the test.
func NewIssuer(t testing.TB) *Issuer {
	t.Helper()
	i := &Issuer{t: t}
	i.srv = httptest.NewServer(http.HandlerFunc(i.serve))
	t.Cleanup(i.srv.Close)
	i.Rotate()
	return i
}

// URL is what tokens name in iss.
func (i *Issuer) URL() string { return i.srv.URL }

// Rotate makes a new key and forgets those before, from which on tokens of them
// are not to be trusted.
func (i *Issuer) Rotate() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		i.t.Fatal(err)
	}
	i.SetKeys(key)
}

// SetKeys replaces all keys. The first one signs.
func (i *Issuer) SetKeys(keys ...crypto.Signer) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = nil
	for _, key := range keys {
		i.made++
		i.keys = append(i.keys, jose.JSONWebKey{Key: key, KeyID: fmt.Sprintf("key-%d", i.made), Use: "sig"})
	}
}

// SetAway has the issuer answer everything with 503, or no longer.
func (i *Issuer) SetAway(away bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.away = away
}

// SetDiscovery replaces the discovery document by a text; empty is the right one.
func (i *Issuer) SetDiscovery(text string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.document = text
}

// Fetches is how often the keys were asked for.
func (i *Issuer) Fetches() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.fetches
}

// Claims are those of a token that is valid for an hour, with changes; a nil value
// removes a claim.
func (i *Issuer) Claims(changes map[string]any) map[string]any {
	now := time.Now()
	claims := map[string]any{
		"iss": i.URL(), "aud": ClientID, "sub": "subject-1", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	for name, value := range changes {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	return claims
}

// Token signs [Issuer.Claims] with the first key.
func (i *Issuer) Token(changes map[string]any) string {
	i.t.Helper()
	i.mu.Lock()
	key := i.keys[0]
	i.mu.Unlock()
	return i.Sign(key, Algorithm(key.Key), i.Claims(changes))
}

// Key returns the key that signs now.
func (i *Issuer) Key() jose.JSONWebKey {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.keys[0]
}

// Algorithm is the one that a key of that type signs with by default.
func Algorithm(key any) jose.SignatureAlgorithm {
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		return map[int]jose.SignatureAlgorithm{256: jose.ES256, 384: jose.ES384, 521: jose.ES512}[key.Params().BitSize]
	case []byte:
		return jose.HS256
	}
	return jose.RS256
}

// Sign makes a token of any claims with any key.
func (i *Issuer) Sign(key jose.JSONWebKey, algorithm jose.SignatureAlgorithm, claims map[string]any) string {
	i.t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, nil)
	if err != nil {
		i.t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		i.t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		i.t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		i.t.Fatal(err)
	}
	return token
}

func (i *Issuer) serve(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.away {
		http.Error(w, "away", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		if i.document != "" {
			fmt.Fprint(w, i.document)
			return
		}
		json.NewEncoder(w).Encode(map[string]any{
			"issuer": i.URL(), "jwks_uri": i.URL() + "/keys", "token_endpoint": i.URL() + "/token",
			"device_authorization_endpoint": i.URL() + "/device", "authorization_endpoint": i.URL() + "/authorize",
		})
	case "/keys":
		i.fetches++
		var set jose.JSONWebKeySet
		for _, key := range i.keys {
			set.Keys = append(set.Keys, key.Public())
		}
		json.NewEncoder(w).Encode(set)
	case "/device":
		i.startDevice(w, r)
	case "/token":
		i.grant(w, r)
	default:
		http.NotFound(w, r)
	}
}

// sign is Token for a caller that holds the lock.
func (i *Issuer) sign(changes map[string]any) string {
	key := i.keys[0]
	return i.Sign(key, Algorithm(key.Key), i.Claims(maps.Clone(changes)))
}
