package agent

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"poolcert/agent/agenttest"
)

func TestRunLeavesNoGoroutine(t *testing.T) {
	s := agenttest.NewService(t)
	one := testPFX(t, s, "one")
	s.SetReferences(refTo(one))
	a := newTestAgent(t, s)
	a.start()
	s.AwaitReport(t.Context(), reports("installed", one))
	a.status()
	start := time.Now()
	a.stop()
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("the stop took %v", took)
	}
	s.Stop()
	var left []string
	defer func() {
		for _, stack := range left {
			t.Log(stack)
		}
	}()
	waitFor(t, func() bool {
		left = ours()
		return len(left) == 0
	})
}

// ours returns the stacks of goroutines that run our code, or hold a connection
// for it, other than tests.
func ours() []string {
	buf := make([]byte, 1<<20)
	var stacks []string
	for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(stack, "testing.tRunner") {
			continue
		}
		if strings.Contains(stack, "poolcert/") || strings.Contains(stack, "net/http.(*persistConn)") {
			stacks = append(stacks, stack)
		}
	}
	return stacks
}
