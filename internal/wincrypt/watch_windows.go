package wincrypt

import (
	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

const storesKey = `Software\Microsoft\SystemCertificates` // each store is a key below

// Watch implements [Calls].
func (system) Watch(changed chan<- struct{}) (end func(), err error) {
	n, err := newNotice()
	if err != nil {
		return nil, err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		which, err := windows.WaitForMultipleObjects([]windows.Handle{n.change, n.end}, false, windows.INFINITE)
		if err != nil || which != windows.WAIT_OBJECT_0 {
			return
		}
		select {
		case changed <- struct{}{}:
		default:
		}
	}()
	return func() {
		_ = windows.SetEvent(n.end) // can't fail: it is an event of our own
		<-done
		n.close()
	}, nil
}

// A notice is what Windows gives when a store of the computer changes.
type notice struct {
	key         registry.Key
	change, end windows.Handle // events; end is that of whoever waits
}

func newNotice() (*notice, error) {
	var n notice
	if err := n.open(); err != nil {
		n.close()
		return nil, failed("watch certificate stores", err)
	}
	return &n, nil
}

func (n *notice) open() (err error) {
	if n.key, err = registry.OpenKey(registry.LOCAL_MACHINE, storesKey, registry.NOTIFY); err != nil {
		return err
	}
	if n.change, err = windows.CreateEvent(nil, 1, 0, nil); err != nil {
		return err
	}
	if n.end, err = windows.CreateEvent(nil, 1, 0, nil); err != nil {
		return err
	}
	// Else it would end with the thread that asks.
	const which = windows.REG_NOTIFY_CHANGE_NAME | windows.REG_NOTIFY_CHANGE_LAST_SET | windows.REG_NOTIFY_THREAD_AGNOSTIC
	return windows.RegNotifyChangeKeyValue(windows.Handle(n.key), true, which, n.change, true)
}

func (n *notice) close() {
	if n.key != 0 {
		n.key.Close()
	}
	for _, event := range []windows.Handle{n.change, n.end} {
		if event != 0 {
			windows.CloseHandle(event)
		}
	}
}
