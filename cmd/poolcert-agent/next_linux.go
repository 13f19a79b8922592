package main

import (
	"context"
	"os"
	"os/exec"
	"strings"
)

// manager is where to find out about the system's services. Tests have another one.
var manager = struct{ running, systemctl string }{"/run/systemd/system", "systemctl"}

// afterJoin starts the service, if it was enabled before there was a pool to follow, and
// says so; else it says how to start it. It does not wait: at a boot, the service may
// come after what called this.
func (o *options) afterJoin(ctx context.Context) string {
	if _, err := os.Stat(manager.running); err != nil || o.configFile+o.stateDir+o.socket != "" {
		return "" // who runs the agent, and how, is not known
	}
	ask := func(args ...string) (string, bool) {
		out, err := exec.CommandContext(ctx, manager.systemctl, args...).CombinedOutput()
		return strings.TrimSpace(string(out)), err == nil
	}
	if state, enabled := ask("is-enabled", serviceName+".service"); !enabled {
		if state == "disabled" {
			return "to start the agent now, and at each boot: systemctl enable --now poolcert-agent"
		}
		return "to start the agent: 'poolcert-agent install', then 'poolcert-agent start'"
	}
	// Not start: a task may have had systemd start it just before there was an identity.
	if _, started := ask("--no-ask-password", "restart", "--no-block", serviceName+".service"); !started {
		return "to start the agent: systemctl start poolcert-agent"
	}
	return "the agent starts; 'poolcert-agent status' says how it is"
}
