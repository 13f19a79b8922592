package main

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"poolcert/agent/doctor"
	"poolcert/internal/svcrun"
)

func TestJudgeService(t *testing.T) {
	good := func(change func(*svcrun.Standing)) *svcrun.Standing {
		st := &svcrun.Standing{Program: `C:\P\agent.exe`, Account: "LocalSystem", Automatic: true, Running: true, Restarts: []time.Duration{time.Second}}
		change(st)
		return st
	}
	const ok, warning, wrong = doctor.OK, doctor.Warning, doctor.Wrong
	for _, test := range []struct {
		name       string
		st         *svcrun.Standing
		err        error
		registered bool
		eventsErr  error
		want       []doctor.Result
	}{
		{"as it should be", good(func(*svcrun.Standing) {}), nil, true, nil, []doctor.Result{ok}},
		{"in other letters", good(func(st *svcrun.Standing) { st.Program = `c:\p\AGENT.EXE` }), nil, true, nil, []doctor.Result{ok}},
		{"stopped", good(func(st *svcrun.Standing) { st.Running = false }), nil, true, nil, []doctor.Result{ok}},
		{"on Wine", good(func(st *svcrun.Standing) { st.Restarts = nil }), nil, true, nil, []doctor.Result{ok}},
		{"none", nil, svcrun.ErrNotInstalled, false, nil, []doctor.Result{warning}},
		{"unknown", nil, errors.New("access denied"), false, nil, []doctor.Result{warning}},
		{"another program", good(func(st *svcrun.Standing) { st.Program = `C:\old.exe` }), nil, true, nil, []doctor.Result{warning}},
		{"by hand", good(func(st *svcrun.Standing) { st.Automatic = false }), nil, true, nil, []doctor.Result{warning}},
		{"no recovery", good(func(st *svcrun.Standing) { st.Restarts = []time.Duration{} }), nil, true, nil, []doctor.Result{warning}},
		{"dead", good(func(st *svcrun.Standing) { st.Running, st.ExitCode = false, 1067 }), nil, true, nil, []doctor.Result{wrong}},
		{"refused", good(func(st *svcrun.Standing) { st.Running, st.Open = false, svcrun.ErrOpenProgram }), nil, true, nil, []doctor.Result{wrong}},
		{"no source", good(func(*svcrun.Standing) {}), nil, false, nil, []doctor.Result{warning}},
		{"no view of sources", good(func(*svcrun.Standing) {}), nil, false, errors.New("access denied"), []doctor.Result{warning}},
	} {
		var got []doctor.Result
		for _, f := range judgeService(`C:\P\agent.exe`, test.st, test.err, test.registered, test.eventsErr) {
			got = append(got, f.Result)
			if (f.Do == "") != (f.Result == ok) || f.Detail == "" {
				t.Errorf("%s: %+v", test.name, f)
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
}
