package systemd

import (
	"slices"
	"strings"
	"testing"
)

// A directive is a line of a unit, and why it is there.
type directive struct{ line, why string }

// TestDirectives has each line of each unit, once more, with what is lost without it: a
// sandbox with a hole looks just like one without. Who changes a unit changes it here,
// with the reason.
func TestDirectives(t *testing.T) {
	for unit, want := range map[string][]directive{
		"poolcert-agent.service":  agentDirectives,
		"poolcert-agent.socket":   socketDirectives,
		"poolcert-server.service": serverDirectives,
	} {
		have := lines(read(t, unit))
		for i, d := range want {
			if d.why == "" || slices.ContainsFunc(want[:i], func(o directive) bool { return o.line == d.line }) {
				t.Errorf("%s: %s has no reason, or is here twice", unit, d.line)
			}
			if !slices.Contains(have, d.line) {
				t.Errorf("%s: %s is missing: %s", unit, d.line, d.why)
			}
		}
		for i, line := range have {
			if !slices.ContainsFunc(want, func(d directive) bool { return d.line == line }) || slices.Contains(have[:i], line) {
				t.Errorf("%s: %s is not in the table, or is there twice", unit, line)
			}
		}
	}
}

// lines are the directives of a unit, each behind the name of its section.
func lines(unit string) (all []string) {
	section := ""
	for line := range strings.Lines(unit) {
		switch line = strings.TrimSpace(line); {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			section = strings.Trim(line, "[]")
		default:
			all = append(all, section+" "+line)
		}
	}
	return all
}

var agentDirectives = []directive{
	{"Unit Description=poolcert agent: keeps a pool's certificates on this node", "systemctl status says what it is"},
	{"Unit Wants=network-online.target poolcert-agent.socket", "the socket comes with the service, and the pool is on the network"},
	{"Unit After=network-online.target nss-user-lookup.target time-sync.target poolcert-agent.socket", "the socket is there first; users and groups, the clock and the network are needed to install"},
	{"Unit StartLimitIntervalSec=0", "trouble may last, and nobody is there to start it again"},
	{"Service Type=notify", "units after it wait until it is ready"},
	{"Service ExecStart=/usr/bin/poolcert-agent run", "the path of the package, which svcrun exchanges"},
	{"Service ExecReload=/bin/kill -HUP $MAINPID", "systemctl reload is documented, also in logrotate"},
	{"Service Restart=on-failure", "a crash is healed"},
	{"Service RestartSec=3s", "callers wait in the queue of the socket"},
	{"Service RestartPreventExitStatus=6", "nothing is set up: another try would change nothing"},
	{"Service TimeoutStartSec=2min", "a start that hangs ends; the program asks for more as it needs it"},
	{"Service TimeoutStopSec=15s", "a stop takes 5 s, and a shutdown does not wait for longer"},
	{"Service WatchdogSec=5min", "one that hangs is started again"},
	{"Service KillMode=mixed", "hooks get a moment to end"},
	{"Service RuntimeDirectory=poolcert", "tasks find certificates and the socket there"},
	{"Service RuntimeDirectoryMode=0755", "tasks of all users pass it"},
	{"Service RuntimeDirectoryPreserve=yes", "certificates stay while the agent is stopped"},
	{"Service StateDirectory=poolcert", "the identity of the node, with ProtectSystem"},
	{"Service StateDirectoryMode=0700", "private keys lie there"},
	{"Service LogsDirectory=poolcert-agent", "[audit] file, with ProtectSystem"},
	{"Service LogsDirectoryMode=0700", "the audit log says who did what"},
	{"Service LimitCORE=0", "no core dump with keys in it"},
	{"Service LimitNOFILE=8192", "each caller has a connection"},
	{"Service LimitMEMLOCK=64M", "keys of decrypt-only are in memory that is never swapped"},
	{"Service UMask=0077", "what is made is private, also what hooks make"},
	{"Service CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_KILL CAP_SETGID CAP_SETUID CAP_IPC_LOCK", "no more of root than the work needs"},
	{"Service NoNewPrivileges=yes", "no program with the set-user-ID bit, such as su, gives more"},
	{"Service ProtectSystem=strict", "the system and its configuration are read-only"},
	{"Service ReadWritePaths=/run", "certificates, and what is mounted over their folder"},
	{"Service ProtectHome=read-only", "a home is read, and not written"},
	{"Service PrivateTmp=yes", "no file in /tmp is of another user's making"},
	{"Service DevicePolicy=closed", "no disk and no terminal"},
	{"Service DeviceAllow=/dev/tpmrm0 rw", `the TPM of node_key = "tpm"`},
	{"Service ProtectKernelTunables=yes", "a setting such as core_pattern runs programs"},
	{"Service ProtectKernelModules=yes", "a module is more than root"},
	{"Service ProtectKernelLogs=yes", "the log of the kernel tells addresses"},
	{"Service ProtectControlGroups=yes", "it can take no limit from itself or others"},
	{"Service ProtectHostname=yes", "the name of the node goes into certificates and logs"},
	{"Service RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK", "the pool, the socket, and the list of addresses; no raw packets"},
	{"Service RestrictNamespaces=yes", "a new namespace opens parts of the kernel that few look at"},
	{"Service RestrictRealtime=yes", "it cannot take a whole core from tasks"},
	{"Service RestrictSUIDSGID=yes", "what it writes gives nobody the rights of another"},
	{"Service LockPersonality=yes", "old ways to lay out memory make attacks easier"},
	{"Service MemoryDenyWriteExecute=yes", "what was written into memory is not run"},
	{"Service KeyringMode=private", "the keys of the kernel that root has elsewhere are not here"},
	{"Service SystemCallArchitectures=native", "calls of another architecture pass filters"},
	{"Service SystemCallFilter=@system-service memfd_secret", "calls of services, and memory that the kernel hides"},
	{"Service SystemCallErrorNumber=EPERM", "a refused call is an error in the log, and not a death"},
	{"Install WantedBy=multi-user.target", "enable has it start at each boot"},
}

var socketDirectives = []directive{
	{"Unit Description=poolcert agent: where tasks open secrets", "systemctl status says what it is"},
	{"Socket ListenStream=/run/poolcert/agent.sock", `that of "socket" in agent.toml`},
	{"Socket SocketMode=0666", "everybody may connect: [access] says what for"},
	{"Socket DirectoryMode=0755", "tasks of all users pass the folder"},
	{"Socket RemoveOnStop=yes", "a task is told at once that nobody answers"},
	{"Install WantedBy=sockets.target", "enabled by itself, it starts the agent at the first call"},
}

var serverDirectives = []directive{
	{"Unit Description=poolcert server: the account service", "systemctl status says what it is"},
	{"Unit Wants=network-online.target", "nodes and clients are on the network"},
	{"Unit After=network-online.target nss-user-lookup.target time-sync.target postgresql.service", "the clock is right before certificates are signed; a database beside it is there first"},
	{"Unit StartLimitIntervalSec=0", "trouble may last, and nobody is there to start it again"},
	{"Service Type=notify", "units after it wait until it is ready"},
	{"Service ExecStart=/usr/bin/poolcert-server run", "the path of the package"},
	{"Service ExecReload=/bin/kill -HUP $MAINPID", "systemctl reload is documented, also in logrotate"},
	{"Service Restart=on-failure", "a crash is healed"},
	{"Service RestartSec=5s", "a database that is away is not asked without a pause"},
	{"Service RestartPreventExitStatus=6", "nothing is set up: another try would change nothing"},
	{"Service TimeoutStartSec=2min", "a start that hangs ends; the program asks for more as it needs it"},
	{"Service TimeoutStopSec=15s", "a stop takes 5 s, and a shutdown does not wait for longer"},
	{"Service WatchdogSec=2min", "one that hangs is started again"},
	{"Service DynamicUser=yes", "it is not root, and its files are nobody else's"},
	{"Service User=poolcert-server", "the name by which commands join the same user"},
	{"Service StateDirectory=poolcert-server", "the data, with ProtectSystem"},
	{"Service StateDirectoryMode=0700", "private keys lie there"},
	{"Service LogsDirectory=poolcert-server", "[audit] file, with ProtectSystem"},
	{"Service LogsDirectoryMode=0700", "the audit log says who did what"},
	{"Service LimitNOFILE=262144", "each node that waits has a connection"},
	{"Service LimitCORE=0", "no core dump with keys in it"},
	{"Service UMask=0077", "what is made is private, also what hooks make"},
	{"Service CapabilityBoundingSet=", "it needs nothing of root"},
	{"Service AmbientCapabilities=", "it begins with nothing of root"},
	{"Service NoNewPrivileges=yes", "no program with the set-user-ID bit, such as su, gives more"},
	{"Service ProtectSystem=strict", "the system and its configuration are read-only"},
	{"Service ProtectHome=yes", "it has no business in homes"},
	{"Service PrivateTmp=yes", "no file in /tmp is of another user's making"},
	{"Service PrivateDevices=yes", "no device but those that are nothing"},
	{"Service PrivateUsers=yes", "root of the system is nobody to it"},
	{"Service ProtectClock=yes", "certificates have times"},
	{"Service ProtectControlGroups=yes", "it can take no limit from itself or others"},
	{"Service ProtectHostname=yes", "the name of the node goes into certificates and logs"},
	{"Service ProtectKernelLogs=yes", "the log of the kernel tells addresses"},
	{"Service ProtectKernelModules=yes", "a module is more than root"},
	{"Service ProtectKernelTunables=yes", "a setting such as core_pattern runs programs"},
	{"Service ProtectProc=invisible", "it does not see the processes of others"},
	{"Service RemoveIPC=yes", "nothing stays in memory for the next with its number"},
	{"Service RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6", "clients, nodes, PostgreSQL beside it; no raw packets"},
	{"Service RestrictNamespaces=yes", "a new namespace opens parts of the kernel that few look at"},
	{"Service RestrictRealtime=yes", "it cannot take a whole core from tasks"},
	{"Service RestrictSUIDSGID=yes", "what it writes gives nobody the rights of another"},
	{"Service LockPersonality=yes", "old ways to lay out memory make attacks easier"},
	{"Service MemoryDenyWriteExecute=yes", "what was written into memory is not run"},
	{"Service KeyringMode=private", "the keys of the kernel that root has elsewhere are not here"},
	{"Service SystemCallArchitectures=native", "calls of another architecture pass filters"},
	{"Service SystemCallFilter=@system-service", "calls of services"},
	{"Service SystemCallFilter=~@privileged @resources", "but those of privileged ones, or that take resources"},
	{"Service SystemCallErrorNumber=EPERM", "a refused call is an error in the log, and not a death"},
	{"Install WantedBy=multi-user.target", "enable has it start at each boot"},
}
