package pfx

import (
	"time"

	"poolcert/batch"
)

// An Info describes a PFX file for people, as far as it can be read. It holds no
// secret. Texts from the file are cut and hold only printable characters.
type Info struct {
	Size         int               `json:"size"` // bytes
	MAC          *MACInfo          `json:"mac"`  // nil: none
	Parts        []PartInfo        `json:"parts"`
	Certificates []CertificateInfo `json:"certificates"` // in the file's order, doubles included
	Keys         []KeyInfo         `json:"keys"`
	Warnings     []Warning         `json:"warnings,omitempty"`

	// Problem says why [Decode] refuses the file; it is empty when it does not.
	Problem string `json:"problem,omitempty"`
}

// A MACInfo describes what protects the integrity of a file.
type MACInfo struct {
	Algorithm string `json:"algorithm"`
	Rounds    int64  `json:"rounds,omitempty"` // 0: not known
	Verified  bool   `json:"verified"`
	Problem   string `json:"problem,omitempty"`
}

// A PartInfo describes one part of a file, with an encryption of its own. Keys are
// most often encrypted one by one, in a part that is not.
type PartInfo struct {
	Encryption string   `json:"encryption,omitempty"` // empty: none
	Rounds     int64    `json:"rounds,omitempty"`     // 0: none, or not known
	Others     []string `json:"others,omitempty"`     // entries that are neither key nor certificate
	Problem    string   `json:"problem,omitempty"`    // why it does not open
}

// A CertificateInfo describes one certificate.
type CertificateInfo struct {
	Part      int              `json:"part"` // index in Info.Parts
	Name      string           `json:"friendlyName,omitempty"`
	Subject   string           `json:"subject"`
	Issuer    string           `json:"issuer"`
	Serial    string           `json:"serial"` // hexadecimal
	NotBefore time.Time        `json:"notBefore"`
	NotAfter  time.Time        `json:"notAfter"`
	Algorithm string           `json:"algorithm"` // of its key, such as "RSA 2048"
	SHA1      batch.Thumbprint `json:"sha1"`
	SHA256    string           `json:"sha256"`
	HasKey    bool             `json:"hasKey"`
	Problem   string           `json:"problem,omitempty"` // set: the rest is not
}

// A KeyInfo describes one private key.
type KeyInfo struct {
	Part       int    `json:"part"`
	Name       string `json:"friendlyName,omitempty"`
	Algorithm  string `json:"algorithm,omitempty"`  // such as "RSA 2048"; empty: not known
	Encryption string `json:"encryption,omitempty"` // its own; empty: that of its part
	Rounds     int64  `json:"rounds,omitempty"`

	// Certificates are the thumbprints of those in the file that belong to the key.
	Certificates []batch.Thumbprint `json:"certificates"`
	Problem      string             `json:"problem,omitempty"` // why it can't be used
}
