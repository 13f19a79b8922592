package account

import (
	"errors"
	"fmt"

	"poolcert/account/db"
	"poolcert/batch"
	"poolcert/internal/nodeapi"
)

// invalid refuses a property's value. Values of data and password are never told,
// so they have none here; reason is a sentence for a person.
func invalid(property, value, reason string) error {
	e := batch.NewError(batch.CodeInvalidPropertyValue,
		"The value of one of the properties in the request body is invalid.", "PropertyName", property)
	if value != "" {
		e.Values = append(e.Values, batch.KeyValue{Key: "PropertyValue", Value: clip(value, 100)})
	}
	e.Values = append(e.Values, batch.KeyValue{Key: "Reason", Value: reason})
	return e
}

func missing(property string) error {
	return batch.NewError(batch.CodeMissingRequiredProperty,
		"A required property is missing from the request body.", "PropertyName", property)
}

var (
	errCertificateNotFound = batch.NewError(batch.CodeCertificateNotFound, "The account has no such certificate.")
	errCertificateExists   = batch.NewError(batch.CodeCertificateExists, "The account has this certificate already.")
	errBeingDeleted        = batch.NewError(batch.CodeCertificateBeingDeleted, "The certificate is being deleted.")
	errStateActive         = batch.NewError(batch.CodeCertificateStateActive, "The certificate is active; there is no deletion to cancel.")
	errPoolNotFound        = batch.NewError(batch.CodePoolNotFound, "The account has no such pool.")
	errPoolExists          = batch.NewError(batch.CodePoolExists, "The account has a pool with this id already.")
	errNodeNotFound        = batch.NewError(batch.CodeNodeNotFound, "The pool has no such node.")
	errNameNotFound        = batch.NewError(batch.CodeNameNotFound, "The account has no certificate under this name.")
	errTokenNotFound       = batch.NewError(batch.CodeTokenNotFound, "The pool has no such join token.")
	errConditionNotMet     = batch.NewError(batch.CodeConditionNotMet, "A condition in the request's headers is not met.")
	errBusy                = batch.NewError(batch.CodeServerBusy, "The service can't do this at the moment. Try again later.")
	errDisk                = batch.NewError(batch.CodeServerBusy, "The service can't store anything: its disk is full, or fails. Its operator has to act.")
)

// apiError turns an error of the database into the refusal that it means.
func apiError(err error) error {
	switch {
	case errors.Is(err, db.ErrDisk):
		return fmt.Errorf("%w: %w", errDisk, err)
	case errors.Is(err, db.ErrBusy):
		return fmt.Errorf("%w: %w", errBusy, err)
	case errors.Is(err, db.ErrFilter):
		return batch.NewError(batch.CodeInvalidQueryParameterValue, "The value of a query parameter is invalid.",
			"QueryParameterName", "$filter", "Reason", err.Error())
	}
	return err
}

// orElse names what a row was that is not there.
func orElse(err error, refusal error) error {
	if errors.Is(err, db.ErrNotFound) {
		return refusal
	}
	return err
}

// orExists refuses a row that is there already; err is from looking for it.
func orExists(err, refusal error) error {
	if err == nil {
		return refusal
	}
	return err
}

func refuseNode(code nodeapi.ErrorCode, format string, args ...any) error {
	return &nodeapi.Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

var errRevoked = refuseNode(nodeapi.CodeNodeRevoked, "the node is no member of a pool: it was evicted, or its pool was deleted; join again with a new token")

// errUnknownNode is for a certificate of this service whose node is not there, and of
// which nothing says that it was taken out: the database may be one from before the
// node was enrolled, say a backup, or it was away for longer than the node TTL. Such a node keeps what it has.
var errUnknownNode = refuseNode(nodeapi.CodeNodeUnknown, "the service does not know this node: it left, it was away for longer than node_ttl, or the database was restored from a backup that is older; join again with a new token")

// nodeError is apiError for nodes.
func nodeError(err error) error {
	if errors.Is(err, db.ErrBusy) {
		return fmt.Errorf("%w: %w", refuseNode(nodeapi.CodeBusy, "the service can't do this at the moment; try again later"), err)
	}
	return err
}

// clip shortens outside text for a message or a row.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 { // not inside of a character
		n--
	}
	return s[:n] + "..."
}
