// Package sdnotify tells systemd how a service is, by sd_notify(3).
//
// Call [Starting] if the start takes long, [Ready] when the service serves, [Status]
// when there is something to tell a person, [Reloading] and [Stopping] when that
// begins, and run [Watch] in a goroutine. Without a service manager that listens they do nothing. All are safe
// for concurrent use.
package sdnotify

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Starting says that the service may take so long to start from now on, where the
// manager's own limit is shorter.
func Starting(limit time.Duration) {
	send("EXTEND_TIMEOUT_USEC=" + strconv.FormatInt(limit.Microseconds(), 10))
}

// Ready says that the service has started, or has reloaded its configuration.
func Ready() { send(daemon.SdNotifyReady) }

// Reloading says that the service reads its configuration again; Ready ends that.
func Reloading() { send(daemon.SdNotifyReloading) }

// Stopping says that the service ends.
func Stopping() { send(daemon.SdNotifyStopping) }

// Status is what "systemctl status" shows, in one line.
func Status(text string) { send("STATUS=" + strings.ReplaceAll(text, "\n", "; ")) }

// send loses its message when the manager does not take it: there is no one to tell.
func send(state string) { _, _ = daemon.SdNotify(false, state) }

// Watch feeds the manager's watchdog until ctx ends, for as long as stalled
// returns nothing. Otherwise it says what stalled has returned, and the manager
// ends the service if that stays so. Without a watchdog it returns at once.
func Watch(ctx context.Context, log *slog.Logger, stalled func() []string) {
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("the watchdog of the service manager is not fed", "err", err)
		return
	}
	if interval <= 0 {
		return
	}
	tick := time.NewTicker(interval / 2)
	defer tick.Stop()
	for {
		if loops := stalled(); len(loops) == 0 {
			send(daemon.SdNotifyWatchdog)
		} else {
			log.Error("the service hangs, and its watchdog is not fed", "loops", strings.Join(loops, ", "))
			Status("hangs: " + strings.Join(loops, ", "))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
