package tpmkey

import (
	"errors"
	"fmt"
	"os"
)

// Open opens the TPM of this machine, or fails with [ErrNoTPM].
func Open() (*TPM, error) {
	var errs []error
	for _, path := range []string{"/dev/tpmrm0", "/dev/tpm0"} { // the first one lets others use it, too
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err == nil {
			return New(f), nil
		}
		errs = append(errs, err)
	}
	return nil, fmt.Errorf("%w: %w", ErrNoTPM, errors.Join(errs...))
}
