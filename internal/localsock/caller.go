package localsock

import (
	"log/slog"
	"slices"

	"poolcert/internal/osuser"
	"poolcert/internal/sddl"
)

// A Caller is the other end of a connection, as it was when it connected.
type Caller struct {
	// Of a process of Unix.
	UID    uint32
	GID    uint32
	Groups []uint32 // supplementary groups

	// Of a process of Windows. The groups are those that count for it: an administrator
	// who was not asked for consent is in Administrators by name only.
	SID       sddl.SID
	GroupSIDs []sddl.SID

	// PID is for logs alone. The process may have ended, and its id be reused.
	PID int32

	// Process is filled in by who asked ProcessOf; else it is zero. ProcessErr is
	// why that failed.
	Process    Process
	ProcessErr error
}

// User returns who the caller is.
func (c Caller) User() osuser.ID {
	if c.SID != "" {
		return osuser.ID{SID: c.SID}
	}
	return osuser.ID{Number: c.UID}
}

// InGroup tells whether the group is among the caller's.
func (c Caller) InGroup(group osuser.ID) bool {
	if c.SID != "" {
		return group.SID != "" && slices.Contains(c.GroupSIDs, group.SID)
	}
	return group.SID == "" && (c.GID == group.Number || slices.Contains(c.Groups, group.Number))
}

// IsRoot tells whether the caller is who may do everything on this machine: root; on
// Windows the system, or an administrator with the rights of one.
func (c Caller) IsRoot() bool {
	if c.SID != "" {
		return c.SID == sddl.System || slices.Contains(c.GroupSIDs, sddl.Administrators)
	}
	return hasUIDs && c.UID == 0
}

// IsTrusted tells whether the caller is root or this process's user.
func (c Caller) IsTrusted() bool { return c.IsRoot() || c.User() == ownUser() }

// LogValue shows the caller without its groups and control groups.
func (c Caller) LogValue() slog.Value {
	var attrs []slog.Attr
	if c.SID != "" {
		attrs = append(attrs, slog.String("sid", string(c.SID)))
	} else {
		attrs = append(attrs, slog.Any("uid", c.UID), slog.Any("gid", c.GID))
	}
	attrs = append(attrs, slog.Any("pid", c.PID))
	return slog.GroupValue(append(attrs, c.Process.attrs()...)...)
}
