package rest

import (
	"net/http"
	"strings"

	"poolcert/batch"
)

// What the audit log and the metrics are told of a request: see package request.

// maxRecorded bounds text of a request in its record.
const maxRecorded = 128

var errNotAudited = batch.NewError(batch.CodeServerBusy, "The service can't do this, as it can't write its audit log. Its operator has to act.")

// recordOperation records what the request is about, as far as its path says.
func (c *call) recordOperation(op operation) {
	c.record.Operation = op.name
	c.record.Audited = c.r.Method != http.MethodGet && c.r.Method != http.MethodHead
	noun, _, _ := strings.Cut(op.name, ".")
	switch {
	case len(c.args) == 0:
	case noun == "certificate":
		if tp, err := parseCertificateKey(c.args[0]); err == nil {
			c.record.Thumbprint = tp.String()
		}
	case noun == "certificate-name":
		c.record.Name = clip(c.args[0], maxRecorded)
	case noun == "pool", noun == "node", noun == "join-token":
		c.record.Pool = clip(c.args[0], maxRecorded)
		if len(c.args) == 1 {
			return
		}
		if noun == "node" {
			c.record.Node = clip(c.args[1], maxRecorded)
		} else {
			c.record.Token = clip(c.args[1], maxRecorded)
		}
	}
}

// recordReferences records to what a pool refers now, if that was part of the
// request.
func (c *call) recordReferences(pool *batch.Pool, given bool) {
	c.record.Pool = pool.ID // as it is written
	if !given {
		return
	}
	c.record.References = make([]string, 0, len(pool.CertificateReferences))
	for _, r := range pool.CertificateReferences {
		c.record.References = append(c.record.References, r.Thumbprint.String())
	}
}
