package main

import (
	"context"
	"errors"

	"poolcert/internal/svcrun"
)

// afterJoin says how to start the agent: a service that the installer made has stopped,
// since there was no pool.
func (o *options) afterJoin(context.Context) string {
	if o.configFile+o.stateDir+o.socket != "" {
		return "" // who runs the agent, and how, is not known
	}
	return nextOf(o.service().Standing())
}

func nextOf(st *svcrun.Standing, err error) string {
	switch {
	case errors.Is(err, svcrun.ErrNotInstalled):
		return "to start the agent: 'poolcert-agent install', then '" + startCommand + "'"
	case err != nil || st.Running:
		return ""
	}
	return "to start the agent: '" + startCommand + "'"
}
