package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	// refreshInterval is how old keys get before they are fetched anew: a key that
	// the issuer has withdrawn counts that long.
	refreshInterval = time.Hour

	// maxKeyAge is how long keys serve while the issuer is away.
	maxKeyAge = 24 * time.Hour

	// retryInterval is the least time between two fetches, whoever asks for them.
	retryInterval = 5 * time.Second

	fetchTimeout = 5 * time.Second
	maxDocument  = 1 << 20 // bytes of one of the issuer's answers
	maxKeys      = 100
)

// A keySet holds the issuer's keys, and fetches them when a token needs it.
type keySet struct {
	issuer string
	http   *http.Client
	log    *slog.Logger
	now    func() time.Time
	busy   chan struct{} // holds one: who fetches

	mu      sync.Mutex
	keys    []jose.JSONWebKey
	fetched time.Time // when keys were
	tried   time.Time // when the last fetch began
	err     error     // of that fetch
}

// verify returns the payload of a token that one of the keys signed.
func (s *keySet) verify(ctx context.Context, token string) ([]byte, error) {
	allowed := make([]jose.SignatureAlgorithm, len(algorithms))
	for i, name := range algorithms {
		allowed[i] = jose.SignatureAlgorithm(name)
	}
	signed, err := jose.ParseSignedCompact(token, allowed)
	if err != nil {
		return nil, err
	}
	keys, fresh := s.known(signed.Signatures[0].Header.KeyID)
	payload, good := verifyWith(signed, keys)
	if good && fresh {
		return payload, nil
	}
	if err := s.refresh(ctx, good); err != nil && len(keys) == 0 {
		return nil, err
	}
	keys, _ = s.known(signed.Signatures[0].Header.KeyID)
	if payload, good = verifyWith(signed, keys); !good {
		return nil, errors.New("no key of the issuer has signed it")
	}
	return payload, nil
}

func verifyWith(signed *jose.JSONWebSignature, keys []jose.JSONWebKey) (payload []byte, good bool) {
	for _, key := range keys {
		if key.Algorithm != "" && key.Algorithm != signed.Signatures[0].Header.Algorithm {
			continue
		}
		if payload, err := signed.Verify(key.Key); err == nil {
			return payload, true
		}
	}
	return nil, false
}

// known returns the keys of an id that are not too old, and whether they are fresh.
func (s *keySet) known(id string) (found []jose.JSONWebKey, fresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	age := s.now().Sub(s.fetched)
	if age > maxKeyAge {
		return nil, false
	}
	for _, key := range s.keys {
		if id == "" || key.KeyID == id {
			found = append(found, key)
		}
	}
	return found, age < refreshInterval
}

// refresh fetches the keys, unless that was tried a moment ago, or another does
// and the caller can do without. Its error is that of the last fetch.
func (s *keySet) refresh(ctx context.Context, optional bool) error {
	select {
	case s.busy <- struct{}{}:
	default:
		if optional {
			return nil
		}
		select {
		case s.busy <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	defer func() { <-s.busy }()
	s.mu.Lock()
	tried, err := s.tried, s.err
	s.mu.Unlock()
	if s.now().Sub(tried) < retryInterval {
		return err
	}
	// Not the client's context: one who hangs up would keep the keys from the others.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
	defer cancel()
	begin := s.now()
	keys, err := s.fetch(ctx)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrUnavailable, err)
		s.log.Warn("keys of the issuer cannot be fetched", "issuer", s.issuer, "err", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tried, s.err = begin, err
	if err == nil {
		s.keys, s.fetched = keys, begin
	}
	return err
}

// fetch reads the discovery document and then the keys (OpenID Connect Discovery
// 1.0, section 4). The address of the keys may change, so it is not kept.
func (s *keySet) fetch(ctx context.Context) ([]jose.JSONWebKey, error) {
	var discovery struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := s.document(ctx, strings.TrimSuffix(s.issuer, "/")+"/.well-known/openid-configuration", &discovery); err != nil {
		return nil, err
	}
	if discovery.Issuer != s.issuer {
		return nil, fmt.Errorf("the discovery document is of the issuer %q", clip(discovery.Issuer))
	}
	if u, err := url.Parse(discovery.Keys); err != nil || !private(u) {
		return nil, fmt.Errorf("the discovery document has the jwks_uri %q, which is not an https URL", clip(discovery.Keys))
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := s.document(ctx, discovery.Keys, &set); err != nil {
		return nil, err
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("the issuer has more than %d keys", maxKeys)
	}
	var keys []jose.JSONWebKey
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		// Keys of kinds that are not known here are for others (RFC 7517, section 5).
		if json.Unmarshal(raw, &key) != nil || !key.Valid() || !key.IsPublic() || key.Use == "enc" {
			continue
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("the issuer has no key to sign with")
	}
	return keys, nil
}

// document reads one JSON document of the issuer.
func (s *keySet) document(ctx context.Context, address string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := s.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", address, resp.Status)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxDocument+1))
	if err != nil {
		return fmt.Errorf("GET %s: %w", address, err)
	}
	if len(data) > maxDocument {
		return fmt.Errorf("GET %s: the answer is longer than %d bytes", address, maxDocument)
	}
	if err := json.Unmarshal(data, into); err != nil {
		kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
		return fmt.Errorf("GET %s: the answer, %s, is not the JSON that is expected: %v", address, clip(kind), err)
	}
	return nil
}

// clip shortens outside text that goes into an error.
func clip(s string) string {
	const most = 100
	if len(s) > most {
		s = s[:most] + "..."
	}
	return strings.ToValidUTF8(s, "?")
}
