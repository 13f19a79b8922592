package main

import (
	"fmt"
	"io"
	"os"
	"syscall"
)

// isJournal tells whether w is the stream that systemd names in JOURNAL_STREAM, as
// device:inode. A shell below the service may have sent it elsewhere.
func isJournal(w io.Writer, stream string) bool {
	f, ok := w.(*os.File)
	if !ok || stream == "" {
		return false
	}
	info, err := f.Stat()
	if err != nil {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && stream == fmt.Sprintf("%d:%d", st.Dev, st.Ino)
}
