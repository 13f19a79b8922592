package rest

import (
	"encoding/json"
	"net/http"
	"net/url"

	"poolcert/account"
	"poolcert/batch"
)

// Node operations, reference section 5.

var nodeFields = fields{
	"id": text, "state": word, "stateTransitionTime": moment, "allocationTime": moment, "lastBootTime": moment,
	"startTaskInfo/state": word, "startTaskInfo/result": word, "startTaskInfo/exitCode": number,
	"startTaskInfo/startTime": moment, "startTaskInfo/endTime": moment,
}

var nodeProperties = []string{
	"id", "url", "state", "stateTransitionTime", "lastBootTime", "allocationTime", "ipAddress", "certificateReferences",
	"poolcert:lastSeen", "poolcert:agentVersion", "poolcert:upToDate", "poolcert:certificates",
}

func nodesPath(pool string) string { return poolPath(pool) + "/nodes" }

func listNodes(c *call) error {
	pool, path := c.args[0], nodesPath(c.args[0])
	if err := c.params.checkSelect(nodeProperties...); err != nil {
		return err
	}
	filter, err := parseFilter(c.params.filter, nodeFields)
	if err != nil {
		return err
	}
	return sendPage(list{call: c, name: "nodes", path: path},
		func(after string, limit int) ([]batch.Node, bool, error) {
			return c.service.Nodes(c.ctx(), c.account, pool, account.NodeQuery{After: after, Limit: limit, Filter: filter})
		},
		func(node *batch.Node) string {
			node.URL = c.base + path + "/" + url.PathEscape(node.ID)
			return node.ID
		})
}

func showNode(c *call) error {
	if err := c.params.checkSelect(nodeProperties...); err != nil {
		return err
	}
	found, err := c.service.Node(c.ctx(), c.account, c.args[0], c.args[1])
	if err != nil {
		return err
	}
	node := *found
	node.Metadata = c.base + "/$metadata#nodes/@Element"
	node.URL = c.base + nodesPath(c.args[0]) + "/" + url.PathEscape(node.ID)
	return c.entity(&node)
}

// maxNodeList is the API's limit of nodes in one removal.
const maxNodeList = 100

// removeNodes is the API's verb for shrinking a pool. Here it evicts: poolcert
// doesn't own the nodes, but it decides what they receive.
func removeNodes(c *call) error {
	cond, err := conditions(c.r.Header)
	if err != nil {
		return err
	}
	body, err := c.body(maxActionBody)
	if err != nil {
		return err
	}
	if err := body.only("nodeList", "resizeTimeout", "nodeDeallocationOption"); err != nil {
		return err
	}
	if err := body.require("nodeList"); err != nil {
		return err
	}
	values, err := body.list("nodeList")
	if err != nil {
		return err
	}
	if len(values) == 0 || len(values) > maxNodeList {
		return body.invalid("nodeList", "", "want 1 to 100 node ids")
	}
	ids := make([]string, len(values))
	for i, value := range values {
		if json.Unmarshal(value, &ids[i]) != nil || ids[i] == "" {
			return body.invalid("nodeList", string(value), "it is not the id of a node")
		}
	}
	for _, id := range ids {
		c.record.Nodes = append(c.record.Nodes, clip(id, maxRecorded))
	}
	if err := c.service.RemoveNodes(c.ctx(), c.account, c.args[0], ids, cond); err != nil {
		return err
	}
	c.w.Header().Set("DataServiceId", c.base+poolPath(c.args[0])+"/removenodes")
	return c.empty(http.StatusAccepted)
}
