package local

import (
	"net/http"

	"poolcert/batch"
	"poolcert/internal/localsock"
	"poolcert/internal/sddl"
)

// An Identity is what the service sees of a caller, and what it goes by.
type Identity struct {
	*UnixUser    // nil on Windows
	*WindowsUser // nil on Unix

	PID int32 `json:"pid"`

	// Of the process that connected; see localsock.Process. Empty when ProcessError
	// says why nothing is known.
	Executable   string   `json:"executable,omitempty"`
	Command      string   `json:"command,omitempty"`
	Cgroups      []string `json:"cgroups"`
	Job          string   `json:"job,omitempty"` // Slurm's
	ProcessError string   `json:"processError,omitempty"`

	Access []Access `json:"access"`
}

// A UnixUser is whom a process of Unix runs as.
type UnixUser struct {
	UID    uint32   `json:"uid"` // outside of the caller's user namespace
	GID    uint32   `json:"gid"`
	Groups []uint32 `json:"groups"` // supplementary ones, that the process has
}

// A WindowsUser is whom a process of Windows runs as.
type WindowsUser struct {
	SID       sddl.SID   `json:"sid"`
	GroupSIDs []sddl.SID `json:"groupSids"` // those that count for the process
}

// An Access says whether a caller may use the certificates of one visibility.
type Access struct {
	Visibility batch.Visibility `json:"visibility"`
	Allowed    bool             `json:"allowed"`
	Rule       string           `json:"rule"` // what of the access rules the caller is, or who would be allowed
}

// identityOf is never without its lists.
func identityOf(c localsock.Caller, access []Access) *Identity {
	identity := &Identity{
		PID:        c.PID,
		Executable: c.Process.Executable, Command: c.Process.Command,
		Cgroups: c.Process.Cgroups, Job: c.Process.Job(), Access: access,
	}
	if c.ProcessErr != nil {
		identity.ProcessError = c.ProcessErr.Error()
	}
	if c.SID != "" {
		identity.WindowsUser = &WindowsUser{c.SID, append([]sddl.SID{}, c.GroupSIDs...)}
	} else {
		identity.UnixUser = &UnixUser{c.UID, c.GID, append([]uint32{}, c.Groups...)}
	}
	if identity.Cgroups == nil {
		identity.Cgroups = []string{}
	}
	if identity.Access == nil {
		identity.Access = []Access{}
	}
	return identity
}

func (s *Server) whoami(w http.ResponseWriter, r *http.Request) {
	caller, err := s.caller(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	var access []Access
	if s.config.Explain != nil {
		access = s.config.Explain(caller)
	}
	writeJSON(w, http.StatusOK, identityOf(caller, access))
}
