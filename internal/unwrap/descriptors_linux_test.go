package unwrap

import (
	"fmt"
	"os"
	"syscall"
	"testing"
	"testing/synctest"

	"poolcert/decrypt/cms"
	"poolcert/decrypt/cmstest"
)

// More files than may be open at one time are opened, also when it takes the disk long
// to have the first ones.
func TestRunWithFewDescriptors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		const n = 300
		message := cmstest.Seal(t, "content", cms.Options{}, b.cert)
		for i := range n {
			b.write(fmt.Sprintf("%d.cms", i), message)
		}
		var limit syscall.Rlimit
		open, err := os.ReadDir("/proc/self/fd")
		if err == nil {
			err = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
		}
		few := limit
		few.Cur = uint64(len(open)) + 100
		if err == nil {
			err = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &few)
		}
		if err != nil {
			t.Fatal(err)
		}
		defer syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
		b.Jobs = MaxJobs
		results, err := b.Opener.Run(t.Context(), b.Find([]string{b.dir}), func(Result) { synctest.Wait() })
		if got := Tally(results); err != nil || got[Opened] != n {
			t.Errorf("%v, %v; want %d opened", got, err, n)
		}
	})
}
