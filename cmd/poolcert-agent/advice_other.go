//go:build !windows

package main

import (
	"os"

	"github.com/spf13/cobra"

	"poolcert/agent/statedir"
	"poolcert/internal/svcrun"
)

// What a person can do about errors, on this system.
const (
	stopCommand  = "systemctl stop poolcert-agent"
	startCommand = "systemctl start poolcert-agent"
	asRoot       = "run it as root, such as with sudo"
	stopFirst    = "stop the running agent first, such as with '" + stopCommand + "'"
	startAgent   = "start the agent with '" + startCommand + "' or 'poolcert-agent run'"
	lookAtLog    = "the log may tell more: 'journalctl -u poolcert-agent -n 20'"
	closeConfig  = "it says who may use keys, and what runs: 'chown root:' and 'chmod go-w' it, after a look at what it says"
	ownProgram   = "copy the program to /usr/local/bin as root, and run '/usr/local/bin/poolcert-agent install'"
	foreignUnit  = "use 'systemctl enable', 'systemctl edit' and 'systemctl disable' for it"

	installLong = `On Linux this needs systemd: it writes /etc/systemd/system/poolcert-agent.service,
which runs this program where it lies now, with the --config, --state-dir and
--socket of this call. Where a package brought the unit, it enables that one. It
starts nothing. Again, it changes the service.`
	startLong = "It waits until the first set is installed, or initial_sync has passed."
)

// notRoot tells whether err may come from a lack of rights.
func notRoot(error) bool { return os.Geteuid() > 0 }

func stateDirHint(e *statedir.Error) string {
	switch {
	case e.Foreign && os.Geteuid() != 0:
		return "run it as the agent's user, which should be root, such as with sudo"
	case e.Foreign:
		return "if it is the agent's all the same, run 'chown -R root: " + e.Path + "'; otherwise set another state_dir"
	}
	return "run 'chmod 700 " + e.Path + "'; if others had a look at its files, make another node of this one with 'poolcert-agent join --force TOKEN'"
}

func installFlags(*cobra.Command, *svcrun.Service) {}
