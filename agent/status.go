package agent

import (
	"time"

	"poolcert/agent/homelink"
	"poolcert/agent/hook"
	"poolcert/agent/lastgood"
	"poolcert/agent/member"
	"poolcert/batch"
)

// A Status is what the agent tells of itself, to root and to its own user. It
// never holds a key or a password.
type Status struct {
	Version string `json:"version"`
	State   State  `json:"state"`

	// Healthy tells whether nothing is wrong; else Problems says what is, and what
	// to do.
	Healthy  bool      `json:"healthy"`
	Problems []Problem `json:"problems"`

	Source    string `json:"source"`              // service, directory
	Directory string `json:"directory,omitempty"` // of that source

	Server  string `json:"server,omitempty"`
	Account string `json:"account,omitempty"`
	Pool    string `json:"pool,omitempty"`
	Node    string `json:"node,omitempty"`

	// NodeCertificateExpires is when the node's own certificate ends; the agent renews it
	// at half of its life. A node that is no member of a pool has none.
	NodeCertificateExpires time.Time `json:"nodeCertificateExpires,omitzero"`
	renewAt                time.Time

	Started        time.Time  `json:"started,omitzero"`         // the agent's process; zero when it does not run
	ConnectedSince *time.Time `json:"connectedSince,omitempty"` // nil: no contact now
	LastContact    *time.Time `json:"lastContact,omitempty"`    // the last answer of the service
	ContactError   string     `json:"contactError,omitempty"`   // why there is none now
	Offline        string     `json:"offline,omitempty"`        // it has been so for longer than max_offline
	NextContact    *time.Time `json:"nextContact,omitempty"`    // when it is tried again, or the next poll is made, by itself
	Failures       int        `json:"failures"`                 // polls without an answer, since the start

	// Memory is nil while keys are in files, too.
	Memory *MemoryStatus `json:"memory,omitempty"`

	Revision     string              `json:"revision"`              // of the set that was applied last
	Problem      string              `json:"problem,omitempty"`     // with the set as a whole
	ConfigError  string              `json:"configError,omitempty"` // why a changed configuration is not in force
	Repairs      RepairStatus        `json:"repairs"`               // of the installed files
	Links        []homelink.Status   `json:"links,omitempty"`       // of remote users
	Certificates []CertificateStatus `json:"certificates"`
	Hooks        []hook.Result       `json:"hooks,omitempty"`
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
	Name       batch.CertificateName      `json:"name,omitempty"`     // by which the pool refers to it
	Current    bool                       `json:"current,omitempty"`  // the name's paths and hooks are about this one
	LastUsed   *time.Time                 `json:"lastUsed,omitempty"` // through the socket, since the start, to the minute
}

// setIdentity adds who the node is.
func (s *Status) setIdentity(id *member.Identity) {
	s.Server, s.Account, s.Pool, s.Node = id.Server, id.Account, id.Pool, id.Node
	s.NodeCertificateExpires, s.renewAt = id.Certificate.NotAfter, id.RenewAt()
}

// StoppedStatus returns what the configuration and the state directory tell while
// no agent runs. The state is StateStopped, or StateRevoked when the last agent was
// told so. It fails with [member.ErrNotJoined] when the source is the service and the node
// is no member.
func StoppedStatus(c *Config, version string) (*Status, error) {
	s := &Status{Version: version, State: StateStopped, Source: c.Source, Certificates: []CertificateStatus{}}
	if c.Source == SourceDirectory {
		s.Directory = c.Directory.Path
		return s, nil
	}
	id, err := member.Load(c.StateDir)
	if err != nil {
		return nil, err
	}
	s.setIdentity(id)
	if c.Server != "" {
		s.Server = c.Server
	}
	if lastgood.WasEvicted(c.StateDir, id) {
		s.State = StateRevoked
	}
	return s, nil
}
