package lastgood

import (
	"errors"
	"fmt"
	"io/fs"

	"poolcert/agent/member"
	"poolcert/agent/statedir"
	"poolcert/internal/dpapi"
	"poolcert/internal/filetrust"
)

// A dpapiKey is in a file of the state directory that only this computer's Windows opens.
type dpapiKey struct {
	state   *statedir.Dir
	id      *member.Identity // may be nil
	machine dpapi.Machine
}

func (k *dpapiKey) file() string { return statedir.LastGoodDPAPIFile }

func (k *dpapiKey) purpose() dpapi.Purpose {
	if k.id == nil {
		return dpapi.Purpose{"last known good"}
	}
	return append(dpapi.Purpose{"last known good"}, nodeOf(k.id)...)
}

func (k *dpapiKey) load(create bool) ([]byte, error) {
	sealed, err := k.state.Read(statedir.LastGoodDPAPIFile, maxBlob)
	switch {
	case err == nil:
		key, openErr := dpapi.Open(k.machine, sealed, k.purpose())
		switch {
		case openErr == nil && len(key) == keySize:
			return key, nil
		case openErr != nil && !errors.Is(openErr, dpapi.ErrSealed):
			return nil, openErr
		}
		err = errors.New("its key is another computer's, or damaged")
	case errors.Is(err, fs.ErrNotExist):
		err = errors.New("its key is missing")
	case !errors.Is(err, filetrust.ErrTooLarge):
		return nil, err
	}
	if !create {
		return nil, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	key := newKey()
	if sealed, err = dpapi.Seal(k.machine, key, k.purpose()); err != nil {
		return nil, err
	}
	if err := k.state.Write(statedir.LastGoodDPAPIFile, sealed); err != nil {
		return nil, err
	}
	return key, nil
}
