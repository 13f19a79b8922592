package cli

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

// maxStacks is what is written of all stacks, in bytes.
const maxStacks = 1 << 20

// onAbort ends the process at SIGABRT, by which a service manager's watchdog ends it,
// with the stacks of its goroutines, and calls exit. Go itself would also write the
// processor's registers, where a part of a key may be. The function that it returns
// gives SIGABRT back.
func onAbort(stderr io.Writer, exit func(code int)) (stop func()) {
	aborts := make(chan os.Signal, 1)
	done := make(chan struct{})
	signal.Notify(aborts, syscall.SIGABRT)
	go func() {
		select {
		case <-done:
		case <-aborts:
			stacks := make([]byte, maxStacks)
			fmt.Fprintf(stderr, "SIGABRT: abort\n\n%s\n", stacks[:runtime.Stack(stacks, true)])
			exit(2) // as Go does
		}
	}()
	return func() { signal.Stop(aborts); close(done) }
}
