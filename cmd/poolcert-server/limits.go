package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"poolcert/account/rest"
	"poolcert/internal/cli"
	"poolcert/internal/limit"
)

// limits is the table [limits]. Zero is no limit.
type limits struct {
	AccountRate               float64 `toml:"account_rate"`
	AddressRate               float64 `toml:"address_rate"`
	FailureRate               float64 `toml:"failure_rate"`
	Connections               int     `toml:"connections"`
	ConnectionsPerAddress     int     `toml:"connections_per_address"`
	NodeConnections           int     `toml:"node_connections"`
	NodeConnectionsPerAddress int     `toml:"node_connections_per_address"`
}

// defaultLimits are met by no client that means well: a script that adds 5,000
// certificates in a row does not, nor do 100,000 nodes of which 20,000 are behind one
// address.
var defaultLimits = limits{
	AccountRate: 500, AddressRate: 1000, FailureRate: 60,
	Connections: 4096, ConnectionsPerAddress: 512,
	NodeConnections: 120000, NodeConnectionsPerAddress: 20000,
}

const limitsText = `
# Bounds of what clients and nodes can take of the service: these are in effect unless
# others are written. 0 is no limit. An address is an IPv4 address, or an IPv6 network
# of 64 bits. Behind a proxy all clients have the proxy's: set address_rate,
# failure_rate and connections_per_address to 0.
# [limits]

# Requests a second that one account, and one address, may make in the long run; ten
# times as many may come at once. More get 503 ServerBusy with Retry-After, on which
# the clients of Azure Batch try again.
# account_rate = {{.Limits.AccountRate}}
# address_rate = {{.Limits.AddressRate}}

# Refused authentications a minute of one address. More get the same. Requests with a
# good signature or token pass.
# failure_rate = {{.Limits.FailureRate}}

# Open connections to listen, and to node_listen. More are closed at once.
# connections = {{.Limits.Connections}}
# connections_per_address = {{.Limits.ConnectionsPerAddress}}
# node_connections = {{.Limits.NodeConnections}}
# node_connections_per_address = {{.Limits.NodeConnectionsPerAddress}}
`

// maxRate is more than any server answers.
const maxRate = 1e6

func (l limits) check() error {
	for _, rate := range []float64{l.AccountRate, l.AddressRate, l.FailureRate} {
		if math.IsNaN(rate) || rate > maxRate {
			return cli.Hint(fmt.Errorf("limits: a rate is a number up to %g", maxRate), "0 is no limit")
		}
	}
	if min(l.AccountRate, l.AddressRate, l.FailureRate) < 0 ||
		min(l.Connections, l.ConnectionsPerAddress, l.NodeConnections, l.NodeConnectionsPerAddress) < 0 {
		return errors.New("limits: a limit cannot be negative; 0 is none")
	}
	return nil
}

func (l limits) requests() rest.Limits {
	return rest.Limits{AccountRate: l.AccountRate, AddressRate: l.AddressRate, FailureRate: l.FailureRate}
}

func (l limits) clientConnections() limit.Connections {
	return limit.Connections{Total: l.Connections, PerAddress: l.ConnectionsPerAddress}
}

func (l limits) nodeConnections() limit.Connections {
	return limit.Connections{Total: l.NodeConnections, PerAddress: l.NodeConnectionsPerAddress}
}

// requestsText and connectionsText are for the check command.
func (l limits) requestsText() string {
	return fmt.Sprintf("%s a second of an account, %s of an address; %s failures a minute",
		limitText(l.AccountRate), limitText(l.AddressRate), limitText(l.FailureRate))
}

func (l limits) connectionsText() string {
	return fmt.Sprintf("of clients %s, %s of an address; of nodes %s, %s of an address",
		limitText(float64(l.Connections)), limitText(float64(l.ConnectionsPerAddress)),
		limitText(float64(l.NodeConnections)), limitText(float64(l.NodeConnectionsPerAddress)))
}

func limitText(n float64) string {
	if n == 0 {
		return "any number"
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}
