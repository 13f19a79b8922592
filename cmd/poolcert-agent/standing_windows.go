package main

import (
	"errors"
	"fmt"
	"strings"

	"poolcert/agent/doctor"
	"poolcert/internal/eventlog"
	"poolcert/internal/svcrun"
)

// serviceFindings looks at the agent as a service: whether it will be there after a
// reboot, and after a failure.
func (o *options) serviceFindings() []doctor.Finding {
	s := o.service()
	standing, err := s.Standing()
	registered, eventsErr := eventlog.IsRegistered(s.Name)
	return judgeService(s.Program, standing, err, registered, eventsErr)
}

func judgeService(program string, st *svcrun.Standing, err error, registered bool, eventsErr error) []doctor.Finding {
	const check, again = "windows service", "run 'poolcert-agent install' again as an administrator; it changes what is there"
	warning := func(do, format string, args ...any) doctor.Finding {
		return doctor.Finding{Check: check, Result: doctor.Warning, Detail: fmt.Sprintf(format, args...), Do: do}
	}
	switch {
	case errors.Is(err, svcrun.ErrNotInstalled):
		return []doctor.Finding{warning("run 'poolcert-agent install' as an administrator, unless something else starts the agent", "the agent is no service: it ends with this session")}
	case err != nil:
		return []doctor.Finding{warning("run this as an administrator", "%v", err)}
	}
	var found []doctor.Finding
	if !strings.EqualFold(st.Program, program) {
		found = append(found, warning("if that is an old one, "+again, "the service runs another program than this one: %s", st.Program))
	}
	if st.Open != nil {
		found = append(found, doctor.Finding{Check: check, Result: doctor.Wrong, Detail: fmt.Sprintf("the service does not run its program: %v", st.Open), Do: ownProgram})
	}
	if !st.Automatic {
		found = append(found, warning(again, "the service does not start at a boot"))
	}
	if st.Restarts != nil && len(st.Restarts) == 0 {
		found = append(found, warning(again, "the service is not started again after a failure"))
	}
	if !st.Running && st.ExitCode != 0 {
		found = append(found, doctor.Finding{Check: check, Result: doctor.Wrong, Detail: fmt.Sprintf("the service ended with code %d", st.ExitCode), Do: lookAtLog})
	}
	switch {
	case eventsErr != nil:
		found = append(found, warning("run this as an administrator", "%v", eventsErr))
	case !registered:
		found = append(found, warning(again, "the event log does not know the source %s: its events are shown with a complaint", serviceName))
	}
	if len(found) > 0 {
		return found
	}
	state := "is stopped"
	if st.Running {
		state = "runs"
	}
	return []doctor.Finding{{Check: check, Result: doctor.OK, Detail: fmt.Sprintf("%s as %s, and starts at each boot", state, st.Account)}}
}
