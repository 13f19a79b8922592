package bootclock

import (
	"runtime"
	"testing"
	"time"
)

func TestSystem(t *testing.T) {
	c := System()
	id, boot := c.Boot()
	again, later := c.Boot()
	if id == "" || id != again || later < boot || later-boot > time.Minute {
		t.Errorf("boot %q at %v, then %q at %v", id, boot, again, later)
	}
	if other, _ := System().Boot(); runtime.GOOS == "linux" && other != id {
		t.Errorf("another clock of the same run says %q, want %q", other, id)
	}
	c.Synchronised()
}

func TestStarted(t *testing.T) {
	started := Started()
	if started.IsZero() && (runtime.GOOS == "linux" || runtime.GOOS == "windows") {
		t.Error("no boot time")
	}
	if again := Started(); !again.Equal(started) || time.Until(started) > time.Minute {
		t.Errorf("started at %v, then at %v", started, again)
	}
}
