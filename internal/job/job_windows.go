package job

import (
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// killed is the exit code of what a job ends: what a shell has for SIGKILL.
const killed = 137

var procSetInformationJobObject = windows.NewLazySystemDLL("kernel32.dll").NewProc("SetInformationJobObject")

// A Job is a job object whose processes end when it is closed. No process can leave
// it. Its methods are safe for concurrent use, but for Close, which comes last.
type Job struct{ handle windows.Handle }

// New makes a job with no process in it.
func New() (*Job, error) {
	handle, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return nil, fmt.Errorf("make a job object: %w", err)
	}
	j := &Job{handle}
	if err := j.limit(windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE); err != nil {
		windows.CloseHandle(handle)
		return nil, err
	}
	return j, nil
}

func (j *Job) limit(flags uint32) error {
	var limits windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	limits.BasicLimitInformation.LimitFlags = flags
	// Not by golang.org/x/sys, which takes the limits' address and does not keep them there.
	ok, _, err := procSetInformationJobObject.Call(uintptr(j.handle), windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&limits)), unsafe.Sizeof(limits))
	if uint32(ok) == 0 {
		return fmt.Errorf("set the limits of a job object: %w", err)
	}
	return nil
}

// Start starts cmd in the job: it runs no instruction outside of it. If this process
// is killed in the very moment between, the command stays behind without ever running.
func (j *Job) Start(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.CreationFlags |= windows.CREATE_SUSPENDED
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := j.admit(cmd); err != nil {
		cmd.Process.Kill()
		cmd.Wait()
		return err
	}
	return nil
}

// admit takes a suspended process into the job, and lets it run.
func (j *Job) admit(cmd *exec.Cmd) error {
	if err := j.add(cmd); err != nil {
		return fmt.Errorf("put process %d into a job object: %w", cmd.Process.Pid, err)
	}
	if err := resume(uint32(cmd.Process.Pid)); err != nil {
		return fmt.Errorf("let process %d run: %w", cmd.Process.Pid, err)
	}
	return nil
}

func (j *Job) add(cmd *exec.Cmd) error {
	var assignErr error
	err := cmd.Process.WithHandle(func(process uintptr) {
		assignErr = windows.AssignProcessToJobObject(j.handle, windows.Handle(process))
	})
	return errors.Join(err, assignErr)
}

// resume lets the one thread of a process that was made suspended run. Its handle is
// not kept by package os.
func resume(pid uint32) error {
	snapshot, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPTHREAD, 0)
	if err != nil {
		return err
	}
	defer windows.CloseHandle(snapshot)
	var entry windows.ThreadEntry32
	entry.Size = uint32(unsafe.Sizeof(entry))
	for err = windows.Thread32First(snapshot, &entry); err == nil; err = windows.Thread32Next(snapshot, &entry) {
		if entry.OwnerProcessID != pid {
			continue
		}
		thread, err := windows.OpenThread(windows.THREAD_SUSPEND_RESUME, false, entry.ThreadID)
		if err != nil {
			return err
		}
		defer windows.CloseHandle(thread)
		_, err = windows.ResumeThread(thread)
		return err
	}
	return fmt.Errorf("find its thread: %w", err)
}

// Kill ends all processes of the job, and returns when they are told to.
func (j *Job) Kill() error { return windows.TerminateJobObject(j.handle, killed) }

// Release lets the processes that are in the job go on after Close.
func (j *Job) Release() error { return j.limit(0) }

// Close ends all processes that are left in the job, if they were not released.
func (j *Job) Close() error { return windows.CloseHandle(j.handle) }
