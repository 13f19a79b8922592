// Package systemd holds the units that packages ship, for the programs that
// install themselves as a service from the same text.
package systemd

import _ "embed"

// Agent is the unit poolcert-agent.service. It runs /usr/bin/poolcert-agent.
//
//go:embed poolcert-agent.service
var Agent string

// AgentProgram is the path of the program in Agent.
const AgentProgram = "/usr/bin/poolcert-agent"
