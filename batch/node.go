package batch

// A NodeState is what the account knows of a node's condition.
type NodeState string

// The states of a node that poolcert uses, with the API's names.
const (
	NodeStarting NodeState = "starting" // enrolled, has not reported its first set
	NodeIdle     NodeState = "idle"     // has what its pool refers to
	NodeUnusable NodeState = "unusable" // has failed to install some of it
	NodeUnknown  NodeState = "unknown"  // made no request for 30 minutes
)

// A Node is one member of a pool. The properties whose names begin with
// "poolcert:" are additions to the Batch API, which knows installed
// certificates only.
type Node struct {
	Metadata            string    `json:"odata.metadata,omitempty"`
	ID                  string    `json:"id"`
	URL                 string    `json:"url,omitempty"`
	State               NodeState `json:"state,omitempty"`
	StateTransitionTime *Time     `json:"stateTransitionTime,omitempty"`
	LastBootTime        *Time     `json:"lastBootTime,omitempty"`
	AllocationTime      *Time     `json:"allocationTime,omitempty"` // when it enrolled
	IPAddress           string    `json:"ipAddress,omitempty"`      // where its last report came from

	// CertificateReferences are those that the node has installed.
	CertificateReferences []CertificateReference `json:"certificateReferences,omitempty"`

	LastSeen     *Time             `json:"poolcert:lastSeen,omitempty"`
	AgentVersion string            `json:"poolcert:agentVersion,omitempty"`
	UpToDate     *bool             `json:"poolcert:upToDate,omitempty"` // it has applied the references as they are now
	Certificates []NodeCertificate `json:"poolcert:certificates,omitempty"`
	Hooks        []NodeHook        `json:"poolcert:hooks,omitempty"`
}

// A NodeHook tells what came of a program that a node runs when its set changes.
type NodeHook struct {
	Name     string `json:"name"`
	State    string `json:"state"`              // idle, running, ok, retrying, gave-up
	Time     *Time  `json:"time,omitempty"`     // of the end of the last run
	ExitCode *int   `json:"exitCode,omitempty"` // of the last run, if it ended by itself
	Attempts int    `json:"attempts,omitempty"` // for the change that fails
	Error    string `json:"error,omitempty"`    // of the last run
	Output   string `json:"output,omitempty"`   // of the last run, if it failed: its end
}

// A NodeCertificateState is how far one certificate is on one node.
type NodeCertificateState string

// The states of a certificate on a node.
const (
	NodeDelivering NodeCertificateState = "delivering" // the node may have fetched it
	NodeInstalled  NodeCertificateState = "installed"
	NodeFailed     NodeCertificateState = "failed"
	NodeRemoved    NodeCertificateState = "removed"
	NodeWaiting    NodeCertificateState = "waiting" // the pool refers to it, the node has said nothing of it
)

// A NodeCertificate is the condition of one certificate on one node.
type NodeCertificate struct {
	Thumbprint Thumbprint           `json:"thumbprint"`
	State      NodeCertificateState `json:"state"`
	Time       Time                 `json:"time"`
	Error      string               `json:"error,omitempty"`

	// NoPrivateKey tells that it is installed without a private key: nothing that
	// is sealed to it opens there.
	NoPrivateKey bool `json:"noPrivateKey,omitempty"`

	// LastUsed is when somebody used its private key through the node's agent, to the
	// minute; nil: not since the agent's start. KeyInFiles tells that files on the node
	// hold the key, whose use nobody sees.
	LastUsed   *Time `json:"lastUsed,omitempty"`
	KeyInFiles bool  `json:"keyInFiles,omitempty"`
}
