package batch

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"
)

// MaxNameLength is the limit of a [CertificateName] in characters.
const MaxNameLength = 64

// ErrName is wrapped by errors about a text that is no [CertificateName].
var ErrName = errors.New("not a certificate name")

// A CertificateName stands for the current one of the certificates that were added
// under it, so that a pool can follow when another becomes current. It is poolcert's
// addition to the Batch API. It has 1 to 64 letters, digits, dots, underscores and
// hyphens, is compared without regard to letter case, and never reads as a
// thumbprint.
type CertificateName string

// ParseCertificateName checks a name. Errors wrap [ErrName].
func ParseCertificateName(text string) (CertificateName, error) {
	allowed := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-'
	}
	if text == "" || len(text) > MaxNameLength || strings.ContainsFunc(text, func(c rune) bool { return !allowed(c) }) {
		return "", fmt.Errorf("%w: %q: want 1 to %d letters, digits, dots, underscores and hyphens", ErrName, clip(text, 40), MaxNameLength)
	}
	if _, err := ParseThumbprint(text); err == nil {
		return "", fmt.Errorf("%w: %q reads as a thumbprint", ErrName, text)
	}
	return CertificateName(text), nil
}

// UnmarshalText is [ParseCertificateName].
func (n *CertificateName) UnmarshalText(text []byte) (err error) {
	*n, err = ParseCertificateName(string(text))
	return err
}

// Key returns what names are compared by.
func (n CertificateName) Key() string { return strings.ToLower(string(n)) }

// A NameState is what a certificate is to its name.
type NameState string

// The states of a certificate in the history of its name.
const (
	NameCurrent NameState = "current" // the name stands for it
	NameOverlap NameState = "overlap" // was current; nodes keep it, so that old secrets open
	NamePast    NameState = "past"    // was current; no pool has it by the name
)

// A NamedCertificate is one entry in the history of a name.
type NamedCertificate struct {
	Certificate
	Added Time `json:"poolcert:addedTime"`

	// Until is when it leaves the pools that refer to the name, or left them; nil for
	// the current one.
	Until *Time `json:"poolcert:untilTime,omitempty"`
}

// SetCurrent makes a certificate the one that its name stands for.
type SetCurrent struct {
	Thumbprint          Thumbprint `json:"thumbprint"`
	ThumbprintAlgorithm string     `json:"thumbprintAlgorithm"`

	// Replaces, if not zero, is the certificate that must be current, or the call is
	// refused: another one may have come meanwhile.
	Replaces Thumbprint `json:"replaces,omitzero"`
}

func namePath(name CertificateName) string {
	return "/certificatenames/" + url.PathEscape(string(name))
}

// NameHistory yields the certificates that the account has under a name, the one that
// became current last first: if one is current, that is the first. There is no filter.
// Refusal: [CodeNameNotFound].
func (c *Client) NameHistory(ctx context.Context, name CertificateName, o ListOptions) iter.Seq2[*NamedCertificate, error] {
	return list[NamedCertificate](ctx, c, namePath(name)+"/certificates", o)
}

// SetCurrent makes a certificate of the name the current one. It may be called again
// when its answer was lost.
func (c *Client) SetCurrent(ctx context.Context, name CertificateName, set SetCurrent) error {
	return c.call(ctx, http.MethodPost, namePath(name)+"/setcurrent", nil, set, nil)
}
