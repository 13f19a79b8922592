//go:build !linux && !windows

package svcrun

import "context"

func (s *Service) install(context.Context) error         { return ErrPlatform }
func (s *Service) uninstall(context.Context) error       { return ErrPlatform }
func (s *Service) control(context.Context, string) error { return ErrPlatform }

func (s *Service) run(ctx context.Context, work func(context.Context, *Host) error) error {
	return inConsole(ctx, work)
}
