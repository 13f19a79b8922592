package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
)

// busyClasses are the classes of errors that may pass: the first two digits of
// the code.
var busyClasses = map[string]bool{
	"08": true, // connection
	"40": true, // transaction rolled back, also after all attempts
	"53": true, // out of disk, memory or connections
	"55": true, // a lock was not available
	"57": true, // shut down, starting
	"58": true, // system error
}

// notWritable is said by a server that is no longer, or not yet, the primary.
const notWritable = "25006"

// diskCodes say that the server's disk is full or fails.
var diskCodes = map[string]bool{"53100": true, "58030": true}

// postgresError wraps ErrBusy or ErrDisk around what may pass.
func postgresError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, net.ErrClosed), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrConnDone), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: %w", ErrBusy, err)
	}
	if failure, ok := errors.AsType[*pgconn.PgError](err); ok {
		if diskCodes[failure.Code] {
			return fmt.Errorf("%w: %w", ErrDisk, err)
		}
		if len(failure.Code) == 5 && (busyClasses[failure.Code[:2]] || failure.Code == notWritable) {
			return fmt.Errorf("%w: %w", ErrBusy, err)
		}
		return err
	}
	_, network := errors.AsType[net.Error](err)
	_, connect := errors.AsType[*pgconn.ConnectError](err)
	if network || connect || pgconn.SafeToRetry(err) {
		return fmt.Errorf("%w: %w", ErrBusy, err)
	}
	return err
}
