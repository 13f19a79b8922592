package rest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"poolcert/batch"
)

// Restarts of nodes, reference section 5. In Azure Batch they make a node take up
// the references of its pool, and so scripts that change references end with one.
// Here each node has them by then: a restart is accepted, and nothing is restarted.

func rebootNode(c *call) error {
	return c.restart("reboot", "nodeRebootOption")
}

func reimageNode(c *call) error {
	return c.restart("reimage", "nodeReimageOption")
}

var restartOptions = []string{"requeue", "terminate", "taskcompletion", "retaineddata"}

// restart answers an action on a node, whose body may be empty or name an option.
func (c *call) restart(action, option string) error {
	if c.r.ContentLength != 0 {
		body, err := c.body(maxActionBody)
		if err != nil {
			return err
		}
		if err := body.only(option); err != nil {
			return err
		}
		value, err := body.text(option)
		if err != nil {
			return err
		}
		if value != "" && !slices.Contains(restartOptions, strings.ToLower(value)) {
			return body.invalid(option, value, "want "+strings.Join(restartOptions, ", "))
		}
	}
	node, err := c.service.Node(c.ctx(), c.account, c.args[0], c.args[1])
	if err != nil {
		return err
	}
	if node.State != batch.NodeIdle {
		return batch.NewError(batch.CodeNodeStateUnusable,
			fmt.Sprintf("A node is restarted only when it is idle; the node is in the state %s.", node.State))
	}
	c.w.Header().Set("DataServiceId", c.base+nodesPath(c.args[0])+"/"+url.PathEscape(node.ID)+"/"+action)
	return c.empty(http.StatusAccepted)
}
