package unwrap

import (
	"errors"
	"testing"

	"golang.org/x/sys/windows"
)

// privateMode is the mode of an output, which tells nothing of its rights here.
const privateMode = "-rw-rw-rw-"

// hold opens a file as programs do, so that nobody can change, move or remove it.
func (b *bench) hold(name string) (release func()) {
	b.Helper()
	path, err := windows.UTF16PtrFromString(b.path(name))
	if err != nil {
		b.Fatal(err)
	}
	handle, err := windows.CreateFile(path, windows.GENERIC_READ, windows.FILE_SHARE_READ, nil, windows.OPEN_EXISTING, 0, 0)
	if err != nil {
		b.Fatal(err)
	}
	return func() { windows.CloseHandle(handle) }
}

// An output that a program reads is not replaced, and the new content is not lost: the
// sealed file stays, and opens when the program has ended.
func TestRunWithOpenFiles(t *testing.T) {
	b := newBench(t)
	b.seal("a.cms", "content")
	b.write("a", []byte("old"))
	b.Replace, b.Remove = true, true
	release := b.hold("a")
	results := b.run("")
	b.want(results, map[string]State{"a.cms": Failed})
	if !errors.Is(results[0].Err, windows.ERROR_ACCESS_DENIED) && !errors.Is(results[0].Err, windows.ERROR_SHARING_VIOLATION) {
		t.Errorf("error %v", results[0].Err)
	}
	release()
	b.files(map[string]string{"a": "old"})
	b.want(b.run(""), map[string]State{"a.cms": Opened})
	b.files(map[string]string{"a": "content"})
	// A source that a program reads is opened, and cannot be removed.
	b.seal("b.cms", "content")
	release = b.hold("b.cms")
	results = b.run("b.cms")
	b.want(results, map[string]State{"b.cms": Failed})
	if results[0].Removed || !errors.Is(results[0].Err, windows.ERROR_SHARING_VIOLATION) {
		t.Errorf("%+v", results[0])
	}
	release()
	b.want(b.run("b.cms"), map[string]State{"b.cms": Opened})
}

// One that is held for a moment, as by a virus scanner, is waited for.
func TestRunWaits(t *testing.T) {
	b := newBench(t)
	b.seal("a.cms", "content")
	b.write("a", []byte("old"))
	b.Replace = true
	release := b.hold("a")
	b.Unwrapper = &meanwhile{b.Unwrapper, func() { go release() }}
	b.want(b.run(""), map[string]State{"a.cms": Opened})
	b.files(map[string]string{"a": "content"})
}
