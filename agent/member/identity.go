// Package member is a node's membership of a pool: who the node is, how it becomes
// that, and the account service as a member sees it.
//
// A node that joins makes [JoiningKeys], and its identity with [Enroll] and
// [Identity.Save]. From then on, [Load] returns the identity, and [NewService] the
// service as the agent's source of certificates. [IsRevoked] and [IsUnknown] tell the
// two refusals that end a membership.
//
// Promises. The keys are stored before they are sent, so that a join which is
// repeated after a crash is the same node. A server is believed only with a
// certificate by the CA that the join token names; an answer only if it is for this
// node's keys and pool. A renewed identity is stored before it is used. Keys leave
// the package in no other form than as TLS connections and opened certificates.
//
// Nothing here retries, waits longer than its context, or touches certificates that
// are installed: package agent does, and knows what a lost membership means for them.
package member

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hpke"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"poolcert/agent/statedir"
	"poolcert/internal/dpapi"
	"poolcert/internal/filetrust"
	"poolcert/internal/nodeapi"
)

// ErrNotJoined means that the state directory holds no identity: the node has not
// joined.
var ErrNotJoined = errors.New("this node has not joined a pool")

// ErrIdentity means that the state directory holds an identity that cannot be
// read, so that it is not known which node this is.
var ErrIdentity = errors.New("this node's identity cannot be used")

// An Identity is what makes a node a member of a pool. It is a value that is
// never changed; renewal makes a new one.
type Identity struct {
	Server              string // https URL of the service's node API
	Account, Pool, Node string
	Certificate         *x509.Certificate // the node's own, for TLS
	CA                  *x509.Certificate // the service's

	keys *Keys
}

// Keys are a node's own. They are made once per join and never change.
type Keys struct {
	tls  *ecdsa.PrivateKey // P-256
	seal hpke.PrivateKey   // opens what the service seals to this node
}

func newKeys() (*Keys, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	seal, err := nodeapi.GenerateSealKey()
	if err != nil {
		return nil, err
	}
	return &Keys{key, seal}, nil
}

// Equal tells whether they are the same keys.
func (k *Keys) Equal(other *Keys) bool { return k.tls.Equal(other.tls) }

// Keys returns the keys that the identity was made for.
func (id *Identity) Keys() *Keys { return id.keys }

// RenewAt returns when the certificate has to be renewed: at half of its life.
func (id *Identity) RenewAt() time.Time {
	c := id.Certificate
	return c.NotBefore.Add(c.NotAfter.Sub(c.NotBefore) / 2)
}

// renewed returns id with a new certificate for the same key by the same CA.
func (id *Identity) renewed(r *nodeapi.RenewResponse) (*Identity, error) {
	cert, err := checkNodeCertificate(r.Certificate, id.CA, id.keys)
	if err != nil {
		return nil, err
	}
	next := *id
	next.Certificate = cert
	return &next, nil
}

// checkNodeCertificate refuses a certificate that is for another key than ours, or not by
// the service's CA.
func checkNodeCertificate(der []byte, ca *x509.Certificate, keys *Keys) (*x509.Certificate, error) {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("node certificate: %w", err)
	}
	if !keys.tls.PublicKey.Equal(cert.PublicKey) {
		return nil, errors.New("node certificate: the service certified another key than ours")
	}
	if err := cert.CheckSignatureFrom(ca); err != nil {
		return nil, fmt.Errorf("node certificate: not from the service's CA: %w", err)
	}
	return cert, nil
}

// tlsCertificate returns the client certificate for connections.
func (id *Identity) tlsCertificate() *tls.Certificate {
	return &tls.Certificate{Certificate: [][]byte{id.Certificate.Raw}, PrivateKey: id.keys.tls, Leaf: id.Certificate}
}

// keysJSON is the stored form of Keys.
type keysJSON struct {
	Key     []byte `json:"key"`     // PKCS #8
	SealKey []byte `json:"sealKey"` // as nodeapi.ParseSealKey reads it
}

func (k *Keys) marshal() (*keysJSON, error) {
	key, err := x509.MarshalPKCS8PrivateKey(k.tls)
	if err != nil {
		return nil, err
	}
	seal, err := k.seal.Bytes()
	if err != nil {
		return nil, err
	}
	return &keysJSON{key, seal}, nil
}

func (j *keysJSON) parse() (*Keys, error) {
	key, err := x509.ParsePKCS8PrivateKey(j.Key)
	if err != nil {
		return nil, errors.New("its key is damaged")
	}
	ec, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, errors.New("its key is of another kind")
	}
	seal, err := nodeapi.ParseSealKey(j.SealKey)
	if err != nil {
		return nil, errors.New("its seal key is damaged")
	}
	return &Keys{ec, seal}, nil
}

// identityJSON is the content of identity.json.
type identityJSON struct {
	Version     int    `json:"version"`
	Server      string `json:"server"`
	Account     string `json:"account"`
	Pool        string `json:"pool"`
	Node        string `json:"node"`
	Certificate []byte `json:"certificate"` // DER
	CA          []byte `json:"ca"`          // DER
	storedKeys
}

func (j *identityJSON) purpose() dpapi.Purpose {
	return dpapi.Purpose{"identity", j.Server, j.Account, j.Pool, j.Node}
}

const identityVersion = 1

// maxStored bounds what is read of the node's keys and certificates, in bytes.
const maxStored = 1 << 20

// Load reads the identity in a state directory, or fails with [ErrNotJoined] or
// [ErrIdentity]. It needs no lock: the file is replaced whole.
func Load(stateDir string) (*Identity, error) {
	path := filepath.Join(stateDir, statedir.IdentityFile)
	data, err := filetrust.ReadFile(path, maxStored)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotJoined
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrIdentity, err)
	}
	defer clear(data)
	id, err := parseIdentity(data, keyMachine())
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrIdentity, path, err)
	}
	return id, nil
}

func parseIdentity(data []byte, m dpapi.Machine) (*Identity, error) {
	var j identityJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return nil, errors.New("the file is damaged")
	}
	if j.Version != identityVersion {
		return nil, fmt.Errorf("the file has version %d, and this agent reads version %d", j.Version, identityVersion)
	}
	keys, err := j.load(m, j.purpose())
	if err != nil {
		return nil, err
	}
	ca, err := x509.ParseCertificate(j.CA)
	if err != nil {
		return nil, fmt.Errorf("CA certificate: %w", err)
	}
	cert, err := checkNodeCertificate(j.Certificate, ca, keys)
	if err != nil {
		return nil, err
	}
	return &Identity{j.Server, j.Account, j.Pool, j.Node, cert, ca, keys}, nil
}

// marshal is the inverse of parseIdentity.
func (id *Identity) marshal(m dpapi.Machine) ([]byte, error) {
	j := &identityJSON{Version: identityVersion, Server: id.Server, Account: id.Account, Pool: id.Pool, Node: id.Node, Certificate: id.Certificate.Raw, CA: id.CA.Raw}
	var err error
	if j.storedKeys, err = id.keys.store(m, j.purpose()); err != nil {
		return nil, err
	}
	return json.Marshal(j)
}

// Save replaces the stored identity in one step.
func (id *Identity) Save(s *statedir.Dir) error {
	data, err := id.marshal(keyMachine())
	if err != nil {
		return fmt.Errorf("save identity: %w", err)
	}
	defer clear(data)
	if err := s.Write(statedir.IdentityFile, data); err != nil {
		return fmt.Errorf("save identity: %w", err)
	}
	return nil
}
