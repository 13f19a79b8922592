package main

import (
	"errors"
	"testing"

	"poolcert/internal/svcrun"
)

func TestNextOf(t *testing.T) {
	for _, test := range []struct {
		st   *svcrun.Standing
		err  error
		want string
	}{
		{nil, svcrun.ErrNotInstalled, "to start the agent: 'poolcert-agent install', then 'poolcert-agent start'"},
		{&svcrun.Standing{Automatic: true}, nil, "to start the agent: 'poolcert-agent start'"},
		{&svcrun.Standing{Running: true}, nil, ""},
		{nil, errors.New("access denied"), ""},
	} {
		if got := nextOf(test.st, test.err); got != test.want {
			t.Errorf("%+v, %v: %q, want %q", test.st, test.err, got, test.want)
		}
	}
}
