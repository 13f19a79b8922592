//go:build !windows

package main

import "poolcert/agent"

// serviceFindings finds nothing: on Linux, the unit is systemd's to look at.
func (o *options) serviceFindings() []agent.Finding { return nil }
