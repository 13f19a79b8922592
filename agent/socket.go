package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"poolcert/decrypt/local"
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
func (a *Agent) listen(source *service, record *record, certificates store.Store) (*socket, error) {
	if _, err := a.config.resolveAccess(); err != nil && a.config.namesAccess() {
		a.log.Warn("some users or groups that have access do not exist yet", "err", err)
	}
	if err := makePassable(filepath.Dir(a.config.Socket)); err != nil {
		return nil, fmt.Errorf("make the folder of the socket: %w", err)
	}
	listener, err := localsock.Listen(a.config.Socket, localsock.Options{Mode: 0o666})
	if err != nil {
		return nil, err
	}
	gate := &gate{&accessList{config: a.config}, certificates, record}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+statusPath, func(w http.ResponseWriter, r *http.Request) {
		serveStatus(w, r, func() *Status { return record.status(source.identity(), a.version) })
	})
	return &socket{listener, local.NewServer(local.Config{
		Authorize: gate.authorize,
		Ready:     gate.ready,
		Log:       a.log,
		Audit: func(u local.Use) {
			a.log.LogAttrs(context.Background(), slog.LevelInfo, "key used", slog.Any("use", u))
		},
		Extra: mux,
	})}, nil
}

func (s *socket) serve(ctx context.Context) error { return s.server.Serve(ctx, s.listener) }

// makePassable makes a folder that everybody may pass through, whatever the
// umask is. A folder that exists stays as it is.
func makePassable(dir string) error {
	if _, err := os.Stat(dir); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.Chmod(dir, 0o755)
}

const statusPath = "/v1/status"

// serveStatus answers root and the agent's own user.
func serveStatus(w http.ResponseWriter, r *http.Request, status func() *Status) {
	w.Header().Set("Content-Type", "application/json")
	caller, err := localsock.FromContext(r.Context())
	if err != nil || caller.UID != 0 && int64(caller.UID) != int64(os.Geteuid()) {
		w.WriteHeader(http.StatusForbidden)
		json.NewEncoder(w).Encode(&local.Error{Code: "not-allowed", Message: "only root and the agent's own user may ask for the status"})
		return
	}
	json.NewEncoder(w).Encode(status())
}

// QueryStatus asks the agent that listens on socket. The error wraps
// [local.ErrUnavailable] when none does, and [local.ErrNotAllowed] when this
// process may not ask.
func QueryStatus(ctx context.Context, socket string) (*Status, error) {
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return localsock.Dial(ctx, socket) },
	}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://node"+statusPath, nil)
	if err != nil {
		return nil, err
	}
	response, err := transport.RoundTrip(request)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("%w: this process may not open %s", local.ErrNotAllowed, socket)
	case err != nil && ctx.Err() == nil:
		return nil, fmt.Errorf("%w: %w", local.ErrUnavailable, err)
	case err != nil:
		return nil, err
	}
	defer response.Body.Close()
	decoder := json.NewDecoder(http.MaxBytesReader(nil, response.Body, 16<<20))
	if response.StatusCode != http.StatusOK {
		var refused local.Error
		if err := decoder.Decode(&refused); err != nil || refused.Code == "" {
			return nil, fmt.Errorf("ask the agent: it answered %s", response.Status)
		}
		return nil, &refused
	}
	var status Status
	if err := decoder.Decode(&status); err != nil {
		return nil, fmt.Errorf("ask the agent: %w", err)
	}
	return &status, nil
}
