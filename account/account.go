// Package account is the account service without its network side: accounts,
// certificates, pools, nodes, join tokens, enrolment and delivery, with the
// rules of the Batch API (reference sections 2 to 5) and of the node protocol.
//
// Call [New] with an open database, the master keys and the service CA, run
// [Service.Run] beside the listeners, and call the other methods from request
// handlers. All methods are safe for concurrent use.
//
// Promised, under any interleaving of calls and after any crash: a pool takes a
// reference only to a certificate that is active at that moment; a certificate is
// gone only when no pool refers to it and no known node holds it; a pool that refers
// to a name has the certificate that the name stands for; a node is given
// only what its own pool refers to at that moment; what a method acknowledged is
// on disk. Private data is sealed before it reaches the
// database; a copy of the database alone opens nothing.
//
// Refusals to an API user are [*batch.Error], refusals to a node are
// [*nodeapi.Error], found with errors.As. Any other error is internal: log it,
// and show the caller nothing of it.
//
// Don't change a value that a method returned: documents and identities are
// shared between callers.
package account

import (
	"errors"

	"poolcert/batch"
)

// An Account is the owner of certificates and pools, and who may sign for it.
type Account struct {
	ID   int64
	Name string
	Keys []batch.Key // primary, secondary
}

// ErrNoAccount is returned for the name of no account.
var ErrNoAccount = errors.New("no such account")

// ErrAccountExists is returned when an account is created a second time.
var ErrAccountExists = errors.New("the account exists already")

// ErrAccountName is returned for a name that no account can have.
var ErrAccountName = errors.New("an account name is 3 to 24 lower-case letters and digits")

// ErrKeyName is returned for a key that no account has.
var ErrKeyName = errors.New("the keys of an account are primary and secondary")
