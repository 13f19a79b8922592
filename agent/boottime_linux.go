package agent

import (
	"bytes"
	"os"
	"strconv"
	"time"

	"poolcert/batch"
)

// bootTime returns when the kernel started, or nil if it does not say.
func bootTime() *batch.Time {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return nil
	}
	for line := range bytes.Lines(data) {
		if seconds, ok := bytes.CutPrefix(line, []byte("btime ")); ok {
			n, err := strconv.ParseInt(string(bytes.TrimSpace(seconds)), 10, 64)
			if err != nil {
				return nil
			}
			t := batch.TimeOf(time.Unix(n, 0))
			return &t
		}
	}
	return nil
}
