package bootclock

import (
	"bytes"
	"os"
	"strconv"
	"time"
)

func started() time.Time {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return time.Time{}
	}
	for line := range bytes.Lines(data) {
		if seconds, ok := bytes.CutPrefix(line, []byte("btime ")); ok {
			n, err := strconv.ParseInt(string(bytes.TrimSpace(seconds)), 10, 64)
			if err != nil {
				return time.Time{}
			}
			return time.Unix(n, 0)
		}
	}
	return time.Time{}
}
