package account

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"poolcert/account/db"
	"poolcert/batch"
	"poolcert/internal/nodeapi"
)

const (
	maxReferences = 1000 // of one pool
	maxStoreName  = 64
)

const referencesProperty = "certificateReferences"

// checkReferences returns the references with their defaults, and whom they name.
// A certificate may be named once: a node installs it in one place.
func checkReferences(given []batch.CertificateReference) ([]batch.CertificateReference, []batch.Thumbprint, error) {
	if len(given) > maxReferences {
		return nil, nil, invalid(referencesProperty, "", fmt.Sprintf("There are %d references; the limit is %d.", len(given), maxReferences))
	}
	refs := make([]batch.CertificateReference, 0, len(given))
	thumbprints := make([]batch.Thumbprint, 0, len(given))
	seen := make(map[batch.Thumbprint]bool, len(given))
	for _, r := range given {
		switch {
		case r.ThumbprintAlgorithm == "":
			return nil, nil, missing("thumbprintAlgorithm")
		case !strings.EqualFold(r.ThumbprintAlgorithm, batch.SHA1):
			return nil, nil, invalid("thumbprintAlgorithm", r.ThumbprintAlgorithm, "The only algorithm is sha1.")
		case seen[r.Thumbprint]:
			return nil, nil, invalid(referencesProperty, r.Thumbprint.String(), "The certificate is referenced twice.")
		case !validStoreName(r.StoreName):
			return nil, nil, invalid("storeName", r.StoreName, "A store name has up to 64 characters, and no slashes or control characters.")
		}
		seen[r.Thumbprint] = true
		refs = append(refs, r.WithDefaults())
		thumbprints = append(thumbprints, r.Thumbprint)
	}
	return refs, thumbprints, nil
}

func validStoreName(name string) bool {
	return len(name) <= maxStoreName && !strings.ContainsFunc(name, func(c rune) bool {
		return c < ' ' || c == 0x7f || c == '/' || c == '\\'
	})
}

// attach makes a pool refer to the certificates. Each of them must be active now;
// the account's lock keeps it so until the commit.
func attach(tx *db.Tx, acct int64, pool string, thumbprints []batch.Thumbprint) error {
	var bad []string
	for _, tp := range thumbprints {
		row, err := tx.Certificate(acct, tp)
		switch {
		case errors.Is(err, db.ErrNotFound):
			bad = append(bad, tp.String(), "The account has no such certificate.")
		case err != nil:
			return err
		case row.State != batch.StateActive:
			bad = append(bad, tp.String(), "The certificate is in the state "+string(row.State)+".")
		}
	}
	if bad != nil {
		return batch.NewError(batch.CodeInvalidCertificateReferences,
			"A pool can refer only to certificates of the account that are active.", bad...)
	}
	refs := make([]db.PoolReference, len(thumbprints))
	for i, tp := range thumbprints {
		refs[i].Thumbprint = tp
	}
	return tx.SetPoolReferences(acct, pool, refs)
}

// A ReferencesDoc is what a pool's nodes have to have.
type ReferencesDoc struct {
	Body []byte // JSON of nodeapi.References
	Tag  string // its revision, without quotes
}

// referencesDoc returns the document of a pool. It depends on its content alone,
// so that a restart or another replica changes no tag.
func referencesDoc(account string, row *db.Pool) (*ReferencesDoc, error) {
	doc := nodeapi.References{Account: account, Pool: row.Name}
	if err := json.Unmarshal([]byte(row.References), &doc.References); err != nil {
		return nil, fmt.Errorf("references of pool %s: %w", row.ID, err)
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
	return &ReferencesDoc{Body: body, Tag: doc.Revision}, nil
}
