package main

import (
	"errors"
	"io/fs"

	"github.com/spf13/cobra"

	"poolcert/agent/statedir"
	"poolcert/internal/svcrun"
)

// What a person can do about errors, on this system.
const (
	stopCommand  = "poolcert-agent stop"
	startCommand = "poolcert-agent start"
	asRoot       = "run it in a terminal that was opened with \"Run as administrator\""
	stopFirst    = "stop the running agent first, such as with '" + stopCommand + "'"
	startAgent   = "start the agent with '" + startCommand + "' or 'poolcert-agent run'"
	lookAtLog    = `the log may tell more: the file log\agent.log in %ProgramData%\poolcert, and the source poolcert-agent in the Application log of the event viewer`
	closeConfig  = `it says who may use keys, and what runs: after a look at what it says, run 'icacls FILE /setowner *S-1-5-32-544' and 'icacls FILE /inheritance:r /grant *S-1-5-18:F *S-1-5-32-544:F'`
	ownProgram   = `as an administrator, copy it to a folder of its own below C:\Program Files, and run 'poolcert-agent install' there`
	foreignUnit  = `see 'sc qc poolcert-agent'; if nobody needs that service, run 'sc delete poolcert-agent'`

	installLong = `It runs this program where it lies now, with the --config, --state-dir and --socket of
this call: some seconds after a boot, again 5 s, 10 s or 60 s after it failed. It starts
nothing. Again, it changes the service.

The service runs as LocalSystem, with two of its privileges: it writes the certificate
stores of the computer, and says who may use the keys in them. With --account
"NT SERVICE\poolcert-agent" it is an account of its own without such power, for nodes
with install = ["directory"]; a group managed account is "DOMAIN\NAME$".`
	startLong = "It waits until the first set is installed, or 5 seconds have passed."
)

// notRoot tells whether err comes from a lack of rights.
func notRoot(err error) bool { return errors.Is(err, fs.ErrPermission) }

func stateDirHint(e *statedir.Error) string {
	if e.Foreign {
		return "if it is the agent's all the same, run 'icacls \"" + e.Path + "\" /setowner *S-1-5-32-544 /T' as an administrator; otherwise set another state_dir"
	}
	return "run 'icacls \"" + e.Path + "\" /inheritance:r /grant *S-1-5-18:(OI)(CI)F *S-1-5-32-544:(OI)(CI)F' as an administrator; if others had a look at its files, make another node of this one with 'poolcert-agent join --force TOKEN'"
}

func installFlags(cmd *cobra.Command, s *svcrun.Service) {
	cmd.Flags().StringVar(&s.Account, "account", "", "`name` of the account that the service runs as (default LocalSystem)")
}
