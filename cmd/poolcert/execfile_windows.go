package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"poolcert/decrypt"
)

// openFile opens a message to a file in a private folder, where it stays until the
// command has ended. Windows has no files in memory that a program can open by name.
func (p *execPlan) openFile(ctx context.Context, s sealedFile, u decrypt.Unwrapper) error {
	in, err := os.Open(s.path)
	if err != nil {
		return err
	}
	defer in.Close()
	folder, ok := p.folder.(*privateFolder)
	if !ok {
		if folder, err = newPrivateFolder(); err != nil {
			return fmt.Errorf("make a private folder: %w", err)
		}
		p.folder = folder
	}
	out, err := folder.create(strings.TrimSuffix(s.path, filepath.Ext(s.path)))
	if err != nil {
		return err
	}
	_, err = decrypt.Decrypt(ctx, out, in, u, decrypt.Options{UnverifiedStream: true}) // nobody sees it before all of it is known
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	f, err := folder.hold(out.Name())
	if err != nil {
		return err
	}
	p.files = append(p.files, f)
	p.paths[s.name] = f.Name()
	return nil
}
