package localsock

import (
	"log/slog"
	"net"
	"regexp"
	"sync"
)

// A Process is what the system says of the process that made a connection.
type Process struct {
	// Executable is the path of its program, as it sees it. Empty when this process
	// may not know: that takes CAP_SYS_PTRACE, or the same user.
	Executable string

	// Command is what the process calls itself, of up to 15 bytes. It is for people.
	Command string

	// Cgroups are the paths of its control groups, one for each hierarchy. What a
	// user may make itself begins with what root made.
	Cgroups []string
}

// ProcessOf asks about the process that made a connection of [CallerOf]. It fails
// when the process has ended: its id may be another's by now.
//
// Linux before 6.5 cannot tell whether it has. There, the process that has the id is
// taken for it if it has the same user: whoever runs a process can have it call.
func ProcessOf(conn net.Conn, c Caller) (Process, error) { return processOf(conn, c) }

// TellsProcesses tells whether the kernel can say that the process that made a
// connection has not ended; see ProcessOf.
func TellsProcesses() bool { return tellsProcesses() }

// slurmPaths find the id of a Slurm job in the path of a control group. They begin
// at the root, since users can make groups in those that they were given. Clients of a
// socket, whose start counts, need none.
var slurmPaths = sync.OnceValue(func() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`^/system\.slice/(?:[^/]+_)?slurmstepd\.scope/job_([0-9]+)(?:/|$)`), // version 2
		regexp.MustCompile(`^/slurm(?:_[^/]+)?/uid_[0-9]+/job_([0-9]+)(?:/|$)`),                // version 1
	}
})

// Job returns the id of the Slurm job that the process is of, or "".
func (p Process) Job() string {
	for _, path := range p.Cgroups {
		for _, form := range slurmPaths() {
			if m := form.FindStringSubmatch(path); m != nil {
				return m[1]
			}
		}
	}
	return ""
}

// attrs are for a log.
func (p Process) attrs() (attrs []slog.Attr) {
	switch {
	case p.Executable != "":
		attrs = append(attrs, slog.String("executable", p.Executable))
	case p.Command != "":
		attrs = append(attrs, slog.String("command", p.Command))
	}
	if job := p.Job(); job != "" {
		attrs = append(attrs, slog.String("job", job))
	}
	return attrs
}
