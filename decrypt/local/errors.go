package local

import (
	"context"
	"errors"
	"net/http"

	"poolcert/decrypt"
	"poolcert/decrypt/binding"
	"poolcert/decrypt/cms"
)

// Errors of a [Client], beside [cms.ErrNoRecipient], [cms.ErrDecrypt] and
// [binding.ErrBound]. Test
// with errors.Is.
var (
	// ErrUnavailable: no service answers on the socket.
	ErrUnavailable = errors.New("the node's decrypt service does not answer")

	// ErrNotAllowed: the caller may use nothing on this node.
	ErrNotAllowed = errors.New("not allowed to use the node's certificates")

	// ErrNotReady: the service has no certificates yet. Try again later.
	ErrNotReady = errors.New("the node's certificates are not ready yet")

	// ErrTooManyFailures: of this user's messages, too many failed. Try again when
	// a minute has passed.
	ErrTooManyFailures = errors.New("too many messages failed to decrypt")

	// ErrBusy: too much to do. Try again later.
	ErrBusy = errors.New("the node's decrypt service is busy")

	// ErrTooLarge: the message exceeds a limit.
	ErrTooLarge = errors.New("message too large")

	// ErrMalformed: the message is damaged, or none.
	ErrMalformed = errors.New("malformed message")

	// ErrUnsupported: a kind of message or algorithm that the service does not know.
	ErrUnsupported = errors.New("unsupported message")

	// ErrInternal: the service failed. Its log says why.
	ErrInternal = errors.New("the node's decrypt service failed")
)

// A RefusedError says why a caller may use nothing. It wraps [ErrNotAllowed].
type RefusedError struct {
	Reason string // for the caller, such as "uid 1000 is in none of the groups ..."
}

func (e *RefusedError) Error() string { return ErrNotAllowed.Error() + ": " + e.Reason }

func (e *RefusedError) Unwrap() error { return ErrNotAllowed }

// An Error is an answer of the service that is not a success. It wraps the
// exported error that its code stands for.
type Error struct {
	Code    string `json:"code"`
	Message string `json:"message"` // for people
}

func (e *Error) Error() string { return e.Message }

func (e *Error) Unwrap() error {
	for _, k := range kinds {
		if k.code == e.Code {
			return k.err
		}
	}
	return ErrInternal
}

// kinds maps errors to codes and statuses, in both directions.
var kinds = []struct {
	code   string
	status int
	err    error
}{
	{"not-allowed", http.StatusForbidden, ErrNotAllowed},
	{"bound", http.StatusForbidden, binding.ErrBound},
	{"no-recipient", http.StatusNotFound, cms.ErrNoRecipient},
	{"decrypt-failed", http.StatusUnprocessableEntity, cms.ErrDecrypt},
	{"too-large", http.StatusRequestEntityTooLarge, ErrTooLarge},
	{"malformed", http.StatusBadRequest, ErrMalformed},
	{"unsupported", http.StatusBadRequest, ErrUnsupported},
	{"too-many-failures", http.StatusTooManyRequests, ErrTooManyFailures},
	{"not-ready", http.StatusServiceUnavailable, ErrNotReady},
	{"busy", http.StatusServiceUnavailable, ErrBusy},
	{"not-found", http.StatusNotFound, errNotFound},
	{"internal", http.StatusInternalServerError, ErrInternal},
}

var errNotFound = errors.New("no such operation")

// answerTo returns what the caller is told of err, and the HTTP status. An error
// of no known kind becomes internal, without its text.
func answerTo(err error) (*Error, int) {
	var (
		tooLarge    *http.MaxBytesError
		limit       *cms.LimitError
		format      *cms.FormatError
		unsupported *cms.UnsupportedError
		sentinel    = err
	)
	switch {
	case errors.As(err, &tooLarge), errors.As(err, &limit):
		sentinel = ErrTooLarge
	case errors.As(err, &format), errors.Is(err, decrypt.ErrUnknownForm):
		sentinel = ErrMalformed
	case errors.As(err, &unsupported):
		sentinel = ErrUnsupported
	}
	for _, k := range kinds {
		if errors.Is(sentinel, k.err) && k.err != ErrInternal {
			return &Error{k.code, err.Error()}, k.status
		}
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return answerTo(ErrBusy)
	}
	return &Error{"internal", ErrInternal.Error()}, http.StatusInternalServerError
}
