package localsock

// A creation is how an instance of a pipe is made: the numbers among the arguments of
// NtCreateNamedPipeFile, of which CreateNamedPipe hides some. It is the same everywhere
// so that it can be tested everywhere.
type creation struct {
	access, share, disposition, options uint32
	typ, readMode, completion           uint32
	instances, inbound, outbound        uint32
	wait                                int64 // of clients with the default of WaitNamedPipe, in units of 100 ns; negative: from now on
}

// Numbers of winnt.h, winternl.h and winbase.h.
const (
	genericRead  = 0x80000000
	genericWrite = 0x40000000
	synchronize  = 0x100000
	shareBoth    = 0x3 // FILE_SHARE_READ, FILE_SHARE_WRITE: clients open the other end of both

	dispositionOpen   = 1
	dispositionCreate = 2

	asynchronous = 0 // no FILE_SYNCHRONOUS_IO_NONALERT: as FILE_FLAG_OVERLAPPED

	byteStream    = 0 // FILE_PIPE_BYTE_STREAM_TYPE, and _MODE
	rejectRemote  = 2 // FILE_PIPE_REJECT_REMOTE_CLIENTS
	queueRequests = 0 // FILE_PIPE_QUEUE_OPERATION: who reads waits

	overlapped              = 0x40000000
	securityPresent         = 0x100000 // SECURITY_SQOS_PRESENT: the level counts
	securityIdentify        = 0x10000  // SECURITY_IDENTIFICATION
	unlimited               = 1<<32 - 1
	pipeBuffer              = 64 << 10 // that each direction holds, in bytes
	openAccess              = genericRead | genericWrite
	openFlags               = overlapped | securityPresent | securityIdentify
	fiftyMilliseconds int64 = 500_000
)

// creationOf makes the first instance of a pipe, which fails if there is one, or another
// one, which fails if there is none. Clients on other machines are refused.
func creationOf(first bool) creation {
	c := creation{
		access: genericRead | genericWrite | synchronize, share: shareBoth, disposition: dispositionOpen, options: asynchronous,
		typ: byteStream | rejectRemote, readMode: byteStream, completion: queueRequests,
		instances: unlimited, inbound: pipeBuffer, outbound: pipeBuffer, wait: -fiftyMilliseconds,
	}
	if first {
		c.disposition = dispositionCreate
	}
	return c
}
