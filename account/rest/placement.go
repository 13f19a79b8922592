package rest

import (
	"poolcert/account"
	"poolcert/batch"
)

// Where a certificate is, poolcert's own (docs/batch-api.md).

var placementFields = fields{"state": word, "poolId": text, "nodeId": text}

func listCertificatePools(c *call) error {
	tp, err := parseCertificateKey(c.args[0])
	if err != nil {
		return err
	}
	return sendPage(list{call: c, name: "certificatepools", path: certificatePath(tp) + "/pools"},
		func(after string, limit int) ([]batch.CertificatePool, bool, error) {
			return c.service.CertificatePools(c.ctx(), c.account, tp, account.PoolQuery{After: after, Limit: limit})
		},
		func(p *batch.CertificatePool) string { return p.PoolID })
}

func listCertificateNodes(c *call) error {
	tp, err := parseCertificateKey(c.args[0])
	if err != nil {
		return err
	}
	filter, err := parseFilter(c.params.filter, placementFields)
	if err != nil {
		return err
	}
	return sendPage(list{call: c, name: "certificatenodes", path: certificatePath(tp) + "/nodes"},
		func(after string, limit int) ([]batch.CertificateNode, bool, error) {
			return c.service.CertificateNodes(c.ctx(), c.account, tp, account.NodeQuery{After: after, Limit: limit, Filter: filter})
		},
		func(n *batch.CertificateNode) string { return n.PoolID + "/" + n.NodeID })
}
