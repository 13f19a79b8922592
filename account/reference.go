package account

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"poolcert/account/db"
	"poolcert/batch"
	"poolcert/internal/nodeapi"
)

const (
	maxReferences = 1000 // of one pool
	maxStoreName  = 64
)

const referencesProperty = "certificateReferences"

// checkReferences returns the references with their defaults, and those by one name
// as one without a thumbprint: a client that changes what it read sends them all. A
// certificate may be named once: a node installs it in one place.
func checkReferences(given []batch.CertificateReference) ([]batch.CertificateReference, error) {
	if len(given) > maxReferences {
		return nil, errTooManyReferences(len(given))
	}
	refs := make([]batch.CertificateReference, 0, len(given))
	seen := make(map[batch.Thumbprint]bool, len(given))
	named := make(map[string]*batch.CertificateReference)
	for _, r := range given {
		switch {
		case r.ThumbprintAlgorithm == "" && r.Name == "":
			return nil, missing("thumbprintAlgorithm")
		case r.ThumbprintAlgorithm != "" && !strings.EqualFold(r.ThumbprintAlgorithm, batch.SHA1):
			return nil, invalid("thumbprintAlgorithm", r.ThumbprintAlgorithm, "The only algorithm is sha1.")
		case r.Name == "" && seen[r.Thumbprint]:
			return nil, errReferencedTwice(r.Thumbprint)
		case !validStoreName(r.StoreName):
			return nil, invalid("storeName", r.StoreName, "A store name has up to 64 characters, and no slashes or control characters.")
		}
		r = r.WithDefaults()
		if r.Name == "" {
			seen[r.Thumbprint] = true
			refs = append(refs, r)
			continue
		}
		r.Thumbprint = batch.Thumbprint{}
		if first := named[r.Name.Key()]; first == nil {
			named[r.Name.Key()] = &r
			refs = append(refs, r)
		} else if !sameInstallation(*first, r) {
			return nil, invalid(referencesProperty, string(r.Name), "The references by this name differ in their store or visibility.")
		}
	}
	return refs, nil
}

// sameInstallation tells whether two references with their defaults tell nodes to
// install a certificate alike.
func sameInstallation(a, b batch.CertificateReference) bool {
	return a.StoreLocation == b.StoreLocation && a.StoreName == b.StoreName && slices.Equal(a.Visibility, b.Visibility)
}

func errTooManyReferences(n int) error {
	return invalid(referencesProperty, "", fmt.Sprintf("There are %d references; the limit is %d.", n, maxReferences))
}

func errReferencedTwice(tp batch.Thumbprint) error {
	return invalid(referencesProperty, tp.String(), "The certificate is referenced twice.")
}

func validStoreName(name string) bool {
	return len(name) <= maxStoreName && !strings.ContainsFunc(name, func(c rune) bool {
		return c < ' ' || c == 0x7f || c == '/' || c == '\\'
	})
}

// resolve returns checked references with the certificates that their names stand
// for. Each certificate must be active now; the account's lock keeps it so until the
// commit.
func resolve(tx *db.Tx, acct int64, checked []batch.CertificateReference) ([]batch.CertificateReference, error) {
	refs, err := expand(checked, nameFinder(tx, acct))
	if err != nil {
		return nil, err
	}
	var bad []string
	for _, r := range refs {
		row, err := tx.Certificate(acct, r.Thumbprint)
		switch {
		case errors.Is(err, db.ErrNotFound):
			bad = append(bad, r.Thumbprint.String(), "The account has no such certificate.")
		case err != nil:
			return nil, err
		case row.State != batch.StateActive:
			bad = append(bad, r.Thumbprint.String(), "The certificate is in the state "+string(row.State)+".")
		}
	}
	if bad != nil {
		return nil, batch.NewError(batch.CodeInvalidCertificateReferences,
			"A pool can refer only to certificates of the account that are active.", bad...)
	}
	return refs, nil
}

// attach makes a pool refer to the certificates.
func attach(tx *db.Tx, acct int64, pool string, refs []batch.CertificateReference) error {
	rows := make([]db.PoolReference, len(refs))
	for i, r := range refs {
		rows[i] = db.PoolReference{Thumbprint: r.Thumbprint, Name: r.Name.Key()}
	}
	return tx.SetPoolReferences(acct, pool, rows)
}

// A ReferencesDoc is what a pool's nodes have to have.
type ReferencesDoc struct {
	Body []byte // JSON of nodeapi.References
	Tag  string // its revision, without quotes

	references int
	changed    time.Time // when it became so; zero: unknown
}

// referencesDoc returns the document of a pool. It depends on its content alone,
// so that a restart or another replica changes no tag.
func referencesDoc(account string, row *db.Pool) (*ReferencesDoc, error) {
	doc := nodeapi.References{Account: account, Pool: row.Name}
	if err := json.Unmarshal([]byte(row.References), &doc.References); err != nil {
		return nil, fmt.Errorf("references of pool %s: %w", row.ID, err)
	}
	if doc.References == nil {
		doc.References = []batch.CertificateReference{} // nodes take nothing for nothing only when it says so
	}
	content, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("references of pool %s: %w", row.ID, err)
	}
	sum := sha256.Sum256(content)
	doc.Revision = hex.EncodeToString(sum[:16])
	body, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("references of pool %s: %w", row.ID, err)
	}
	made := &ReferencesDoc{Body: body, Tag: doc.Revision, references: len(doc.References)}
	if row.ReferencesRevision == row.Revision { // nothing else was changed since
		made.changed = row.Modified
	}
	return made, nil
}
