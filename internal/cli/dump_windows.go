package cli

import (
	"golang.org/x/sys/windows"
)

// noHeap is WER_FAULT_REPORTING_FLAG_NOHEAP.
const noHeap = 1

// setErrorReporting is WerSetFlags, which kernel32 has.
var setErrorReporting = windows.NewLazySystemDLL("kernel32.dll").NewProc("WerSetFlags")

// forbidDumps keeps the memory of this process, which may hold keys and secrets, out of
// the reports that Windows writes of crashes, also with GOTRACEBACK=wer: no report is
// made, and if something asks for one, the heap is not in it. Programs that this one
// starts inherit the first, as they do from every Go program.
//
// It hinders no debugger: who may open the process, which is its own user and the
// administrators, can read its memory.
func forbidDumps() error {
	const quiet = windows.SEM_FAILCRITICALERRORS | windows.SEM_NOGPFAULTERRORBOX
	windows.SetErrorMode(windows.SetErrorMode(quiet) | quiet)
	if err := setErrorReporting.Find(); err != nil {
		return err
	}
	if failed, _, _ := setErrorReporting.Call(noHeap); failed != 0 { // an HRESULT
		return windows.Errno(failed)
	}
	return nil
}
