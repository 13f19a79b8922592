package account

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"poolcert/account/db"
	"poolcert/batch"
	"poolcert/internal/nodeapi"
)

// TestHubOrder: documents come in any order, the newest one stays.
func TestHubOrder(t *testing.T) {
	var h hub
	key := hubKey{1, "pool"}
	a, b, sameAsB := &ReferencesDoc{Tag: "a"}, &ReferencesDoc{Tag: "b"}, &ReferencesDoc{Tag: "b"}
	isClosed := func(c <-chan struct{}) bool {
		select {
		case <-c:
			return true
		default:
			return false
		}
	}
	check := func(step string, want *ReferencesDoc) <-chan struct{} {
		t.Helper()
		doc, changed, ok := h.get(key)
		if !ok || doc != want || isClosed(changed) {
			t.Errorf("%s: got %v, want %v", step, doc, want)
		}
		return changed
	}
	h.publish(key, 5, a)
	first := check("first", a)
	h.publish(key, 7, b)
	second := check("newer", b)
	if !isClosed(first) {
		t.Error("newer: who waited was not woken")
	}
	h.publish(key, 6, a)
	check("late", b)
	h.publish(key, 8, sameAsB)
	check("same content", b)
	if isClosed(second) {
		t.Error("same content: who waited was woken")
	}
	h.publish(key, 8, a)
	check("same revision", b)
	h.remove(key)
	if _, _, ok := h.get(key); ok || !isClosed(second) {
		t.Error("removed: still there")
	}
	h.remove(key)
}

// TestNodeCacheEviction: a node that is read while it is evicted is not kept.
func TestNodeCacheEviction(t *testing.T) {
	var c nodeCache
	key := [32]byte{1}
	_, before := c.get(key)
	c.evict([][32]byte{key})
	c.put(key, &NodeIdentity{key: key, gone: make(chan struct{})}, before)
	if n, _ := c.get(key); n != nil {
		t.Error("the evicted node was kept")
	}
	_, after := c.get(key)
	n := c.put(key, &NodeIdentity{key: key, gone: make(chan struct{})}, after)
	if other := c.put(key, &NodeIdentity{key: key}, after); other != n {
		t.Error("one node has two identities")
	}
	c.evict([][32]byte{key})
	select {
	case <-n.gone:
	default:
		t.Error("the evicted node was not told")
	}
}

// EndDeletion gives a test what Run does with one certificate that it listed.
var EndDeletion = (*Service).endDeletion

// EndOverlap gives a test what Run does with one overlap that it listed.
var EndOverlap = (*Service).endOverlap

// WithOtherKey gives a test the same node with another key.
func WithOtherKey(n *NodeIdentity) *NodeIdentity {
	other := &NodeIdentity{Account: n.Account, Pool: n.Pool, Node: n.Node, acct: n.acct, poolKey: n.poolKey, key: n.key, gone: n.gone}
	other.key[0] ^= 1
	return other
}

// FollowInterval is the one in use.
const FollowInterval = followInterval

// SetFollowInterval gives a test another interval; call it before Run.
func SetFollowInterval(s *Service, d time.Duration) { s.followInterval = d }

// SetOverlap gives a test another overlap for the replacements from then on.
func SetOverlap(s *Service, d time.Duration) { s.overlap = d }

// The user of a service whose disk is full is told, since waiting does not help.
func TestDiskFull(t *testing.T) {
	err := apiError(fmt.Errorf("write: %w", db.ErrDisk))
	refusal, ok := errors.AsType[*batch.Error](err)
	if !ok || refusal.Code != batch.CodeServerBusy || !strings.Contains(refusal.Error(), "disk is full") || !errors.Is(err, db.ErrDisk) {
		t.Errorf("got %v, want ServerBusy that names the disk", err)
	}
}

func TestBusy(t *testing.T) {
	full := fmt.Errorf("write: %w", db.ErrBusy)
	if err := apiError(full); !errors.Is(err, &batch.Error{Code: batch.CodeServerBusy}) || !errors.Is(err, db.ErrBusy) {
		t.Errorf("API: got %v, want ServerBusy", err)
	}
	refusal, ok := errors.AsType[*nodeapi.Error](nodeError(full))
	if !ok || refusal.Code != nodeapi.CodeBusy {
		t.Errorf("node: got %v, want busy", refusal)
	}
	other := errors.New("other")
	if apiError(other) != other || nodeError(other) != other {
		t.Error("another error was changed")
	}
}

// Replicas write when nodes were seen in one order.
func TestUnrecordedInOrder(t *testing.T) {
	var c nodeCache
	for i := range 100 {
		n := &NodeIdentity{key: [32]byte{byte(i * 37)}, gone: make(chan struct{})}
		n.see()
		c.put(n.key, n, 0)
	}
	nodes := c.unrecorded()
	sorted := slices.IsSortedFunc(nodes, func(a, b *NodeIdentity) int { return bytes.Compare(a.key[:], b.key[:]) })
	if len(nodes) != 100 || !sorted {
		t.Errorf("got %d nodes, want 100 in order", len(nodes))
	}
}

// What can't be ended is tried again, and keeps nothing else; a database that is
// away is not asked for each.
func TestSweepGoesOn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	d, err := db.Open(t.Context(), filepath.Join(dir, "poolcert.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	s := &Service{db: d, log: slog.New(slog.DiscardHandler)}
	for _, test := range []struct {
		err  error
		want int
	}{{errors.New("broken"), 3}, {db.ErrBusy, 1}} {
		tried := 0
		wait := sweep(t.Context(), s, "numbers", func(*db.Tx) ([]int, time.Time, error) { return []int{0, 1, 2}, time.Time{}, nil },
			func(_ context.Context, n *int) error {
				if tried++; *n == 0 {
					return test.err
				}
				return nil
			})
		if tried != test.want || wait != sweepRetry {
			t.Errorf("%v: %d were tried, want %d, and the wait is %v", test.err, tried, test.want, wait)
		}
	}
}
