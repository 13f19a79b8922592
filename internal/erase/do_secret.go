//go:build goexperiment.runtimesecret && linux && (amd64 || arm64)

package erase

import "runtime/secret"

const supported = true

func do(f func()) { secret.Do(f) }
