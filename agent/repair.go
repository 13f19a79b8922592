package agent

import (
	"context"
	"errors"
	"time"

	"poolcert/store"
)

// loggedDrifts is how many differences of one check are logged one by one.
const loggedDrifts = 20

// A RepairStatus tells of changes to the installed files by somebody else.
type RepairStatus struct {
	Count int        `json:"count"`           // differences found since the start
	Last  *time.Time `json:"last,omitempty"`  // when the last one was found
	Error string     `json:"error,omitempty"` // why the files could not be checked or mended now
	Blind string     `json:"blind,omitempty"` // why changes are noticed late
}

// repair checks the installed files and the socket, mends what differs, and returns
// how much that was. Once there is a set, folders of former configurations are emptied,
// and a last-known-good set that is gone is saved again. It may run beside apply: the store does one after the other.
func (r *reconciler) repair(ctx context.Context) int {
	drifts, err := r.socket.Mend()
	if r.record.hasSet() {
		more, storeErr := r.store.Repair(ctx)
		if r.lost != nil && r.vault.IsMissing() {
			r.lost.raise()
		}
		drifts, err = append(drifts, more...), errors.Join(err, storeErr, r.old.clear(ctx))
	}
	if ctx.Err() != nil {
		return 0
	}
	for _, d := range drifts[:min(len(drifts), loggedDrifts)] {
		r.log.Warn("installed files were changed by somebody else", "path", d.Path, "cause", d.Cause)
	}
	if more := len(drifts) - loggedDrifts; more > 0 {
		r.log.Warn("installed files were changed by somebody else", "more", more)
	}
	switch news := r.record.repaired(drifts, err); {
	case err != nil && news:
		r.log.Error("installed files not checked, or not mended", "err", err)
	case err == nil && len(drifts) > 0:
		r.log.Info("installed files are as they should be again")
	}
	return len(drifts)
}

// repaired notes the result of a check, and tells whether its error is a new one.
func (r *record) repaired(drifts []store.Drift, err error) (news bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(drifts) > 0 {
		now := time.Now()
		r.repairs.Count += len(drifts)
		r.repairs.Last = &now
	}
	was := r.repairs.Error
	r.repairs.Error = ""
	if err != nil {
		r.repairs.Error = oneLine(err)
	}
	return r.repairs.Error != was
}

// repairFailed tells whether the last check could not mend all.
func (r *record) repairFailed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.repairs.Error != ""
}

// blind notes why changes are noticed late; "" when they are not.
func (r *record) blind(why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.repairs.Blind = why
}
