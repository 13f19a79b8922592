// Package nodeapi holds what a node's agent and the account service say to each
// other: paths, bodies, the join token, and the sealing of certificates to one
// node. docs/protocol.md describes the same for people.
//
// All requests but enrolment carry a client certificate over TLS 1.3. Bodies
// are JSON, except for a sealed certificate.
package nodeapi

import (
	"time"

	"poolcert/batch"
)

// Paths of the node API.
const (
	PathEnroll       = "/node/v1/enroll"       // POST EnrollRequest, no client certificate
	PathRenew        = "/node/v1/renew"        // POST, no body: RenewResponse
	PathReferences   = "/node/v1/references"   // GET ?wait=SECONDS, If-None-Match
	PathCertificates = "/node/v1/certificates" // GET .../{alg}/{thumbprint}: SealedCertificate bytes
	PathStatus       = "/node/v1/status"       // PUT Status
	PathNode         = "/node/v1/node"         // DELETE: the node leaves its pool
)

// MediaTypeSealed is the content type of a sealed certificate.
const MediaTypeSealed = "application/vnd.poolcert.sealed"

// Limits of the node API.
const (
	MaxWait         = 60 * time.Second // a longer wait is cut to this
	MaxRequestBody  = 4 << 20
	MaxResponseBody = 4 << 20
	CertificateLife = 24 * time.Hour // of a node certificate; renewed at half of it
	StatusInterval  = 10 * time.Minute
)

// An EnrollRequest asks for a node certificate. Proof is made by [Token.Prove]
// over the other fields, so that a captured request enrols no other key.
type EnrollRequest struct {
	TokenID  string    `json:"tokenId"`
	TokenKey []byte    `json:"tokenKey"` // Ed25519 public key of the token
	CSR      []byte    `json:"csr"`      // DER PKCS #10, ECDSA P-256; only its key is used
	SealKey  []byte    `json:"sealKey"`  // HPKE public key
	NodeName string    `json:"nodeName"` // what the node calls itself; part of its id
	Time     time.Time `json:"time"`
	Proof    []byte    `json:"proof"`

	// A node that enrols again says where it is a member, or takes itself to be: the
	// service refuses a token of another pool, and the token loses no use.
	Account string `json:"account,omitempty"`
	Pool    string `json:"pool,omitempty"`
}

// An EnrollResponse makes a node a member of a pool. The same key enrols only
// once: a repeated request gets the same node id and uses the token no further.
type EnrollResponse struct {
	Account     string `json:"account"`
	Pool        string `json:"pool"`
	Node        string `json:"node"`
	Certificate []byte `json:"certificate"` // DER, signed by the service's CA
	CA          []byte `json:"ca"`          // DER
}

// A RenewResponse holds a new certificate for the key that the connection was
// made with. The request has no body: the connection proves the key.
type RenewResponse struct {
	Certificate []byte `json:"certificate"`
	CA          []byte `json:"ca"`
}

// References is what a node of a pool has to have. Its ETag is the revision; it
// is compared for equality only. Of the references with one name, the first is to the
// certificate that the name stands for now; the others are to former ones, the latest
// first.
type References struct {
	Account    string                       `json:"account"`
	Pool       string                       `json:"pool"`
	Revision   string                       `json:"revision"`
	References []batch.CertificateReference `json:"certificateReferences"`
}

// Status is a node's report of the set that it has. It replaces the report
// before it.
type Status struct {
	Revision     string                  `json:"revision"` // of the references that were applied
	AgentVersion string                  `json:"agentVersion"`
	BootTime     *batch.Time             `json:"bootTime,omitempty"`
	Certificates []batch.NodeCertificate `json:"certificates"`
	Hooks        []batch.NodeHook        `json:"hooks,omitempty"` // at most MaxHooks
}

// MaxHooks is how many hooks a status may tell of.
const MaxHooks = 20

// An Error is the body of every refusal. Message is a sentence for a person.
type Error struct {
	Code    ErrorCode `json:"code"`
	Message string    `json:"message"`
}

func (e *Error) Error() string { return e.Message }

// An ErrorCode tells an agent what to do about a refusal.
type ErrorCode string

// The codes of node API errors.
const (
	CodeTokenRefused ErrorCode = "token-refused"       // 403: unknown, used up, expired, revoked or of another pool; Message says which
	CodeNodeRevoked  ErrorCode = "node-revoked"        // 403: evicted, or its pool is gone; join again with a new token
	CodeNodeUnknown  ErrorCode = "node-unknown"        // 403: not there, but not known to be evicted; keep everything, and join again
	CodeNotAllowed   ErrorCode = "not-allowed"         // 403: the node's pool does not refer to it now
	CodeExpired      ErrorCode = "certificate-expired" // 403: the node's certificate has; renew it first
	CodeBadRequest   ErrorCode = "bad-request"         // 400
	CodeNotFound     ErrorCode = "not-found"           // 404: no such path and method
	CodeTooLarge     ErrorCode = "too-large"           // 413
	CodeBusy         ErrorCode = "busy"                // 503, may have Retry-After
	CodeInternal     ErrorCode = "internal"            // 500
)
