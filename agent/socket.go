package agent

import (
	"context"
	"fmt"
	"net"
	"path/filepath"

	"poolcert/decrypt/local"
	"poolcert/internal/filetrust"
	"poolcert/internal/localsock"
	"poolcert/store"
)

// A socket serves local callers: tasks that decrypt, and "poolcert-agent status".
type socket struct {
	listener net.Listener
	server   *local.Server
}

// listen opens the socket. Anyone on the node may connect: the kernel says who it
// is, and the access list what that one may use.
func (a *Agent) listen(l *life, certificates store.Store, audit *audit, origin *origin) (*socket, error) {
	if _, err := a.config.resolveAccess(); err != nil && a.config.namesAccess() {
		a.log.Warn("some users or groups that have access do not exist yet", "err", err)
	}
	if !localsock.TellsProcesses() {
		a.log.Warn("this kernel cannot tell whether a caller's process has ended; the process that has its id and user is taken for it (Linux 6.5 and later can)")
	}
	if localsock.IsFile {
		if err := filetrust.MakePassable(filepath.Dir(a.config.Socket)); err != nil {
			return nil, fmt.Errorf("make the folder of the socket: %w", err)
		}
	}
	listener, err := a.control.socket.Listen(a.config.Socket)
	if err != nil {
		return nil, err
	}
	gate := &gate{&accessList{config: a.config}, certificates, l.record}
	return &socket{listener, local.NewServer(local.Config{
		Authorize: gate.authorize,
		Pool: func() string {
			if id := origin.identity(); id != nil {
				return id.Pool
			}
			return ""
		},
		Explain: func(c localsock.Caller) []local.Access { return gate.access.get().explain(c) },
		Ready:   l.ready,
		Log:     a.log,
		Audit: func(u local.Use) {
			if !u.Thumbprint.IsZero() && u.Result == "ok" {
				l.record.used(u.Thumbprint, u.Time)
			}
			audit.write(u)
		},
		Count: l.control.uses.count,
		Extra: l.handler(),
	})}, nil
}

func (s *socket) serve(ctx context.Context) error { return s.server.Serve(ctx, s.listener) }
