package local_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"poolcert/decrypt/cms"
	"poolcert/decrypt/local"
	"poolcert/internal/testcert"
	"poolcert/internal/testtool"
)

const loadPath = "POOLCERT_TEST_LOAD"

// TestLoadOnly is not a test of its own: another user runs it to use a key with 200
// callers at once, until it is killed.
func TestLoadOnly(t *testing.T) {
	path := os.Getenv(loadPath)
	if path == "" {
		return
	}
	message, err := io.ReadAll(io.LimitReader(os.Stdin, 10_000))
	if err != nil {
		t.Fatal(err)
	}
	m, err := cms.ReadHeader(bytes.NewReader(message))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	for range 200 {
		client := local.Dial(path)
		go func() {
			for ctx.Err() == nil {
				client.Unwrap(ctx, m.WrappedKey())
			}
		}()
	}
	fmt.Println("loading")
	<-time.After(time.Minute) // it is killed before
	stop()
	os.Exit(0)
}

// BenchmarkOneCaller has one caller while nobody else is there, and while another
// user has 200: what the fair queue is for.
func BenchmarkOneCaller(b *testing.B) {
	testtool.NeedRoot(b, "to become others")
	for _, load := range []bool{false, true} {
		b.Run(fmt.Sprintf("others=%v", load), func(b *testing.B) {
			pair := testcert.RSA(b)
			path := benchServer(b, pair)
			message := seal(b, []byte("x"), cms.Options{}, pair)
			if load {
				cmd := exec.Command("/proc/self/exe", "-test.run=^TestLoadOnly$")
				cmd.Env = []string{loadPath + "=" + path}
				cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 54_321, Gid: 54_321}}
				cmd.Stdin = bytes.NewReader(message)
				out, err := cmd.StdoutPipe()
				if err != nil {
					b.Fatal(err)
				}
				if err := cmd.Start(); err != nil {
					b.Fatal(err)
				}
				defer func() { cmd.Process.Kill(); cmd.Wait() }()
				if _, err := io.ReadFull(out, make([]byte, len("loading"))); err != nil {
					b.Fatal(err)
				}
				<-time.After(time.Second)
			}
			m, err := cms.ReadHeader(bytes.NewReader(message))
			if err != nil {
				b.Fatal(err)
			}
			client := local.Dial(path)
			defer client.Close()
			var worst time.Duration
			for b.Loop() {
				begin := time.Now()
				if _, err := client.Unwrap(b.Context(), m.WrappedKey()); err != nil {
					b.Fatal(err)
				}
				worst = max(worst, time.Since(begin))
			}
			b.ReportMetric(float64(worst.Microseconds())/1000, "worst-ms")
		})
	}
}
