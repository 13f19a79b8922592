// Package wincrypt has certificate stores and private keys of Windows behind one
// narrow interface, [Calls], and what can be said of them without Windows: which flags
// a key is imported with, what comes after a refusal, who may use a key, in which order
// bytes go.
//
// Call [System] for the real one; [wincrypttest.New] makes one in memory, so that all
// that stands on Calls is tested on every system. [Import] puts a key into Windows,
// [NewPrivateKey] uses one that is there without taking it out.
//
// Promises. Nothing asks a person: where Windows would, the call fails with [ErrAsks].
// Errors hold neither passwords nor keys, and wrap a sentinel of this package where the
// code of Windows is known.
//
// Which of the calls have never run on a real Windows, docs/windows.md says.
package wincrypt

import (
	"crypto/sha1"

	"poolcert/internal/sddl"
)

// A Location is where a system store is, in the values of Windows.
type Location uint32

const (
	CurrentUser  Location = 1 << 16 // of the account that this process runs as
	LocalMachine Location = 2 << 16
)

func (l Location) String() string {
	if l == LocalMachine {
		return "localmachine"
	}
	return "currentuser"
}

// An Opening says what a store is opened for.
type Opening int

const (
	ToRead   Opening = iota // which most accounts may
	ToChange                // and is there
	ToMake                  // to change, and made if it is not there
)

// Calls are what Windows does. They are safe for concurrent use.
type Calls interface {
	// StoreNames lists the stores that there are.
	StoreNames(Location) ([]string, error)

	// OpenStore opens a store. One that is not there is ErrNotFound, unless it is to
	// be made.
	OpenStore(at Location, name string, how Opening) (Store, error)

	// ImportPFX has CNG keep the one key of a PFX, which has there the name that it is
	// to have, and tells where it is. After an error there is none of that name.
	ImportPFX(to Container, data []byte, password string, flags uint32) (Container, error)

	// ImportBlob has a CSP keep an RSA key, given as PRIVATEKEYBLOB, in a container
	// which takes the place of one of that name.
	ImportBlob(to Container, blob []byte, flags uint32) error

	// OpenKey opens a key; ErrNotFound when it is not there.
	OpenKey(Container) (Key, error)

	// DeleteKey deletes a container with its key. That there is none is no error; that
	// there is one which this process may not open is ErrAccess.
	DeleteKey(Container) error

	// Watch sends to changed, which has room for one, when something changes in the
	// stores of localmachine, by whatever process: once, if it is not ended before. Keys
	// and who may use them are not in the stores.
	Watch(changed chan<- struct{}) (end func(), err error)

	// Account returns the account that this process runs as.
	Account() (sddl.SID, error)
}

// A Store is an open system store. One goroutine uses it.
type Store interface {
	// Certificates returns all that is there.
	Certificates() ([]Certificate, error)

	// Find returns the certificate with this thumbprint, or ErrNotFound.
	Find(thumbprint [sha1.Size]byte) (Certificate, error)

	// Add puts c there. One that is there already makes it ErrExists, unless it is
	// to be replaced, with all that belongs to it.
	Add(c Certificate, replace bool) error

	// Delete takes a certificate away, not its key. That there is none is no error.
	Delete(thumbprint [sha1.Size]byte) error

	// Close has all changes seen by others, and frees the store.
	Close() error
}

// A Certificate is one in a store, with those of its properties that matter here.
type Certificate struct {
	DER     []byte
	Key     Container // CERT_KEY_PROV_INFO; zero: none
	Name    string    // CERT_FRIENDLY_NAME; empty: none
	Renewal []byte    // CERT_RENEWAL: the SHA-1 of the certificate after it; nil: none
	Mark    []byte    // ours alone; nil: none
}

// Thumbprint returns the SHA-1 of the certificate.
func (c *Certificate) Thumbprint() [sha1.Size]byte { return sha1.Sum(c.DER) }

// A Container is where a private key is: what Windows calls CRYPT_KEY_PROV_INFO.
type Container struct {
	Name     string `json:"name"`
	Provider string `json:"provider"`
	Type     uint32 `json:"type,omitempty"` // of the provider, if that is an old CSP; 0: CNG
	Machine  bool   `json:"machine,omitempty"`
	Spec     uint32 `json:"spec,omitempty"` // of a CSP: AT_KEYEXCHANGE or AT_SIGNATURE
}

// IsCSP tells whether the key is that of an old cryptographic service provider.
func (c Container) IsCSP() bool { return c.Type != 0 }

// A Key is an open private key. One goroutine uses it at a time. Its bytes are as
// Windows has them: big endian with CNG and little endian with a CSP, save the secret
// of Agree, which is little endian.
type Key interface {
	// Decrypt does one private-key operation on a ciphertext of RSA.
	Decrypt(ciphertext []byte, p Padding) ([]byte, error)

	// Agree returns the raw secret of ECDH with a public key, given as
	// BCRYPT_ECCPUBLIC_BLOB.
	Agree(peer []byte) ([]byte, error)

	// Access tells who may use the key.
	Access() ([]Grant, error)

	// SetAccess sets that, in the security descriptor definition language.
	SetAccess(sddl string) error

	Close() error
}

// A Padding is that of RSA.
type Padding struct {
	OAEP  bool   // else PKCS #1 v1.5
	Hash  string // of OAEP, in CNG's names: SHA1, SHA256, SHA384, SHA512
	Label []byte
}

// A Grant is an entry of a key's access control list.
type Grant struct {
	To   sddl.SID
	Mask uint32
	Deny bool // or of a kind that is not known
}
