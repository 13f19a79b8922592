//go:build !windows

package doctor

// What a person can do about findings, on this system.
const (
	asAgent      = "run this as the agent's user, which should be root"
	takeBack     = "'chown root:' and 'chmod go-w' it"
	closeState   = "see 'chmod 700' and 'chown root:', or set another state_dir"
	findAgent    = "find it with 'ps -C poolcert-agent -o pid,args'"
	seeLog       = "its log tells more: 'journalctl -u poolcert-agent'; 'systemctl restart poolcert-agent' starts it anew"
	keepMemory   = "run it as a service of systemd, or give it CAP_IPC_LOCK; or have no swap"
	keepTime     = "set it, and have it kept by chrony, systemd-timesyncd or the like"
	seeNames     = "see /etc/resolv.conf and /etc/hosts"
	makeGroup    = "groupadd --system %s"
	makeRunnable = "see 'chmod +x'"
)

const (
	rootName = "root"
	hasModes = true // files have modes
)
