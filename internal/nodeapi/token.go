package nodeapi

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
)

// tokenPrefix names the form and its version.
const tokenPrefix = "pct1."

// maxTokenText bounds what ParseToken looks at.
const maxTokenText = 1024

// A Token is all that a node needs to join a pool: where the service is, how to
// know it, and a secret that the service can check but does not hold. Its text
// form is one word.
//
// The secret is the seed of an Ed25519 key. The service stores SHA-256 of the
// public key, so neither its database nor a captured enrolment lets anybody
// else join.
type Token struct {
	URL    string            // https URL of the node API, without a path
	CA     [sha256.Size]byte // SHA-256 of the service CA's SubjectPublicKeyInfo
	ID     [8]byte
	secret [ed25519.SeedSize]byte
}

// ErrToken is wrapped by every error of [ParseToken].
var ErrToken = errors.New("not a join token")

// NewToken makes a token with a random id and secret.
func NewToken(url string, ca *x509.Certificate) *Token {
	t := &Token{URL: url, CA: sha256.Sum256(ca.RawSubjectPublicKeyInfo)}
	rand.Read(t.ID[:])
	rand.Read(t.secret[:])
	return t
}

// IDText returns the token's id as people see it: 16 hexadecimal digits.
func (t *Token) IDText() string { return hex.EncodeToString(t.ID[:]) }

// Encode returns the text form, which holds the secret.
func (t *Token) Encode() string {
	b := cryptobyte.NewBuilder(nil)
	b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(t.URL)) })
	b.AddBytes(t.CA[:])
	b.AddBytes(t.ID[:])
	b.AddBytes(t.secret[:])
	body := b.BytesOrPanic()
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(append(body, checksum(body)...))
}

// String hides the secret.
func (t *Token) String() string { return "token " + t.IDText() }

// checksum catches a token that was cut or mistyped; it has no other use.
func checksum(body []byte) []byte {
	sum := sha256.Sum256(append([]byte("poolcert join token\x00"), body...))
	return sum[:4]
}

// ParseToken parses the text form. Space around it is allowed.
func ParseToken(text string) (*Token, error) {
	text = strings.TrimSpace(text)
	if len(text) > maxTokenText {
		return nil, fmt.Errorf("%w: longer than %d characters", ErrToken, maxTokenText)
	}
	encoded, ok := strings.CutPrefix(text, tokenPrefix)
	if !ok {
		return nil, fmt.Errorf("%w: it does not begin with %q", ErrToken, tokenPrefix)
	}
	data, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil || len(data) < 4 {
		return nil, fmt.Errorf("%w: a character is missing or wrong", ErrToken)
	}
	body, sum := data[:len(data)-4], data[len(data)-4:]
	if !bytes.Equal(sum, checksum(body)) {
		return nil, fmt.Errorf("%w: a character is missing or wrong", ErrToken)
	}
	var t Token
	var address cryptobyte.String
	s := cryptobyte.String(body)
	if !s.ReadUint8LengthPrefixed(&address) || !s.CopyBytes(t.CA[:]) || !s.CopyBytes(t.ID[:]) || !s.CopyBytes(t.secret[:]) || !s.Empty() {
		return nil, fmt.Errorf("%w: its fields are malformed", ErrToken)
	}
	t.URL = string(address)
	u, err := url.Parse(t.URL)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fmt.Errorf("%w: its address is not an https URL of a server", ErrToken)
	}
	return &t, nil
}

func (t *Token) key() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(t.secret[:]) }

// Hash returns what the service stores of the secret.
func (t *Token) Hash() []byte {
	return hashTokenKey(t.key().Public().(ed25519.PublicKey))
}

// hashTokenKey returns what the service stores of a token's public key.
func hashTokenKey(public []byte) []byte {
	sum := sha256.Sum256(public)
	return sum[:]
}

// Trusts reports whether ca is the service CA that the token names.
func (t *Token) Trusts(ca *x509.Certificate) bool {
	return sha256.Sum256(ca.RawSubjectPublicKeyInfo) == t.CA
}

// Prove fills the token fields of r and signs all of it.
func (t *Token) Prove(r *EnrollRequest, now time.Time) {
	key := t.key()
	r.TokenID = t.IDText()
	r.TokenKey = key.Public().(ed25519.PublicKey)
	r.Time = now.UTC().Truncate(time.Second)
	r.Proof = ed25519.Sign(key, r.transcript())
}

// Proves reports whether the proof was made with the token whose hash is
// given. The caller checks the token's id, time, uses and expiry.
func (r *EnrollRequest) Proves(hash []byte) bool {
	return len(r.TokenKey) == ed25519.PublicKeySize &&
		bytes.Equal(hashTokenKey(r.TokenKey), hash) && // both are public
		ed25519.Verify(r.TokenKey, r.transcript(), r.Proof)
}

// transcript is what the proof signs: every field, each with its length.
func (r *EnrollRequest) transcript() []byte {
	b := cryptobyte.NewBuilder([]byte("poolcert enroll v1\x00"))
	for _, field := range [][]byte{[]byte(r.TokenID), r.TokenKey, r.CSR, r.SealKey, []byte(r.NodeName), []byte(r.Time.UTC().Format(time.RFC3339))} {
		b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(field) })
	}
	transcript, err := b.Bytes()
	if err != nil { // a field of 16 MiB: no proof covers it
		return nil
	}
	return transcript
}
