package batch

import (
	"context"
	"iter"
)

// A CertificatePool tells how many nodes of one pool have one certificate. It is
// poolcert's addition to the Batch API (docs/batch-api.md). The account knows it
// from what nodes report. A node is in one of the counts at most; one of a pool that
// does not refer to the certificate and never did is in none.
type CertificatePool struct {
	PoolID string `json:"poolId"`
	Refers bool   `json:"refers"` // the pool refers to the certificate now
	Nodes  int    `json:"nodes"`  // of the pool

	Installed  int `json:"installed"`
	Failed     int `json:"failed"`     // the node could not install it
	Delivering int `json:"delivering"` // the node may have fetched it
	Waiting    int `json:"waiting"`    // the pool refers to it, the node has said nothing of it
	Removed    int `json:"removed"`    // the node had it, for a day at least

	// KeyInFiles is how many nodes have the key in files, where nobody sees its use.
	KeyInFiles int `json:"keyInFiles,omitempty"`

	// LastUsed is when a node's agent used the key for a task, nil for never: to the
	// minute, and up to some minutes late. LastUsedNode, on which, may be gone.
	LastUsed     *Time  `json:"lastUsed,omitempty"`
	LastUsedNode string `json:"lastUsedNode,omitempty"`
}

// A CertificateNode tells of one certificate on one node.
type CertificateNode struct {
	PoolID       string               `json:"poolId"`
	NodeID       string               `json:"nodeId"`
	State        NodeCertificateState `json:"state"`
	Time         *Time                `json:"time,omitempty"` // since when
	Error        string               `json:"error,omitempty"`
	NoPrivateKey bool                 `json:"noPrivateKey,omitempty"`
	LastSeen     *Time                `json:"lastSeen,omitempty"` // of the node
}

// CertificatePools yields the pools that refer to a certificate, have used its key,
// or have nodes that do or did hold it.
func (c *Client) CertificatePools(ctx context.Context, tp Thumbprint) iter.Seq2[*CertificatePool, error] {
	return list[CertificatePool](ctx, c, certificatePath(tp)+"/pools", ListOptions{})
}

// CertificateNodes yields the nodes that are to have a certificate, or do or did
// hold it. A filter may compare state, poolId and nodeId.
func (c *Client) CertificateNodes(ctx context.Context, tp Thumbprint, o ListOptions) iter.Seq2[*CertificateNode, error] {
	return list[CertificateNode](ctx, c, certificatePath(tp)+"/nodes", o)
}
