//go:build !linux

package taskcerts

import "errors"

func makeFolder(string, []file, User) error { return errors.ErrUnsupported }
func removeFolder(string) (int, error)      { return 0, errors.ErrUnsupported }
