package agent

import (
	"time"

	"poolcert/batch"
)

// A Status is what the agent tells of itself, to root and to its own user. It
// never holds a key or a password.
type Status struct {
	Version string `json:"version"`
	State   State  `json:"state"`

	Server  string `json:"server,omitempty"`
	Account string `json:"account,omitempty"`
	Pool    string `json:"pool,omitempty"`
	Node    string `json:"node,omitempty"`

	// NodeCertificateExpires is when the node's own certificate ends; the agent renews it
	// at half of its life.
	NodeCertificateExpires time.Time `json:"nodeCertificateExpires"`

	Started        time.Time  `json:"started,omitzero"`         // the agent's process; zero when it does not run
	ConnectedSince *time.Time `json:"connectedSince,omitempty"` // nil: no contact now
	LastContact    *time.Time `json:"lastContact,omitempty"`    // the last answer of the service
	ContactError   string     `json:"contactError,omitempty"`   // why there is none now

	// Memory is nil while keys are in files, too.
	Memory *MemoryStatus `json:"memory,omitempty"`

	Revision     string              `json:"revision"`          // of the set that was applied last
	Problem      string              `json:"problem,omitempty"` // with the set as a whole
	Certificates []CertificateStatus `json:"certificates"`
}

// A State is the agent's condition in one word.
type State string

// The states of an agent.
const (
	StateStarting     State = "starting"     // no contact yet
	StateConnected    State = "connected"    // the service answers
	StateDisconnected State = "disconnected" // it does not; the node keeps what it has
	StateExpired      State = "expired"      // and the node certificate has ended; it is renewed at the next contact
	StateRevoked      State = "revoked"      // the node was evicted or its pool is gone: join again
	StateStopped      State = "stopped"      // no agent runs
)

// A CertificateStatus is the condition of one certificate on this node.
type CertificateStatus struct {
	Thumbprint batch.Thumbprint           `json:"thumbprint"`
	State      batch.NodeCertificateState `json:"state"`
	Time       time.Time                  `json:"time"` // of this state
	Error      string                     `json:"error,omitempty"`
	Subject    string                     `json:"subject,omitempty"`
	Expires    *time.Time                 `json:"expires,omitempty"`
	HasKey     bool                       `json:"hasKey"`
	Visibility []batch.Visibility         `json:"visibility"`
}

// StoppedStatus returns what the state directory tells while no agent runs. The
// state is StateStopped, or StateRevoked when the last agent was told so.
func StoppedStatus(stateDirPath, version string) (*Status, error) {
	id, err := LoadIdentity(stateDirPath)
	if err != nil {
		return nil, err
	}
	state := StateStopped
	if (&stateDir{path: stateDirPath}).wasEvicted(id) {
		state = StateRevoked
	}
	return &Status{
		Version: version, State: state,
		Server: id.Server, Account: id.Account, Pool: id.Pool, Node: id.Node,
		NodeCertificateExpires: id.Certificate.NotAfter,
		Certificates:           []CertificateStatus{},
	}, nil
}
