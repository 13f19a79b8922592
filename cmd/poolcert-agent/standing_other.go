//go:build !windows

package main

import "poolcert/agent/doctor"

// serviceFindings finds nothing: on Linux, the unit is systemd's to look at.
func (o *options) serviceFindings() []doctor.Finding { return nil }
