package batch

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A StoreLocation is a Windows store location. Linux nodes ignore it.
type StoreLocation string

// The store locations. Absent means CurrentUser.
const (
	CurrentUser  StoreLocation = "currentuser"
	LocalMachine StoreLocation = "localmachine"
)

// UnmarshalText accepts any letter case.
func (l *StoreLocation) UnmarshalText(text []byte) error {
	v, err := parseEnum("storeLocation", text, CurrentUser, LocalMachine)
	*l = v
	return err
}

// A Visibility says which accounts of a node may use a private key.
type Visibility string

// The visibilities. An absent list means all three.
const (
	StartTask  Visibility = "starttask"
	Task       Visibility = "task"
	RemoteUser Visibility = "remoteuser"
)

// Visibilities returns all visibilities in the order of the documentation.
func Visibilities() []Visibility { return []Visibility{StartTask, Task, RemoteUser} }

// UnmarshalText accepts any letter case.
func (v *Visibility) UnmarshalText(text []byte) error {
	parsed, err := parseEnum("visibility", text, StartTask, Task, RemoteUser)
	*v = parsed
	return err
}

// DefaultStoreName is the Windows store of a reference that names none.
const DefaultStoreName = "My"

// A CertificateReference tells a pool to install a certificate on its nodes:
// where, and for whom (reference section 5.1).
type CertificateReference struct {
	Thumbprint          Thumbprint    `json:"thumbprint"`
	ThumbprintAlgorithm string        `json:"thumbprintAlgorithm"`
	StoreLocation       StoreLocation `json:"storeLocation,omitempty"`
	StoreName           string        `json:"storeName,omitempty"`
	Visibility          []Visibility  `json:"visibility,omitempty"`

	// Name, if set, is to what the pool refers: it reads as one reference for the
	// certificate that the name stands for, and one for each in its overlap after it.
	// When it is written, the thumbprint counts for nothing.
	Name CertificateName `json:"poolcert:name,omitempty"`
}

// Same tells whether both references put the same certificate into the same place for
// the same visibilities, in the same order: see [CertificateReference.WithDefaults].
func (r CertificateReference) Same(other CertificateReference) bool {
	return r.Thumbprint == other.Thumbprint && r.Name == other.Name && r.StoreLocation == other.StoreLocation &&
		r.StoreName == other.StoreName && slices.Equal(r.Visibility, other.Visibility)
}

// WithDefaults returns r with absent fields set to what they mean.
// The visibilities are in the order of [Visibilities], each once.
func (r CertificateReference) WithDefaults() CertificateReference {
	r.ThumbprintAlgorithm = SHA1
	if r.StoreLocation == "" {
		r.StoreLocation = CurrentUser
	}
	if r.StoreName == "" {
		r.StoreName = DefaultStoreName
	}
	if len(r.Visibility) == 0 {
		r.Visibility = Visibilities()
		return r
	}
	given := r.Visibility
	r.Visibility = nil
	for _, v := range Visibilities() {
		if slices.Contains(given, v) {
			r.Visibility = append(r.Visibility, v)
		}
	}
	return r
}

// ErrEnum is wrapped by errors about a value that is none of the allowed ones.
var ErrEnum = errors.New("unknown value")

// parseEnum finds text among the allowed values, in any letter case. The empty
// text stays empty: absent.
func parseEnum[T ~string](what string, text []byte, allowed ...T) (T, error) {
	s := T(strings.ToLower(string(text)))
	if s == "" || slices.Contains(allowed, s) {
		return s, nil
	}
	names := make([]string, len(allowed))
	for i, a := range allowed {
		names[i] = string(a)
	}
	return "", fmt.Errorf("%s: %w %q, want one of %s", what, ErrEnum, clip(string(text), 40), strings.Join(names, ", "))
}
