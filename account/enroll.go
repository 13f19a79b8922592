package account

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"poolcert/account/db"
	"poolcert/batch"
	"poolcert/internal/nodeapi"
)

// Enroll makes the holder of a join token a node of the token's pool. A node that
// asks again with the same key gets its id again, and the token loses no use, so
// that a lost answer does no harm. Refusals are [*nodeapi.Error]: token-refused,
// which is [ErrUnproven] unless the request proves a token; bad-request, busy.
func (s *Service) Enroll(ctx context.Context, r *nodeapi.EnrollRequest) (*nodeapi.EnrollResponse, error) {
	// The proof is checked before anything else is looked at, or written: who has no
	// token must not keep the writer busy.
	err := s.db.View(ctx, func(tx *db.Tx) error { _, err := provenToken(tx, r); return err })
	if err != nil {
		return nil, fmt.Errorf("enroll node %q: %w", clip(r.NodeName, 64), nodeError(err))
	}
	csr, err := checkEnroll(r)
	if err != nil {
		return nil, err
	}
	row := &db.Node{
		ID:        nodeID(r.NodeName, csr.RawSubjectPublicKeyInfo),
		PublicKey: csr.RawSubjectPublicKeyInfo,
		SealKey:   r.SealKey,
	}
	var answer *nodeapi.EnrollResponse
	err = s.db.Update(ctx, func(tx *db.Tx) (err error) { answer, err = enroll(tx, r, row); return err })
	if err != nil {
		return nil, fmt.Errorf("enroll node %q: %w", clip(r.NodeName, 64), nodeError(err))
	}
	// The certificate is not kept: if it can't be made, the node asks again.
	answer.CA = s.ca.cert.Raw
	answer.Certificate, err = s.ca.IssueNode(csr.PublicKey, answer.Account, answer.Pool, answer.Node)
	if err != nil {
		return nil, err
	}
	s.log.InfoContext(ctx, "node enrolled", "account", answer.Account, "pool", answer.Pool, "node", answer.Node, "token", r.TokenID)
	return answer, nil
}

// checkEnroll checks what needs no look at the account.
func checkEnroll(r *nodeapi.EnrollRequest) (*x509.CertificateRequest, error) {
	if skew := time.Since(r.Time); skew.Abs() > batch.MaxClockSkew {
		return nil, refuseNode(nodeapi.CodeBadRequest, "the node's clock says %s, the service's %s; set the node's clock",
			r.Time.UTC().Format(time.RFC3339), time.Now().UTC().Format(time.RFC3339))
	}
	csr, err := x509.ParseCertificateRequest(r.CSR)
	if err != nil {
		return nil, refuseNode(nodeapi.CodeBadRequest, "the certificate request is malformed")
	}
	if key, ok := csr.PublicKey.(*ecdsa.PublicKey); !ok || key.Curve != elliptic.P256() {
		return nil, refuseNode(nodeapi.CodeBadRequest, "the node's key is not an ECDSA key on P-256")
	}
	if csr.CheckSignature() != nil {
		return nil, refuseNode(nodeapi.CodeBadRequest, "the certificate request is not signed with its key")
	}
	if nodeapi.CheckSealKey(r.SealKey) != nil {
		return nil, refuseNode(nodeapi.CodeBadRequest, "the node's HPKE key is malformed")
	}
	return csr, nil
}

// provenToken returns the token whose secret the node has proved to hold. Whether
// a token exists is told to nobody else.
func provenToken(tx *db.Tx, r *nodeapi.EnrollRequest) (*db.JoinToken, error) {
	token, err := tx.JoinToken(r.TokenID)
	if errors.Is(err, db.ErrNotFound) || err == nil && !r.Proves(token.Hash) {
		return nil, ErrUnproven
	}
	return token, err
}

// ErrUnproven refuses a request that proves to hold no token of this service.
var ErrUnproven = refuseNode(nodeapi.CodeTokenRefused, "the service doesn't know the join token: it was revoked, its pool was deleted, or it is of another service")

// enroll adds the node, or finds it by its key.
func enroll(tx *db.Tx, r *nodeapi.EnrollRequest, row *db.Node) (*nodeapi.EnrollResponse, error) {
	token, err := provenToken(tx, r)
	if err != nil {
		return nil, err
	}
	if err := tx.LockAccount(token.Account); err != nil {
		return nil, err
	}
	// Again, since it may have been used or revoked before the locks were got.
	if token, err = tx.LockJoinToken(token.ID); err != nil {
		return nil, orElse(err, ErrUnproven)
	}
	pool, err := tx.Pool(token.Account, token.Pool)
	if err != nil {
		return nil, err
	}
	answer := &nodeapi.EnrollResponse{Pool: pool.Name, Node: row.ID}
	if answer.Account, err = tx.AccountName(token.Account); err != nil {
		return nil, err
	}
	if r.Pool != "" && !(strings.EqualFold(r.Account, answer.Account) && strings.EqualFold(r.Pool, answer.Pool)) {
		return nil, refuseNode(nodeapi.CodeTokenRefused, "the token is for pool %s of account %s, and this is a node of pool %s of account %s",
			answer.Pool, answer.Account, clip(r.Pool, 64), clip(r.Account, 64))
	}
	member, err := tx.NodeByKey(sha256.Sum256(row.PublicKey))
	switch {
	case errors.Is(err, db.ErrNotFound):
		if err := checkEvicted(tx, token, row); err != nil {
			return nil, err
		}
		return answer, join(tx, token, row)
	case err != nil:
		return nil, err
	case member.Account != token.Account || member.Pool != token.Pool:
		return nil, refuseNode(nodeapi.CodeBadRequest, "the node's key is a member of another pool; evict the node there, or join with a new key")
	}
	answer.Node = member.ID
	return answer, tx.SetNodeSealKey(member.Account, member.Pool, member.ID, row.SealKey)
}

// checkEvicted refuses an evicted node the tokens that there were at that time.
func checkEvicted(tx *db.Tx, token *db.JoinToken, row *db.Node) error {
	at, err := tx.Evicted(token.Account, sha256.Sum256(row.PublicKey))
	if err != nil {
		return orElse(err, nil)
	}
	if !token.Created.After(at) {
		return refuseNode(nodeapi.CodeTokenRefused, "the node was evicted at %s; it joins again only with a token that was made since", at.Format(time.RFC3339))
	}
	return nil
}

// join takes a use of the token and adds the node.
func join(tx *db.Tx, token *db.JoinToken, row *db.Node) error {
	if !time.Now().Before(token.Expires) {
		return refuseNode(nodeapi.CodeTokenRefused, "the join token expired at %s", token.Expires.Format(time.RFC3339))
	}
	if err := tx.UseJoinToken(token.ID); err != nil {
		return orElse(err, refuseNode(nodeapi.CodeTokenRefused, "the join token is used up"))
	}
	row.Account, row.Pool, row.Enrolled, row.Seen = token.Account, token.Pool, now(), now()
	row.State, row.StateTime = batch.NodeStarting, row.Enrolled
	return tx.AddNode(row)
}

const maxNodeName = 40

// nodeID returns the node's own name, as far as it can be part of an id, and the
// beginning of its key's hash.
func nodeID(name string, spki []byte) string {
	name = strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			return c
		}
		return '-'
	}, strings.ToLower(clip(name, maxNodeName)))
	name = strings.Trim(name[:min(maxNodeName, len(name))], "-")
	if name == "" {
		name = "node"
	}
	sum := sha256.Sum256(spki)
	return name + "-" + hex.EncodeToString(sum[:5])
}

// Renew issues a new certificate for the node's key.
func (s *Service) Renew(ctx context.Context, n *NodeIdentity) (*nodeapi.RenewResponse, error) {
	public, err := x509.ParsePKIXPublicKey(n.publicKey)
	if err != nil {
		return nil, fmt.Errorf("renew node %s: its key: %w", n.Node, err)
	}
	der, err := s.ca.IssueNode(public, n.Account, n.Pool, n.Node)
	if err != nil {
		return nil, err
	}
	s.log.DebugContext(ctx, "node certificate renewed", "account", n.Account, "pool", n.Pool, "node", n.Node)
	return &nodeapi.RenewResponse{Certificate: der, CA: s.ca.cert.Raw}, nil
}
