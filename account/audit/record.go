package audit

import (
	"time"

	"poolcert/account/request"
)

// Results beside the codes of refusals.
const (
	Done  = "ok"
	Begun = "begun"
)

// A Record is one line. Fields that have nothing to do with the act are absent.
type Record struct {
	Time      time.Time    `json:"time"` // of the end, UTC, in milliseconds
	Operation string       `json:"operation"`
	Result    string       `json:"result"`           // ok, begun, or the code of the refusal
	Status    int          `json:"status,omitempty"` // of HTTP
	Account   string       `json:"account,omitempty"`
	Auth      request.Auth `json:"auth,omitempty"` // absent: who asked proved nothing, and Account is what it claimed
	Who       string       `json:"who,omitempty"`
	Address   string       `json:"address,omitempty"`
	RequestID string       `json:"request_id,omitempty"`

	Pool       string   `json:"pool,omitempty"`
	Node       string   `json:"node,omitempty"`
	Nodes      []string `json:"nodes,omitempty"`
	Thumbprint string   `json:"thumbprint,omitempty"`
	References []string `json:"references,omitzero"` // an empty list is told
	Token      string   `json:"token,omitempty"`
	Name       string   `json:"name,omitempty"`
	Key        string   `json:"key,omitempty"` // id of a key, or which of an account's

	Suppressed uint64 `json:"suppressed,omitempty"` // refusals before this line that have none
}

func recordOf(c *request.Call) Record {
	r := Record{
		Time: c.Began.Add(c.Took), Operation: c.Operation, Result: c.Code, Status: c.Status,
		Account: c.Account, Auth: c.Auth, Who: c.Who, Address: c.Address, RequestID: c.ID,
		Pool: c.Pool, Node: c.Node, Nodes: c.Nodes, Thumbprint: c.Thumbprint, References: c.References, Token: c.Token, Name: c.Name,
	}
	if r.Result == "" {
		r.Result = Done
	}
	return r
}
