package nodeapi

import "errors"

// What a node takes, whatever its source is. A certificate is well below that in an
// account, which takes 10 KB of base64.
const (
	MaxReferences = 1000     // certificates
	MaxData       = 32 << 10 // bytes of one
	MaxPassword   = 4 << 10  // bytes of its password
)

// Refused tells whether err is, or wraps, an [*Error] with this code.
func Refused(err error, code ErrorCode) bool {
	var refused *Error
	return errors.As(err, &refused) && refused.Code == code
}
