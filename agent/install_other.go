//go:build !windows

package agent

const hasStores = false

func defaultInstall() []Install { return []Install{InstallDirectory} }
