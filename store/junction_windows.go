package store

import (
	"errors"
	"fmt"

	"golang.org/x/sys/windows"

	"poolcert/internal/winfile"
)

type systemJunctions struct{}

func (systemJunctions) setJunction(path, target string) error {
	return winfile.SetJunction(path, target)
}

func (systemJunctions) junction(path string) (string, error) {
	target, err := winfile.Junction(path)
	if errors.Is(err, windows.ERROR_NOT_A_REPARSE_POINT) || errors.Is(err, winfile.ErrJunction) {
		err = fmt.Errorf("%w: %w", errNoJunction, err)
	}
	return target, err
}
