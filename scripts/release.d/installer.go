package main

import "context"

func (r *release) installer(ctx context.Context) error { return nil }
