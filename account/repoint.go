package account

import (
	"encoding/json"
	"errors"
	"fmt"

	"poolcert/account/db"
	"poolcert/batch"
)

// repoint makes pools refer to what their names stand for now, and returns those for
// which that is a change.
func repoint(tx *db.Tx, acct int64, pools []db.Pool, rev int64) (changed []db.Pool, err error) {
	find := nameFinder(tx, acct)
	for i := range pools {
		row := &pools[i]
		before := row.References
		refs, err := repointOne(row, find)
		if err != nil {
			return nil, err
		}
		if row.References == before {
			continue
		}
		row.Revision, row.ReferencesRevision, row.Modified = rev, rev, now()
		if err := tx.SetPool(row); err != nil {
			return nil, err
		}
		if err := attach(tx, acct, row.ID, refs); err != nil {
			return nil, err
		}
		changed = append(changed, *row)
	}
	if len(changed) > 0 {
		err = tx.Announce(acct, rev)
	}
	return changed, err
}

// repointOne writes into the row what its names stand for now. A refusal says whose
// it is.
func repointOne(row *db.Pool, find findName) ([]batch.CertificateReference, error) {
	var refs []batch.CertificateReference
	if err := json.Unmarshal([]byte(row.References), &refs); err != nil {
		return nil, fmt.Errorf("references of pool %s: %w", row.ID, err)
	}
	refs, err := checkReferences(refs)
	if err == nil {
		refs, err = expand(refs, find)
	}
	if err == nil {
		err = storeReferences(row, refs)
	}
	if err == nil {
		err = checkPoolSize(row)
	}
	if refusal, ok := errors.AsType[*batch.Error](err); ok {
		return nil, batch.NewError(batch.CodeInvalidCertificateReferences,
			"A pool that refers to the name can't take the certificate.", append([]string{"Pool", row.Name}, reasonOf(refusal)...)...)
	}
	return refs, err
}

// reasonOf returns the details of a refusal that say why.
func reasonOf(refusal *batch.Error) (details []string) {
	for _, v := range refusal.Values {
		if v.Key != "PropertyName" {
			details = append(details, v.Key, v.Value)
		}
	}
	if details == nil {
		details = []string{"Reason", refusal.Message}
	}
	return details
}
