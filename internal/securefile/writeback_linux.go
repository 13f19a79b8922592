package securefile

import "golang.org/x/sys/unix"

// writeBack has the kernel begin to write n bytes at offset to disk.
func (f *File) writeBack(offset, n int64) {
	conn, err := f.temp.SyscallConn()
	if err != nil {
		return
	}
	conn.Control(func(fd uintptr) {
		unix.SyncFileRange(int(fd), offset, n, unix.SYNC_FILE_RANGE_WRITE) // only a hint
	})
}
