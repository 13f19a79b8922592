package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"poolcert/account/db"
	"poolcert/batch"
)

const contentType = "application/json;odata=minimalmetadata"

// fail answers with an error. It is the one place where errors become codes.
func (c *call) fail(err error) {
	refusal := c.refusal(err)
	switch {
	case c.status != 0: // it has an answer
		return
	case refusal == nil: // the client is gone
		c.record.Code = "Canceled"
		return
	}
	c.record.Code = string(refusal.Code)
	if refusal.Status == http.StatusServiceUnavailable && c.w.Header().Get("Retry-After") == "" {
		c.w.Header().Set("Retry-After", "1")
	}
	c.write(refusal.Status, refusal.Body(c.base, c.record.ID, batch.TimeOf(time.Now())))
}

func (c *call) refusal(err error) *batch.Error {
	var refusal *batch.Error
	switch {
	case errors.As(err, &refusal):
		if refusal.Status >= http.StatusInternalServerError && !errors.Is(err, errSilent) {
			c.logPostponed(err)
		}
		return refusal
	case errors.Is(err, context.DeadlineExceeded):
		return timedOut()
	case errors.Is(err, context.Canceled) && c.r.Context().Err() != nil:
		return nil
	case errors.Is(err, db.ErrBusy):
		c.logPostponed(err)
		return batch.NewError(batch.CodeServerBusy, "The server is currently unable to receive requests. Please retry your request.")
	}
	c.log.ErrorContext(c.r.Context(), "request failed", "method", c.r.Method, "path", c.r.URL.Path, "err", err)
	return batch.NewError(batch.CodeInternalError, "The server encountered an internal error. Please retry the request.")
}

// logPostponed tells the log once a minute, and of each request at debug: while the
// database is away they are all alike, and anybody can make one.
func (c *call) logPostponed(err error) {
	level := slog.LevelWarn
	if errors.Is(err, db.ErrDisk) { // a person is needed
		level = slog.LevelError
	}
	if c.limits.complaints.Take("postponed "+level.String(), time.Now()) > 0 {
		level = slog.LevelDebug
	}
	c.log.Log(c.r.Context(), level, "request postponed", "err", err)
}

func timedOut() *batch.Error {
	return batch.NewError(batch.CodeOperationTimedOut, "The operation could not be completed within the permitted time.")
}

// write sends the answer; a nil body is none.
func (c *call) write(status int, body []byte) {
	c.status = status
	if body != nil {
		c.w.Header().Set("Content-Type", contentType)
	}
	if status != http.StatusNoContent && status != http.StatusNotModified {
		c.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	c.w.WriteHeader(status)
	c.w.Write(body) // a client that is gone is not our error
}

func (c *call) empty(status int) error {
	c.write(status, nil)
	return nil
}

func (c *call) json(status int, v any) error {
	body, err := encode(v)
	if err != nil {
		return err
	}
	c.write(status, body)
	return nil
}

// entity answers with one element, cut to $select.
func (c *call) entity(v any) error {
	element, err := c.element(v)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, element)
}

// element returns v, which encodes to an object, in the words of the client's
// api-version, and with the selected properties only.
func (c *call) element(v any) (any, error) {
	selected, old := c.params.selected, beforeVisibilityLists(c.params.version)
	if selected == nil && !old {
		return v, nil
	}
	data, err := encode(v)
	if err != nil {
		return nil, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return nil, err
	}
	if old {
		if err := joinVisibilities(members); err != nil {
			return nil, err
		}
	}
	for name := range members {
		if selected != nil && name != "odata.metadata" && !slices.Contains(selected, strings.ToLower(name)) {
			delete(members, name)
		}
	}
	return members, nil
}

// encode writes JSON as the real service does, with < > & as they are.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
