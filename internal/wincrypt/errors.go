package wincrypt

import (
	"errors"
	"fmt"
)

var (
	// ErrNotFound: no such store, certificate or key.
	ErrNotFound = errors.New("not there")

	// ErrExists: there is one already.
	ErrExists = errors.New("there is one already")

	// ErrAccess: this process's account may not do it.
	ErrAccess = errors.New("access denied")

	// ErrUnsupported: Windows, or the provider of a key, does not have it.
	ErrUnsupported = errors.New("not supported by Windows or the key's provider")

	// ErrAsks: Windows would have to ask a person.
	ErrAsks = errors.New("a person would have to agree on the screen, and a service has none")

	// ErrData: the data does not fit, such as a ciphertext that does not open.
	ErrData = errors.New("bad data")

	// ErrClosed: the key is not in use any more.
	ErrClosed = errors.New("the certificate was removed or renewed")
)

// An Error is a failed call.
type Error struct {
	Call string // such as "CertOpenStore"
	Code uint32 // of Windows: GetLastError, HRESULT or SECURITY_STATUS
}

func (e *Error) Error() string {
	if err := e.Unwrap(); err != nil {
		return fmt.Sprintf("%s: %v (%s)", e.Call, err, e.code())
	}
	return fmt.Sprintf("%s: error %s of Windows", e.Call, e.code())
}

func (e *Error) code() string {
	if e.Code < 1<<16 {
		return fmt.Sprint(e.Code)
	}
	return fmt.Sprintf("0x%08X", e.Code)
}

// Unwrap returns the sentinel of the code, or nil.
func (e *Error) Unwrap() error { return sentinels[win32(e.Code)] }

// win32 returns the plain code in an HRESULT that only wraps one.
func win32(code uint32) uint32 {
	if code>>16 == 0x8007 {
		return code & 0xffff
	}
	return code
}

var sentinels = map[uint32]error{
	2:          ErrNotFound,    // ERROR_FILE_NOT_FOUND
	3:          ErrNotFound,    // ERROR_PATH_NOT_FOUND
	5:          ErrAccess,      // ERROR_ACCESS_DENIED
	13:         ErrData,        // ERROR_INVALID_DATA
	50:         ErrUnsupported, // ERROR_NOT_SUPPORTED
	86:         ErrData,        // ERROR_INVALID_PASSWORD
	87:         ErrData,        // ERROR_INVALID_PARAMETER
	120:        ErrUnsupported, // ERROR_CALL_NOT_IMPLEMENTED
	183:        ErrExists,      // ERROR_ALREADY_EXISTS
	1223:       ErrAsks,        // ERROR_CANCELLED
	0x8009000D: ErrNotFound,    // NTE_NO_KEY
	0x80090011: ErrNotFound,    // NTE_NOT_FOUND
	0x80090016: ErrNotFound,    // NTE_BAD_KEYSET
	0x8009000F: ErrExists,      // NTE_EXISTS
	0x80090010: ErrAccess,      // NTE_PERM
	0x80090022: ErrAsks,        // NTE_SILENT_CONTEXT
	0x8009002E: ErrAsks,        // NTE_UI_REQUIRED
	0x80090036: ErrAsks,        // NTE_USER_CANCELLED
	0x80090008: ErrUnsupported, // NTE_BAD_ALGID
	0x80090009: ErrUnsupported, // NTE_BAD_FLAGS
	0x8009000A: ErrUnsupported, // NTE_BAD_TYPE
	0x80090014: ErrUnsupported, // NTE_BAD_PROV_TYPE
	0x80090029: ErrUnsupported, // NTE_NOT_SUPPORTED
	0x80090004: ErrData,        // NTE_BAD_LEN
	0x80090005: ErrData,        // NTE_BAD_DATA
	0x80090027: ErrData,        // NTE_INVALID_PARAMETER
	0x8009002C: ErrData,        // NTE_DECRYPTION_FAILURE
	0x80092002: ErrData,        // CRYPT_E_BAD_ENCODE
	0x80092004: ErrNotFound,    // CRYPT_E_NOT_FOUND
	0x80092005: ErrExists,      // CRYPT_E_EXISTS
	0x8009200B: ErrNotFound,    // CRYPT_E_NO_KEY_PROPERTY
}
