package localsock

import "testing"

// The numbers are those of [MS-FSA], winternl.h and winbase.h, written out.
func TestCreationOf(t *testing.T) {
	for first, disposition := range map[bool]uint32{
		true:  2, // FILE_CREATE: nobody has the name
		false: 1, // FILE_OPEN: it is ours
	} {
		want := creation{
			access: 0xc0100000, share: 3, disposition: disposition,
			typ:       2, // bytes, and FILE_PIPE_REJECT_REMOTE_CLIENTS
			instances: 0xffffffff, inbound: 65536, outbound: 65536, wait: -500_000,
		}
		if got := creationOf(first); got != want {
			t.Errorf("first %t: got %+v, want %+v", first, got, want)
		}
	}
}

// A server that a client connects to may know who that is, and not act as that user:
// SECURITY_SQOS_PRESENT and SECURITY_IDENTIFICATION. Level 2 would be impersonation,
// and without the first flag, the level is not looked at.
func TestOpenFlags(t *testing.T) {
	if openFlags != 0x40000000|0x100000|1<<16 || openAccess != 0xc0000000 {
		t.Errorf("flags %#x, access %#x", openFlags, openAccess)
	}
}
